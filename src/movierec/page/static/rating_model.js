// @ts-check
// Predicted ratings of a new user: one row, or one for each sample of a mean of samples.

import { FactorScores } from "./folding_in.js";

/** @typedef {{factors: Matrix, biases: Float32Array, weights: Matrix | null, mean: Float32Array,
 *    precision: Float32Array, perRating: Float32Array, noisePrecision: number}} Sample */
/** @typedef {import("./packing.js").Matrix} Matrix */

export class RatingModel {
  /** @param {any} data */
  constructor(data) {
    this.globalMean = data.globalMean;
    /** @type {Sample[]} */
    this.samples = data.samples;
  }

  /** @param {number[]} places @param {number[]} ratings */
  foldIn(places, ratings) {
    return new PredictedRatings(
      this.samples.map((sample) => {
        const mean = Float64Array.from(sample.mean);
        for (const place of places) {
          sample.weights?.row(place).forEach((weight, i) => {
            mean[i] += weight / Math.sqrt(places.length);
          });
        }
        const offsets = sample.biases.map((bias) => bias + this.globalMean);
        const residuals = places.map((place, k) => ratings[k] - offsets[place]);
        return new FactorScores(sample.factors, offsets, places, residuals, { ...sample, mean });
      }),
    );
  }
}

/** The mean of the samples' predictions. */
export class PredictedRatings {
  /** @param {FactorScores[]} samples */
  constructor(samples) {
    this.samples = samples;
  }

  /** @param {number} place */
  score(place) {
    let sum = 0;
    for (const sample of this.samples) sum += sample.score(place);
    return sum / this.samples.length;
  }

  /** @param {number} place */
  contributions(place) {
    const [first, ...others] = this.samples.map((sample) => sample.contributions(place));
    for (const other of others) other.forEach((value, k) => (first[k] += value));
    return first.map((value) => value / this.samples.length);
  }

  /** The standard deviation of a prediction: within the samples, and between them.
   *  @param {number} place */
  deviation(place) {
    const n = this.samples.length;
    const mean = this.score(place);
    let within = 0;
    let between = 0;
    for (const sample of this.samples) {
      within += sample.variance(place) / n;
      between += n > 1 ? (sample.score(place) - mean) ** 2 / (n - 1) : 0;
    }
    return Math.sqrt(within + between);
  }
}
