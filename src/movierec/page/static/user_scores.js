// @ts-check
// Scores of all movies for one user, by the ranking of the run (serving/user_scores.py).

/** Parts of a score and their weights: one number, or one for each movie.
 *  @typedef {{part: ScorePart, weight: number | Float32Array, centre?: number}} Weighted */
/** @typedef {import("./folding_in.js").ScorePart} ScorePart */

import { GenreScores } from "./genre_part.js";
import { ImplicitModel } from "./implicit_model.js";
import { ItemRegression } from "./item_regression.js";
import { RatingModel } from "./rating_model.js";

export class Models {
  /** @param {any} data @param {import("./packing.js").Matrix} genreVectors
   *  @param {Float32Array} popularity */
  constructor(data, genreVectors, popularity) {
    this.settings = data.settings;
    this.rating = new RatingModel(data.rating);
    this.implicit = new ImplicitModel(data.implicit);
    this.regression = data.regression && new ItemRegression(data.regression);
    this.genreVectors = genreVectors;
    this.popularity = popularity;
  }

  /** @param {number[]} places @param {number[]} ratings */
  foldIn(places, ratings) {
    const { ranking, lowerBoundDeviations } = this.settings;
    const rating = this.rating.foldIn(places, ratings);
    if (ranking === "predicted_rating" || ranking === "lower_bound") {
      const bound = ranking === "lower_bound" ? lowerBoundDeviations : 0;
      return new UserScores(rating, [{ part: rating, weight: 1 }], bound);
    }
    const implicit = this.implicit.foldIn(places, ratings);
    if (!this.regression) return new UserScores(rating, [{ part: implicit, weight: 1 }]);
    const regression = this.regression.foldIn(places, ratings);
    const parts = this.regressed(implicit, regression);
    if (ranking === "blend") parts.push(...this.blended(rating, places, regression.cells));
    return new UserScores(rating, parts);
  }

  /** Implicit scores, of which those by item regression take a share, where they are.
   *  @param {ScorePart} implicit @param {ScorePart} regression @returns {Weighted[]} */
  regressed(implicit, regression) {
    const { ranking, regressionShare } = this.settings;
    const share = ranking === "blend" ? regressionShare : 1;
    const left = this.regression.takesPart.map((/** @type {number} */ is) => 1 - share * is);
    return [
      { part: implicit, weight: left },
      { part: regression, weight: share },
    ];
  }

  /** What a blend adds: the predicted rating, as a share of the scale, and the genres.
   *  @param {ScorePart} rating @param {number[]} places @param {number[]} cells
   *  @returns {Weighted[]} */
  blended(rating, places, cells) {
    const { ratingWeight, low, high, fade } = this.settings;
    const weight = ratingWeight / (high - low);
    const genres = new GenreScores(this.genreVectors, this.popularity, fade, places, cells);
    return [
      { part: rating, weight, centre: this.rating.globalMean },
      { part: genres, weight: 1 },
    ];
  }
}

export class UserScores {
  /** @param {import("./rating_model.js").PredictedRatings} rating
   *  @param {Weighted[]} parts @param {number} bound */
  constructor(rating, parts, bound = 0) {
    this.rating = rating;
    this.parts = parts;
    this.bound = bound;
  }

  /** @param {number} place */
  score(place) {
    let sum = this.bound ? -this.bound * this.rating.deviation(place) : 0;
    for (const { part, weight, centre = 0 } of this.parts) {
      const own = typeof weight === "number" ? weight : weight[place];
      sum += own * (part.score(place) - centre);
    }
    return sum;
  }

  /** What each rating adds to the score of a movie. @param {number} place */
  contributions(place) {
    const [first, ...others] = this.parts.map(({ part, weight }) => {
      const own = typeof weight === "number" ? weight : weight[place];
      return part.contributions(place).map((value) => own * value);
    });
    for (const other of others) other.forEach((value, k) => (first[k] += value));
    return first;
  }
}
