// @ts-check
// Item regression: weights between movies (serving/folding_in.py, RegressionPart).

export class ItemRegression {
  /** @param {any} data */
  constructor(data) {
    this.data = data;
    /** @type {Float32Array} */
    this.weights = data.weights;
    /** @type {Float32Array} 1 for the movies that have a score by item regression */
    this.takesPart = data.takesPart;
    this.others = new Uint32Array(this.weights.length);
    this.starts = new Uint32Array(data.counts.length + 1);
    for (let place = 0, at = 0; place < data.counts.length; place++) {
      this.starts[place + 1] = this.starts[place] + data.counts[place];
      for (let other = -1; at < this.starts[place + 1]; at++) {
        other += data.gaps[at];
        this.others[at] = other;
      }
    }
  }

  /** What a rated movie counts: 1 if the user likes it, 0 if they dislike it.
   *  @param {number} rating */
  cell(rating) {
    const { lowCell, likedFrom, dislikedBelow } = this.data;
    return rating < dislikedBelow ? 0 : rating >= likedFrom ? 1 : lowCell;
  }

  /** @param {number[]} places @param {number[]} ratings */
  foldIn(places, ratings) {
    return new RegressionScores(this, places, ratings.map((rating) => this.cell(rating)));
  }
}

/** Σ cell · weight over the movies that a user rated. */
export class RegressionScores {
  /** @param {ItemRegression} regression @param {number[]} places @param {number[]} cells */
  constructor(regression, places, cells) {
    this.regression = regression;
    this.places = places;
    this.cells = cells;
    const { others, weights, starts, takesPart } = regression;
    this.scores = new Float64Array(takesPart.length);
    places.forEach((place, k) => {
      for (let at = starts[place]; at < starts[place + 1]; at++) {
        this.scores[others[at]] += cells[k] * weights[at];
      }
    });
  }

  /** @param {number} place */
  score(place) {
    return this.scores[place];
  }

  /** @param {number} place */
  contributions(place) {
    const { others, weights, starts } = this.regression;
    return Float64Array.from(this.places, (rated, k) => {
      const at = others.subarray(starts[rated], starts[rated + 1]).indexOf(place);
      return at < 0 ? 0 : this.cells[k] * weights[starts[rated] + at];
    });
  }
}
