// @ts-check
// The recommended movies, with filters.
import { byId, count, el } from "./dom.js";
import { cover, factsOf, fullName, nameOf } from "./movies.js";

const PAGE_SIZE = 20;
const SMALL_PAGE_SIZE = 10; // on a phone
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
  const size = matchMedia("(max-width: 40rem)").matches ? SMALL_PAGE_SIZE : PAGE_SIZE;
  let n = size;
  /** @type {any[]} */
  let rows = [];
  /** @type {(places: number[]) => void} */
  let listener = () => {};

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
  filters.addEventListener("change", () => ((n = size), refresh()));
  filters.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  byId("more").addEventListener("click", () => {
    const first = rows.length;
    n += size;
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

  /** @param {number} value */
  const across = (value) =>
    `${Math.min(Math.max((100 * (value - scale.low)) / (scale.high - scale.low), 0), 100)}%`;

  /** @param {any} found */
  function row({ place, score100, rating, deviation }) {
    const movie = movies[place];
    const score = Math.round(score100);
    const open = () => openMovie(place);
    const band = {
      "--from": across(rating - deviation),
      "--to": across(rating + deviation),
      "--at": across(rating),
    };
    const item = el(
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
        el("span", { class: "number" }, el("span", { class: "label" }, "Score "), String(score)),
        el("span", { class: "bar", "aria-hidden": "true", style: { "--share": `${score}%` } }),
      ),
      el(
        "div",
        {
          class: "predicted",
          title: `Predicted rating: probably from ${(rating - deviation).toFixed(1)} to ${(rating + deviation).toFixed(1)}`,
        },
        el(
          "span",
          { class: "number" },
          el("span", { class: "label" }, "Predicted "),
          rating.toFixed(1),
          el("small", {}, ` ± ${deviation.toFixed(1)}`),
        ),
        el("span", { class: "band", "aria-hidden": "true", style: band }),
      ),
      rater(place),
      el(
        "button",
        { type: "button", class: "why", "aria-label": `Why ${fullName(movie)}?`, onclick: open },
        "Why?",
      ),
    );
    item.place = place;
    return item;
  }

  /** Draw the list again. A row in which the user is rating stays until they leave it. */
  function refresh() {
    const found = recommender.recommend(store.ratings, options());
    const [hasMore, shown] = [found.length > n, found.slice(0, n)];
    const at = rows.findIndex(
      (item) => item.contains(document.activeElement) && store.ratings.has(item.place),
    );
    const pinned = rows[at];
    const next = shown.filter((/** @type {any} */ { place }) => place !== pinned?.place).map(row);
    if (pinned) {
      pinned.classList.add("done");
      next.splice(at, 0, pinned);
      rows.filter((item) => item !== pinned).forEach((/** @type {any} */ item) => item.remove());
      pinned.before(...next.slice(0, at));
      pinned.after(...next.slice(at + 1));
    } else {
      const active = rows.find((item) => item.contains(document.activeElement));
      const control =
        active &&
        [...active.querySelectorAll("button, input")].indexOf(
          /** @type {any} */ (document.activeElement),
        );
      list.replaceChildren(...next);
      const again = active && next.find((/** @type {any} */ item) => item.place === active.place);
      again?.querySelectorAll("button, input")[control]?.focus({ preventScroll: true });
    }
    rows = next;
    byId("more").hidden = !hasMore;
    byId("none").hidden = next.length > 0;
    byId("none").textContent = "No movies pass these filters. Choose “Any” in one of them.";
    const hasRatings = store.ratings.size > 0;
    byId("recommended-title").textContent = hasRatings ? "Recommended for you" : "Liked by many";
    byId("recommended-note").textContent = hasRatings
      ? `Based on ${count(store.ratings.size, "rating")}. The best score is 100.`
      : "Rate a movie, and this list becomes yours.";
    listener(shown.map((/** @type {any} */ { place }) => place));
    return shown;
  }

  return {
    refresh,
    onChange: (/** @type {(places: number[]) => void} */ then) => (listener = then),
  };
}
