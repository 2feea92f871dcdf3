// @ts-check
// Select movies from scores (recommending/selection.py).

import { Matrix } from "./packing.js";
import { dot } from "./solver.js";

const POOL = 10; // a diverse list of n movies is chosen from the best POOL · n

/** The n places with the highest scores, best first; ties: the lower place first.
 *  @param {ArrayLike<number>} scores of all movies
 *  @param {number[]} places to choose from, ascending
 *  @param {number} n */
export function best(scores, places, n) {
  /** @type {number[]} */
  const chosen = []; // in order; sorting all places takes long
  for (const place of places) {
    if (chosen.length === n && !(scores[place] > scores[chosen[n - 1]])) continue;
    let at = chosen.length;
    while (at > 0 && scores[chosen[at - 1]] < scores[place]) at--;
    chosen.splice(at, 0, place);
    if (chosen.length > n) chosen.pop();
  }
  return chosen;
}

/** n places by maximal marginal relevance from the best POOL · n.
 *  @param {ArrayLike<number>} scores @param {number[]} places @param {number} n
 *  @param {Matrix} vectors of all movies @param {number} share the weight of variety, 0 to 1 */
export function diverse(scores, places, n, vectors, share) {
  const pool = best(scores, places, POOL * n);
  if (!pool.length) return pool;
  const low = scores[pool[pool.length - 1]];
  const range = scores[pool[0]] - low || 1;
  const nearest = new Float64Array(pool.length).fill(-1);
  const lengths = pool.map((place) => vectorLength(vectors.row(place)) || 1);
  const chosen = new Set();
  while (chosen.size < Math.min(n, pool.length)) {
    let next = -1;
    let highest = -Infinity;
    pool.forEach((place, k) => {
      const value = ((1 - share) * (scores[place] - low)) / range - share * nearest[k];
      if (!chosen.has(k) && value > highest) [next, highest] = [k, value];
    });
    chosen.add(next);
    const row = vectors.row(pool[next]);
    pool.forEach((place, k) => {
      const cosine = dot(row, vectors.row(place)) / lengths[k] / lengths[next];
      nearest[k] = Math.max(nearest[k], cosine);
    });
  }
  return [...chosen].map((k) => pool[k]);
}

/** The n nearest movies of one movie, by the cosine of the vectors.
 *  @param {Matrix} vectors of all movies @param {number} place @param {number} n
 *  @param {number[]} places to choose from
 *  @returns {{place: number, similarity: number}[]} */
export function nearest(vectors, place, n, places) {
  const own = vectors.row(place);
  const length = vectorLength(own);
  if (!length) return [];
  const cosines = new Float64Array(vectors.nRows);
  for (const other of places) {
    const row = vectors.row(other);
    cosines[other] = dot(own, row) / Math.max(length * vectorLength(row), 1e-12);
  }
  const others = places.filter((other) => other !== place);
  return best(cosines, others, n).map((other) => ({ place: other, similarity: cosines[other] }));
}

/** Vectors whose cosine is the similarity of movies: the factors of models side by side, those of
 *  each model scaled to a length, and the genres of movies that have factors.
 *  @param {[Matrix[], number][]} models their factors (of each sample) and lengths
 *  @param {Matrix} genres */
export function similarityVectors(models, genres) {
  const matrices = models.flatMap(([factors]) => factors);
  const width = matrices.reduce((sum, { nColumns }) => sum + nColumns, genres.nColumns);
  const vectors = new Matrix(new Float32Array(genres.nRows * width), genres.nRows, width);
  for (let place = 0; place < genres.nRows; place++) {
    const row = vectors.row(place);
    let at = 0;
    for (const [factors, length] of models) {
      const start = at;
      for (const matrix of factors) {
        row.set(matrix.row(place), at);
        at += matrix.nColumns;
      }
      const own = row.subarray(start, at);
      const unit = length / (vectorLength(own) || 1);
      own.forEach((value, column) => (own[column] = unit * value));
    }
    if (row.some((value) => value !== 0)) row.set(genres.row(place), at);
  }
  return vectors;
}

/** @param {Float32Array} row */
function vectorLength(row) {
  return Math.sqrt(dot(row, row));
}
