// @ts-check
// Recommendations for the ratings of one person, computed here: no server is asked.

import { passes } from "./filters.js";
import { Matrix } from "./packing.js";
import { ScoreScale } from "./score_scale.js";
import { best, diverse, nearest, similarityVectors } from "./selection.js";
import { Models } from "./user_scores.js";

const VARIETY = 0.5; // the weight of variety in a diverse list

/** @typedef {import("./filters.js").Movie} Movie */
/** @typedef {import("./filters.js").Filters & {diverse?: boolean, n?: number}} ListOptions */
/** @typedef {Map<number, number>} Ratings of movies, by their places */

/** @param {any} data what payload.py writes, unpacked */
export function createRecommender(data) {
  return new Recommender(data);
}

class Recommender {
  /** @param {any} data */
  constructor(data) {
    /** @type {Movie[]} The movies, the most rated first. */
    this.movies = moviesOf(data.movies);
    /** @type {{low: number, high: number, step: number}} */
    this.scale = data.scale;
    /** Facts about the run. */
    this.about = data.about;
    /** @type {number[]} Places of well-known, different movies. */
    this.starters = data.starters;
    /** @type {{name: string, ratings: [number, number][]}[]} */
    this.examples = data.examples;
    /** x, y of each movie on the map. */
    this.map = data.map.values;
    this.minRatings = data.settings.minRatings;
    this.ratingWeight = data.settings.ratingWeight;
    this.places = this.movies.map((_, place) => place);
    this.twins = new Map();
    for (const group of data.movies.sameTitle) for (const place of group) this.twins.set(place, group);
    this.genreVectors = genreVectorsOf(data.movies);
    const popularity = Float32Array.from(this.movies, (movie) => movie.nRatings / data.movies.nUsers);
    this.models = new Models(data, this.genreVectors, popularity);
    /** @type {Matrix | undefined} */
    this.computedVectors = undefined;
    /** @type {{key: string, result: ReturnType<Recommender["score"]>} | undefined} */
    this.last = undefined;
  }

  /** Scores and their scale for these ratings; the last ones are kept. @param {Ratings} ratings */
  scored(ratings) {
    const rated = [...ratings].sort(([a], [b]) => a - b);
    const key = rated.join(" ");
    if (this.last?.key !== key) this.last = { key, result: this.score(rated) };
    return this.last.result;
  }

  /** @param {[number, number][]} rated places and ratings, in order */
  score(rated) {
    const [places, stars] = [rated.map(([place]) => place), rated.map(([, rating]) => rating)];
    const user = this.models.foldIn(places, stars);
    const scores = new Float64Array(this.places.length);
    for (const place of this.places) scores[place] = user.score(place);
    const others = this.others(places);
    return { user, scores, others, places, stars, scale: new ScoreScale(scores, others) };
  }

  /** Places of the movies that are none of these; a data set may list a movie twice.
   *  @param {Iterable<number>} places */
  others(places) {
    const without = new Set([...places].flatMap((place) => this.twins.get(place) ?? [place]));
    return this.places.filter((place) => !without.has(place));
  }

  /** The places that may be listed. @param {number[]} others @param {ListOptions} options */
  eligible(others, options) {
    return others.filter((place) => {
      const movie = this.movies[place];
      return movie.nRatings >= this.minRatings && passes(movie, options);
    });
  }

  /** The best movies that are not rated, best first unless the list is diverse.
   *  @param {Ratings} ratings @param {ListOptions} options */
  recommend(ratings, options = {}) {
    const { user, scores, others, scale } = this.scored(ratings);
    const [n, eligible] = [options.n ?? 10, this.eligible(others, options)];
    const places = options.diverse
      ? diverse(scores, eligible, n, this.vectors, VARIETY)
      : best(scores, eligible, n);
    return places.map((place) => ({
      place,
      score: scores[place],
      score100: scale.of(scores[place]),
      ...this.predictedFor(user, place),
    }));
  }

  /** The predicted rating of a movie, and its standard deviation.
   *  @param {Ratings} ratings @param {number} place */
  predict(ratings, place) {
    return this.predictedFor(this.scored(ratings).user, place);
  }

  /** @param {import("./user_scores.js").UserScores} user @param {number} place */
  predictedFor({ rating }, place) {
    const { low, high } = this.scale;
    return {
      rating: Math.min(Math.max(rating.score(place), low), high),
      deviation: rating.deviation(place),
    };
  }

  /** What the score of a movie is made of: each rating's part, the strongest first, and the rest.
   *  They add up to the score. @param {Ratings} ratings @param {number} place */
  explain(ratings, place) {
    const { user, scores, places, stars, scale } = this.scored(ratings);
    const values = user.contributions(place);
    const parts = places.map((rated, k) => {
      const value = values[k];
      return { place: rated, rating: stars[k], value, value100: value * scale.unit };
    });
    const sum = values.reduce((total, value) => total + value, 0);
    const score100 = scale.of(scores[place]);
    parts.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    const rest = scores[place] - sum;
    return { parts, rest, rest100: score100 - sum * scale.unit, score100 };
  }

  /** The movies most similar to one. @param {number} place @param {number} n */
  similar(place, n = 10) {
    return nearest(this.vectors, place, n, this.eligible(this.others([place]), {}));
  }

  /** Vectors whose cosine is the similarity of movies, computed when they are first needed. */
  get vectors() {
    const { implicit, rating } = this.models;
    this.computedVectors ??= similarityVectors(
      [
        [[implicit.factors], 1],
        [rating.samples.map((sample) => sample.factors), this.ratingWeight],
      ],
      this.genreVectors,
    );
    return this.computedVectors;
  }
}

/** @param {any} data @returns {Movie[]} */
function moviesOf(data) {
  let share = data.nRatings - data.counts.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
  const shares = new Map();
  for (let place = data.counts.length - 1; place >= 0; place--) {
    share += data.counts[place];
    shares.set(data.counts[place], share / data.nRatings);
  }
  return data.titles.map((/** @type {string} */ title, /** @type {number} */ place) => ({
    id: data.ids[place],
    title,
    year: data.years[place],
    genres: data.genres[place].map((/** @type {number} */ genre) => data.genreNames[genre]),
    nRatings: data.counts[place],
    share: shares.get(data.counts[place]),
  }));
}

/** A vector for each movie: what each of its genres counts. @param {any} data */
function genreVectorsOf(data) {
  const width = data.genreNames.length;
  const vectors = new Matrix(new Float32Array(data.titles.length * width), data.titles.length, width);
  data.genres.forEach((/** @type {number[]} */ genres, /** @type {number} */ place) => {
    for (const genre of genres) vectors.row(place)[genre] = data.genreWeights[genre];
  });
  return vectors;
}
