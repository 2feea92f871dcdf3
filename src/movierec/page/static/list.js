// @ts-check
// The recommended movies, with filters.
import { byId, count, el } from "./dom.js";
import { passes } from "./filters.js";
import { cover, factsOf, fullName, nameOf } from "./movies.js";
import { createPredicted } from "./predicted.js";

const PAGE_SIZE = 10; // as `movierec recommend`; twice as many take a phone twice as long
// Shares of all ratings: the well-known movies have the larger part of them together.
const KNOWN = { "": {}, well: { minShare: 0.5 }, little: { maxShare: 0.2 } };

/**
 * @param {any} recommender
 * @param {any} store
 * @param {(place: number) => any} rater
 * @param {(place: number) => void} openMovie
 */
export function createList(recommender, store, rater, openMovie) {
  const { movies, scale } = recommender;
  const [genre, decade, known, variety] = ["genre", "decade", "known", "variety"].map(byId);
  const list = byId("list");
  let n = PAGE_SIZE;
  /** @type {any[]} */
  let rows = [];
  /** @typedef {(places: number[], passes: (place: number) => boolean) => void} Listener */
  /** @type {Listener} */
  let listener = () => {};
  /** @type {Parameters<Listener>} */
  let onMap = [[], () => true];

  const genres = [...new Set(movies.flatMap((/** @type {any} */ movie) => movie.genres))].sort();
  genre.append(...genres.map((name) => el("option", { value: name }, String(name))));
  const decades = [
    ...new Set(
      movies.flatMap((/** @type {any} */ { year }) => (year ? [Math.floor(year / 10) * 10] : [])),
    ),
  ];
  decade.append(
    ...decades.sort((a, b) => b - a).map((year) => el("option", { value: year }, `${year}s`)),
  );

  const filters = byId("filters");
  filters.addEventListener("change", () => ((n = PAGE_SIZE), refresh()));
  filters.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  byId("more").addEventListener("click", () => {
    const first = rows.length;
    n += PAGE_SIZE;
    refresh();
    list.children[first]?.querySelector("button")?.focus();
  });

  function options() {
    return {
      ...(genre.value && { genres: new Set([genre.value]) }),
      ...(decade.value && { fromYear: Number(decade.value), toYear: Number(decade.value) + 9 }),
      .../** @type {any} */ (KNOWN)[known.value],
      diverse: variety.checked,
      n: n + 1, // whether there are more
    };
  }

  /** A row of the list; its `show` fills in what depends on the ratings. @param {number} place */
  function createRow(place) {
    const movie = movies[place];
    const open = () => openMovie(place);
    const [score, bar] = [el("span"), el("span", { class: "bar", "aria-hidden": "true" })];
    const predicted = createPredicted("Predicted ", scale);
    const row = el(
      "li",
      { class: "row" },
      cover(movie, true),
      el(
        "div",
        { class: "what" },
        el("button", { type: "button", class: "title", onclick: open, dir: "auto" }, nameOf(movie)),
        el("span", { class: "facts" }, factsOf(movie)),
      ),
      el(
        "div",
        {
          class: "score",
          title: "Score from 0 to 100; 100 is the best of all movies that you haven't rated",
        },
        el("span", { class: "number" }, el("span", { class: "label" }, "Score "), score),
        bar,
      ),
      predicted.box,
      rater(place),
      el(
        "button",
        { type: "button", class: "why", "aria-label": `Why ${fullName(movie)}?`, onclick: open },
        "Why?",
      ),
    );
    row.place = place;
    row.show = (/** @type {any} */ found) => {
      const share = Math.round(found.score100);
      score.textContent = String(share);
      bar.style.setProperty("--share", `${share}%`);
      predicted.show(found);
    };
    return row;
  }

  /** Draw the list again, with rows that stay if they can. The row in which the user is rating
   *  stays at its place until they leave it.
   *  @param {boolean} [isNew] whether no row stays */
  function refresh(isNew = false) {
    const chosen = options();
    const found = recommender.recommend(store.ratings, chosen);
    const [hasMore, shown] = [found.length > n, found.slice(0, n)];
    const active = /** @type {any} */ (document.activeElement);
    const at = rows.findIndex((row) => row.contains(active) && store.ratings.has(row.place));
    const pinned = isNew ? undefined : rows[at];
    const known = new Map(isNew ? [] : rows.map((row) => [row.place, row]));
    const next = shown.flatMap((/** @type {any} */ one) => {
      if (one.place === pinned?.place) return [];
      const row = known.get(one.place) ?? createRow(one.place);
      row.show(one);
      return row;
    });
    if (pinned) next.splice(at, 0, pinned);
    next.forEach((/** @type {any} */ row) => row.classList.toggle("done", row === pinned));
    const above = new Set(next.slice(0, at)); // those that may stay there while the pinned row does
    rows.forEach((row, k) => {
      if (!next.includes(row) || (pinned && k < at && !above.has(row))) row.remove();
    });
    next.forEach((/** @type {any} */ row, /** @type {number} */ k) => {
      if (list.children[k] !== row) list.insertBefore(row, list.children[k] ?? null);
    });
    if (list.contains(active) && active !== document.activeElement)
      active.focus({ preventScroll: true });
    rows = next;
    byId("more").hidden = !hasMore;
    byId("none").hidden = next.length > 0;
    byId("none").textContent = "No movies pass these filters. Choose “Any” in one of them.";
    const hasRatings = store.ratings.size > 0;
    byId("recommended-title").textContent = hasRatings ? "Recommended for you" : "Liked by many";
    byId("recommended-note").textContent = hasRatings
      ? `Based on ${count(store.ratings.size, "rating")}. The best score is 100.`
      : "Rate a movie, and this list becomes yours.";
    onMap = [
      shown.map((/** @type {any} */ { place }) => place),
      (place) => passes(movies[place], chosen),
    ];
    listener(...onMap);
    return shown;
  }

  return {
    refresh,
    /** Tell the map the movies listed, and which pass the filters: now and after each change.
     *  @param {Listener} then */
    onChange: (then) => (listener = then)(...onMap),
  };
}
