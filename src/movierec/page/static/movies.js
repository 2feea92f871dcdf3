// @ts-check
// How a movie looks in text and colour.
import { el } from "./dom.js";

/**
 * @typedef {{id: number | string, title: string, year: number | null, genres: string[], nRatings: number}} Movie
 */

/** The title without its year. @param {Movie} movie */
export function nameOf(movie) {
  return movie.title.replace(/\s*\(\d{4}\)\s*$/, "") || movie.title;
}

/** The title with its year, for sentences and labels. @param {Movie} movie */
export function fullName(movie) {
  return movie.year ? `${nameOf(movie)} (${movie.year})` : movie.title;
}

/**
 * Year and genres as one line.
 * @param {Movie} movie
 * @param {number} [n] at most this many genres
 */
export function factsOf(movie, n = 3) {
  return [movie.year ? String(movie.year) : "", ...movie.genres.slice(0, n)]
    .filter(Boolean)
    .join(" · ");
}

// Degrees on the colour wheel; close for genres that go together.
const HUES = {
  Action: 8,
  Adventure: 32,
  Animation: 188,
  "Children's": 172,
  Children: 172,
  Comedy: 44,
  Crime: 348,
  Documentary: 96,
  Drama: 226,
  Fantasy: 286,
  "Film-Noir": 244,
  Horror: 0,
  Musical: 308,
  Mystery: 262,
  Romance: 334,
  "Sci-Fi": 204,
  Thriller: 18,
  War: 72,
  Western: 26,
  IMAX: 210,
};
// The genre that says most about a movie comes first.
const TELLING = [
  "Animation",
  "Documentary",
  "Film-Noir",
  "Western",
  "Horror",
  "Musical",
  "Children's",
  "Children",
  "Sci-Fi",
  "War",
  "Fantasy",
  "Mystery",
  "Crime",
  "Romance",
  "Thriller",
  "Adventure",
  "Action",
  "Comedy",
];

/** The hue of a movie's most telling genre, in degrees. @param {Movie} movie */
export function hueOf(movie) {
  const genre = TELLING.find((name) => movie.genres.includes(name)) ?? movie.genres[0] ?? "";
  if (genre in HUES) return /** @type {any} */ (HUES)[genre];
  return [...genre].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % 360, 220);
}

/**
 * A drawn cover: the title on the colour of its genre.
 * @param {Movie} movie
 * @param {boolean} [isSmall]
 */
export function cover(movie, isSmall = false) {
  const place = [...movie.title].reduce(
    (hash, letter) => (hash * 33 + letter.charCodeAt(0)) % 9973,
    7,
  );
  const style = {
    "--hue": hueOf(movie),
    "--x": `${place % 100}%`,
    "--y": `${Math.floor(place / 100)}%`,
  };
  const name = nameOf(movie);
  if (isSmall)
    return el(
      "span",
      { class: "cover small", "aria-hidden": "true", style },
      [...name.replace(/^(The|A|An) /, "")][0] ?? "",
    );
  const length = name.length > 42 ? "long" : name.length > 20 ? "medium" : "short";
  return el(
    "span",
    { class: `cover ${length}`, style },
    el("span", { class: "name", dir: "auto" }, name),
    el("span", { class: "when" }, movie.year ? String(movie.year) : ""),
  );
}
