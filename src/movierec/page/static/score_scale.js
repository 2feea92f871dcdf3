// @ts-check
// Scores from 0 to 100, as people see them (serving/score_scale.py).

/** 100 is the highest score of all movies that the user has not rated, 0 the lowest. */
export class ScoreScale {
  /** @param {ArrayLike<number>} scores of all movies @param {number[]} others not rated */
  constructor(scores, others) {
    this.low = Infinity;
    this.high = -Infinity;
    for (const place of others) {
      this.low = Math.min(this.low, scores[place]);
      this.high = Math.max(this.high, scores[place]);
    }
    /** What a score of 1 more adds. */
    this.unit = this.high > this.low ? 100 / (this.high - this.low) : 0;
  }

  /** @param {number} score */
  of(score) {
    return this.unit ? 100 - this.unit * (this.high - score) : 100;
  }
}
