// @ts-check
// One movie: rate it, why it is recommended, and similar movies.
import { byId, count, dialogHead, el, openDialog } from "./dom.js";
import { cover, factsOf, fullName, nameOf } from "./movies.js";
import { createPredicted } from "./predicted.js";
import { starsText } from "./rate.js";

const N_REASONS = 8; // ratings listed
const N_SIMILAR = 8;

/**
 * Each value rounded up or down so that they add up to a total, by largest remainders.
 * @param {number[]} values
 * @param {number} total their sum, rounded up or down
 */
export function roundedToSum(values, total) {
  const floors = values.map(Math.floor);
  const left = total - floors.reduce((sum, value) => sum + value, 0);
  const byRemainder = [...values.keys()].sort(
    (a, b) => floors[a] - values[a] - (floors[b] - values[b]),
  );
  for (const place of byRemainder.slice(0, left)) floors[place]++;
  return floors;
}

/**
 * @param {any} recommender
 * @param {any} store
 * @param {(place: number) => any} rater
 */
export function createMovieDialog(recommender, store, rater) {
  const dialog = byId("movie");
  const { movies, scale } = recommender;
  /** @type {number | null} */
  let shown = null;
  dialog.addEventListener("close", () => (shown = null));
  store.subscribe(() => {
    if (shown === null) return;
    dialog.querySelector(".reasons").replaceChildren(...reasons(shown));
    dialog.querySelector(".ask").replaceChildren(...predicted(shown));
  });

  /** @param {number} place */
  function open(place) {
    shown = place;
    const movie = movies[place];
    dialog.replaceChildren(
      dialogHead("movie-title", nameOf(movie)),
      el(
        "div",
        { class: "about-movie" },
        cover(movie),
        el(
          "div",
          {},
          el("p", { class: "facts" }, factsOf(movie, 9)),
          el("p", { class: "note" }, `${count(movie.nRatings, "rating")} in the data`),
          el("div", { class: "ask" }, ...predicted(place)),
          el("p", { class: "note" }, "Your rating"),
          rater(place),
        ),
      ),
      el("section", { class: "reasons", "aria-label": "Why" }, ...reasons(place)),
      el(
        "section",
        { "aria-labelledby": "similar-title" },
        el("h3", { id: "similar-title" }, "Similar movies"),
        similar(place),
      ),
    );
    openDialog(dialog);
    byId("movie-title").focus({ preventScroll: true });
  }

  /** The predicted rating, unless the user has rated the movie. @param {number} place */
  function predicted(place) {
    if (store.ratings.has(place)) return [];
    const { box, show } = createPredicted("Predicted rating ", scale);
    show(recommender.predict(store.ratings, place));
    return [box];
  }

  /** @param {number} place */
  function similar(place) {
    const found = recommender.similar(place, N_SIMILAR);
    if (!found.length) return el("p", { class: "note" }, "No similar movies are known.");
    const items = found.map((/** @type {any} */ one) =>
      el(
        "li",
        {},
        cover(movies[one.place], true),
        el(
          "span",
          { class: "what" },
          el(
            "button",
            { type: "button", class: "title", onclick: () => open(one.place), dir: "auto" },
            nameOf(movies[one.place]),
          ),
          el("span", { class: "facts" }, factsOf(movies[one.place], 2)),
        ),
      ),
    );
    return el("ul", { class: "similar" }, ...items);
  }

  /** What the score is made of; the lines add up to it. @param {number} place */
  function reasons(place) {
    const head = el("h3", {}, "Why this score?");
    if (store.ratings.has(place))
      return [
        head,
        el("p", { class: "note" }, "You have rated this movie, so it is no longer recommended."),
      ];
    const { parts, rest100, score100 } = recommender.explain(store.ratings, place);
    const sorted = [...parts].sort((a, b) => Math.abs(b.value100) - Math.abs(a.value100));
    const nShown = sorted.length === N_REASONS + 1 ? sorted.length : N_REASONS;
    const [strongest, others] = [sorted.slice(0, nShown), sorted.slice(nShown)];
    const lines = strongest.map((part) => ({
      text: fullName(movies[part.place]),
      stars: part.rating,
      value: part.value100,
    }));
    if (others.length) {
      const value = others.reduce((sum, part) => sum + part.value100, 0);
      lines.push({ text: `Your other ${count(others.length, "rating")}`, stars: 0, value });
    }
    lines.push({ text: "Apart from your ratings", stars: 0, value: rest100 });
    const total = Math.round(score100);
    const rounded = roundedToSum(
      lines.map(({ value }) => value),
      total,
    );
    const widest = Math.max(...lines.map(({ value }) => Math.abs(value)), 1);
    const rows = lines.map(({ text, stars, value }, at) =>
      el(
        "tr",
        { class: value < 0 ? "down" : "up" },
        el(
          "th",
          { scope: "row" },
          el("span", { dir: "auto" }, text),
          ...(stars ? [el("small", {}, ` ${starsText(stars)}`)] : []),
        ),
        el(
          "td",
          { class: "pull", "aria-hidden": "true" },
          el("span", { style: { "--share": `${(50 * Math.abs(value)) / widest}%` } }),
        ),
        el("td", { class: "number" }, signed(rounded[at], value)),
      ),
    );
    const sum = el(
      "tr",
      { class: "sum" },
      el("th", { scope: "row" }, "Score"),
      el("td", {}),
      el("td", { class: "number" }, String(total)),
    );
    return [
      head,
      el(
        "table",
        {},
        el("caption", { class: "hidden" }, "What the score is made of"),
        el("tbody", {}, ...rows, sum),
      ),
      el(
        "p",
        { class: "note" },
        "How much each of your ratings raised or lowered the score. 100 is the best score of all movies that you haven't rated.",
      ),
    ];
  }

  return open;
}

/**
 * A rounded value with its sign, also if it is rounded to 0.
 * @param {number} rounded
 * @param {number} value
 */
function signed(rounded, value) {
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(rounded)}`;
}
