// @ts-check
// Predicted ratings of a new user: one row, or one for each sample of a mean of samples.

import { unpackMatrix, unpackNumbers } from "./arrays.js";
import { FactorScores } from "./folding_in.js";

export class RatingModel {
  /** @param {any} data */
  constructor(data) {
    this.globalMean = data.globalMean;
    this.samples = data.samples.map((/** @type {any} */ sample) => ({
      factors: unpackMatrix(sample.factors),
      biases: unpackNumbers(sample.biases),
      weights: sample.weights && unpackMatrix(sample.weights),
      mean: unpackNumbers(sample.mean),
      precision: unpackNumbers(sample.precision),
      perRating: unpackNumbers(sample.perRating),
      noisePrecision: sample.noisePrecision,
    }));
  }

  /** @param {number[]} places @param {number[]} ratings */
  foldIn(places, ratings) {
    return new PredictedRatings(
      this.samples.map((/** @type {any} */ sample) => {
        const mean = Float64Array.from(sample.mean);
        for (const place of sample.weights ? places : []) {
          const weights = sample.weights.row(place);
          for (let i = 0; i < mean.length; i++) mean[i] += weights[i] / Math.sqrt(places.length);
        }
        const offsets = sample.biases.map((/** @type {number} */ bias) => bias + this.globalMean);
        const residuals = places.map((place, k) => ratings[k] - offsets[place]);
        return new FactorScores(sample.factors, offsets, places, residuals, { ...sample, mean });
      }),
    );
  }
}

/** The mean of the samples' predictions. @implements {ScorePart} */
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
