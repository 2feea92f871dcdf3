// @ts-check
// What the page was made from, and who may pass it on.
import { byId, count, el } from "./dom.js";

/** @param {any} recommender */
export function showAbout({ about, movies }) {
  const years = movies.flatMap((/** @type {any} */ { year }) => (year ? [year] : []));
  const [first, last] = [Math.min(...years), Math.max(...years)];
  const ratedIn = about.firstYear ? `, given ${span(about.firstYear, about.lastYear)}` : "";
  const isPart = about.nMoviesHere < about.nMovies;
  const facts = [
    [
      "Data",
      `${about.dataset}: ${count(about.nRatings, "rating")} of ${count(about.nMovies, "movie")} by ${count(about.nUsers, "user")}${ratedIn}`,
    ],
    [
      "Movies here",
      `${isPart ? "the most rated " : ""}${count(movies.length, "movie")}${years.length ? ` ${span(first, last)}` : ""}`,
    ],
    ["Ranking", `${about.ranking}, movierec ${about.version}`],
    ...about.figures.flatMap((/** @type {any} */ figure) => {
      const { name, value, low, high } = figure;
      if (value === null || value === undefined) return [];
      const interval =
        low === null || high === null
          ? ""
          : ` (95% interval ${low.toFixed(3)} to ${high.toFixed(3)})`;
      return [[name, value.toFixed(3) + interval]];
    }),
  ];
  byId("facts").append(
    ...facts.map(([name, text]) =>
      el("div", {}, el("dt", {}, name), el("dd", { dir: "auto" }, text)),
    ),
  );
  const licence = about.licence ? `Licence of the data: ${about.licence}. ` : "";
  const terms = "This page contains parts of the data, so these terms apply when you pass it on.";
  byId("licence").append(
    ...[...about.notes, licence && licence + terms]
      .filter(Boolean)
      .map((text) => el("span", {}, text)),
  );
}

/** @param {number} first @param {number} last */
function span(first, last) {
  return first === last ? `in ${first}` : `from ${first} to ${last}`;
}
