// @ts-check
// The user's ratings: kept on this machine only, by movie id, and written into links and CSV.
/** @typedef {import("./movies.js").Movie} Movie */

/**
 * The ratings by the movie's place; the latest is last. Listeners hear of each change.
 * @param {Movie[]} movies
 * @param {string} key name in localStorage
 */
export function createStore(movies, key) {
  const places = new Map(movies.map((movie, place) => [String(movie.id), place]));
  /** @type {Map<number, number>} */
  let ratings = new Map();
  /** @type {((place: number | null) => void)[]} */
  const listeners = [];
  let isSaving = true;

  /** @param {number | null} place the movie that changed; null for many */
  function changed(place) {
    if (isSaving) {
      try {
        localStorage.setItem(
          key,
          JSON.stringify([...ratings].map(([at, rating]) => [movies[at].id, rating])),
        );
      } catch {} // without storage, ratings last as long as the page
    }
    listeners.forEach((listener) => listener(place));
  }

  /** Ratings by id as ratings by place. @param {Iterable<[number | string, number]>} pairs */
  function byPlace(pairs) {
    const known = new Map();
    for (const [id, rating] of pairs) {
      const place = places.get(String(id));
      if (place !== undefined && Number.isFinite(rating)) known.set(place, rating);
    }
    return known;
  }

  return {
    get ratings() {
      return ratings;
    },
    /** @param {number} place @param {number | null} rating null removes it */
    rate(place, rating) {
      ratings = new Map(ratings);
      if (rating === null) ratings.delete(place);
      else ratings.set(place, rating);
      changed(place);
    },
    /** @param {Map<number, number>} other */
    replace(other) {
      ratings = new Map(other);
      changed(null);
    },
    /** @param {(place: number | null) => void} listener */
    subscribe(listener) {
      listeners.push(listener);
    },
    /** The ratings of the last visit. */
    load() {
      try {
        return byPlace(JSON.parse(localStorage.getItem(key) ?? "[]"));
      } catch {
        return new Map();
      }
    },
    /** While a link's ratings are shown, one's own stay as they are. @param {boolean} isOn */
    save(isOn) {
      isSaving = isOn;
    },
    byPlace,
  };
}

/**
 * The ratings as an address fragment: "#ratings=50:5,100:4.5".
 * @param {Movie[]} movies
 * @param {Map<number, number>} ratings
 */
export function toFragment(movies, ratings) {
  const pairs = [...ratings].map(
    ([place, rating]) => `${encodeURIComponent(movies[place].id)}:${+rating.toFixed(3)}`,
  );
  return `#ratings=${pairs.join(",")}`;
}

/**
 * The ratings of a fragment by movie id; null if it has none.
 * @param {string} fragment
 * @param {{low: number, high: number}} scale
 * @returns {[string, number][] | null}
 */
export function fromFragment(fragment, scale) {
  if (!fragment.startsWith("#ratings=")) return null;
  const pairs = fragment.slice(9).replace(/%2C/gi, ",").replace(/%3A/gi, ":").split(",");
  return pairs.flatMap((pair) => {
    const [id, text] = pair.split(":");
    const rating = text ? Number(text) : NaN;
    try {
      return rating >= scale.low && rating <= scale.high ? [[decodeURIComponent(id), rating]] : [];
    } catch {
      return []; // half of an escaped letter
    }
  });
}

/**
 * The ratings as CSV, which this page and `movierec recommend --ratings` read.
 * @param {Movie[]} movies
 * @param {Map<number, number>} ratings
 */
export function toCsv(movies, ratings) {
  const quoted = (/** @type {any} */ value) => `"${String(value ?? "").replaceAll('"', '""')}"`;
  const rows = [...ratings].map(([place, rating]) => {
    const { id, title, year } = movies[place];
    return [quoted(title), year ?? "", +rating.toFixed(3), quoted(id)].join(",");
  });
  return ["title,year,rating,movie_id", ...rows, ""].join("\r\n");
}
