// @ts-check
// What the genres of a new user's movies add to scores (serving/genre_part.py).

import { Matrix } from "./packing.js";
import { dot } from "./solver.js";

/** popularity · vector · (mean of cell · vector over the rated movies), faded by their number. */
export class GenreScores {
  /** @param {Matrix} vectors of all movies: what each of their genres counts
   *  @param {Float32Array} popularity of all movies: the share of users who rated them
   *  @param {number} fade ratings with which genres count half as much as with the first
   *  @param {number[]} places @param {number[]} cells */
  constructor(vectors, popularity, fade, places, cells) {
    this.vectors = vectors;
    this.popularity = popularity;
    this.places = places;
    const n = Math.max(places.length, 1);
    this.perRating = cells.map((cell) => (cell * fade) / (n + fade) / n);
    this.profile = new Float64Array(vectors.nColumns);
    places.forEach((place, k) => {
      vectors.row(place).forEach((value, genre) => {
        this.profile[genre] += this.perRating[k] * value;
      });
    });
  }

  /** @param {number} place */
  score(place) {
    return this.popularity[place] * this.vectors.rowTimes(place, this.profile);
  }

  /** @param {number} place */
  contributions(place) {
    const own = this.vectors.row(place);
    return Float64Array.from(this.places, (rated, k) => {
      return this.popularity[place] * this.perRating[k] * dot(own, this.vectors.row(rated));
    });
  }
}
