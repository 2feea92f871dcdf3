// @ts-check
// Folding in: the row of a new user, solved while the movies are held fixed (serving/folding_in.py).
//
// With f the factors of a movie (and a 1, if the model has biases), P = Λ + n · perRating + Σ f fᵀ
// and r the residual of a rating, the row is m₀ + Σ P⁻¹ f (r − f · m₀): one term for each rating.

import { Matrix } from "./packing.js";
import { Cholesky, dot } from "./solver.js";

/** What a row is solved with. precision, perRating: Λ and what each rating adds to its diagonal,
 *  bias last. mean: m₀. noisePrecision: λ.
 *  @typedef {{precision: Float32Array | Float64Array, perRating: Float32Array,
 *    mean: Float64Array, noisePrecision: number}} Prior */

/** A part of the scores of one user, which is linear in their ratings.
 *  @typedef {{score(place: number): number, contributions(place: number): Float64Array}} ScorePart */

/** Scores offsets + (factors, 1) · row, of a user who has rated some movies. */
export class FactorScores {
  /** @param {Matrix} factors of all movies
   *  @param {ArrayLike<number>} offsets of all movies: what their scores have without the user
   *  @param {number[]} places of the movies rated
   *  @param {ArrayLike<number>} residuals of their ratings
   *  @param {Prior} prior */
  constructor(factors, offsets, places, residuals, prior) {
    this.factors = factors;
    this.offsets = offsets;
    this.prior = prior;
    this.size = prior.perRating.length;
    this.rated = places.map((place) => this.design(place));
    this.residuals = this.rated.map((x, k) => residuals[k] - dot(x, prior.mean));
    this.system = this.solvable();
    this.row = this.solveRow();
  }

  /** The factors of a movie, and a 1 if there are biases. @param {number} place */
  design(place) {
    const x = new Float64Array(this.size).fill(1);
    x.set(this.factors.row(place));
    return x;
  }

  solvable() {
    const { size, prior } = this;
    const matrix = Float64Array.from(prior.precision);
    for (let i = 0; i < size; i++) matrix[i * size + i] += this.rated.length * prior.perRating[i];
    for (const x of this.rated) {
      for (let i = 0; i < size; i++) {
        for (let j = 0; j <= i; j++) matrix[i * size + j] += x[i] * x[j];
      }
    }
    return new Cholesky(matrix, size);
  }

  solveRow() {
    const right = new Float64Array(this.size);
    this.rated.forEach((x, k) => {
      for (let i = 0; i < this.size; i++) right[i] += x[i] * this.residuals[k];
    });
    return this.system.solve(right).map((value, i) => value + this.prior.mean[i]);
  }

  /** @param {number} place */
  score(place) {
    const { factors, row } = this;
    const bias = this.size > factors.nColumns ? row[this.size - 1] : 0;
    return this.offsets[place] + bias + factors.rowTimes(place, row);
  }

  /** What each rating adds to the score of a movie. @param {number} place */
  contributions(place) {
    const y = this.system.solve(this.design(place));
    return Float64Array.from(this.rated, (x, k) => dot(x, y) * this.residuals[k]);
  }

  /** The variance of the score of a movie, by the user's row. @param {number} place */
  variance(place) {
    const x = this.design(place);
    return dot(x, this.system.solve(x)) / this.prior.noisePrecision;
  }
}
