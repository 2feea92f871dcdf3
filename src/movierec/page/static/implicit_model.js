// @ts-check
// Implicit scores of a new user: what they will watch (serving/folding_in.py, fold_in_implicit).

import { FactorScores } from "./folding_in.js";

export class ImplicitModel {
  /** @param {any} data */
  constructor(data) {
    this.data = data;
    /** @type {import("./packing.js").Matrix} */
    this.factors = data.factors;
    this.noOffsets = new Float32Array(this.factors.nRows);
  }

  /** The target of a rating: 1 for the highest, 0 if the user dislikes the movie.
   *  @param {number} rating */
  target(rating) {
    const { lowest, low, high, dislikedBelow } = this.data;
    if (rating < dislikedBelow) return 0;
    return lowest + ((1 - lowest) * (rating - low)) / (high - low);
  }

  /** @param {number[]} places @param {number[]} ratings */
  foldIn(places, ratings) {
    const { data } = this;
    const size = this.factors.nColumns;
    const weight = data.unseenWeight * unseenShare(places.length, data.usualRatings);
    const precision = new Float64Array(size * size); // of which the lower triangle is used
    for (let i = 0, at = 0; i < size; i++) {
      for (let j = 0; j <= i; j++, at++) precision[i * size + j] = weight * data.gram[at];
      precision[i * size + i] += data.factorPrecision;
    }
    const targets = ratings.map((rating) => this.target(rating));
    return new FactorScores(this.factors, this.noOffsets, places, targets, {
      precision,
      perRating: new Float32Array(size).fill(data.factorPrecisionPerRating),
      mean: new Float64Array(size),
      noisePrecision: 1,
    });
  }
}

/** Of the weight of unseen movies: the more ratings, the more those left out mean.
 *  @param {number} nRatings @param {number} usual the mean number of ratings of a user */
export function unseenShare(nRatings, usual) {
  return nRatings / (nRatings + usual / 3);
}
