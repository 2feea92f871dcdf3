// @ts-check
// The first visit: well-known movies to start from, and example tastes.
import { byId, el } from "./dom.js";
import { cover, fullName } from "./movies.js";

/**
 * @param {any} recommender
 * @param {(place: number) => any} rater
 * @param {(place: number) => void} openMovie
 * @param {(name: string, ratings: Map<number, number>) => void} useRatings
 */
export function createStart(recommender, rater, openMovie, useRatings) {
  const { movies, starters, examples } = recommender;
  const cards = () =>
    starters.map((/** @type {number} */ place) => {
      const label = `About ${fullName(movies[place])}`;
      return el(
        "li",
        {},
        el(
          "button",
          { type: "button", class: "card", "aria-label": label, onclick: () => openMovie(place) },
          cover(movies[place]),
        ),
        rater(place),
      );
    });
  const buttons = examples.map((/** @type {any} */ { name, ratings }) =>
    el("button", { type: "button", onclick: () => useRatings(name, new Map(ratings)) }, name),
  );
  if (buttons.length) byId("examples").append(el("span", {}, "Or try an example:"), ...buttons);
  const draw = () => byId("starters").replaceChildren(...cards());
  draw();
  return { draw };
}
