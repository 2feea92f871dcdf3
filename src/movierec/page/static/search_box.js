// @ts-check
// The search field and its results, which can be rated in place.
import { announce, byId, count, el } from "./dom.js";
import { cover, factsOf, nameOf } from "./movies.js";
import { createSearch } from "./search.js";

const PREPARED_AT_ONCE = 200; // titles

/**
 * @param {any} recommender
 * @param {(place: number) => any} rater
 * @param {(place: number) => void} openMovie
 */
export function createSearchBox(recommender, rater, openMovie) {
  const { movies } = recommender;
  const field = byId("search");
  const results = byId("results");
  const search = createSearch(movies);

  function refresh() {
    const query = field.value.trim();
    results.hidden = !query;
    if (!query) return results.replaceChildren();
    const { places, nFound, isClose, message } = search.find(query);
    const rows = places.map((place) =>
      el(
        "li",
        {},
        cover(movies[place], true),
        el(
          "span",
          { class: "what" },
          el(
            "button",
            { type: "button", class: "title", onclick: () => openMovie(place), dir: "auto" },
            nameOf(movies[place]),
          ),
          el("span", { class: "facts" }, factsOf(movies[place])),
        ),
        rater(place),
      ),
    );
    const more = nFound - places.length;
    const note = message || (isClose ? "No movie here is called so. Did you mean:" : "");
    results.replaceChildren(
      ...(note ? [el("p", { class: "note", dir: "auto" }, note)] : []),
      ...(rows.length ? [el("ul", { "aria-label": "Movies found" }, ...rows)] : []),
      ...(more > 0 && !isClose
        ? [el("p", { class: "note" }, `${count(more, "more movie")}; type more of the title`)]
        : []),
    );
    announce(places.length ? `${note} ${count(nFound, "movie")} found`.trim() : note);
  }

  function close() {
    results.hidden = true;
  }

  /** Move from row to row. @param {number} step */
  function move(step) {
    const rows = [...results.querySelectorAll("li")];
    const at = rows.findIndex((row) => row.contains(document.activeElement)) + step;
    const target = rows[Math.min(at, rows.length - 1)]?.querySelector(
      ".rater input, .rater button",
    );
    if (at < 0) field.focus();
    else if (target) target.focus();
  }

  field.addEventListener("input", refresh);
  field.addEventListener("focus", () => (results.hidden = !field.value.trim()));
  const whenIdle = window.requestIdleCallback ?? setTimeout;
  const prepare = () => search.prepare(PREPARED_AT_ONCE) && whenIdle(prepare);
  whenIdle(prepare);
  byId("search").parentElement.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const isField = event.target === field;
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp" && !isField) move(-1);
    else if (event.key === "Enter" && isField) move(1);
    else if (event.key === "Escape" && !results.hidden) {
      field.focus();
      close();
    } else return;
    event.preventDefault();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!field.parentElement.contains(event.target)) close();
  });
  document.addEventListener("focusin", (event) => {
    if (!field.parentElement.contains(event.target) && event.target !== document.body) close();
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = /** @type {any} */ (event.target).matches("input, select, textarea");
    if (event.key !== "/" || isTyping || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    field.focus();
  });
}
