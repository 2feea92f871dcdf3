// @ts-check
// Filters of a list of movies (serving/filters.py).

/** Movies of these genres, without those, of these years and so well known. `share` of a movie: of
 *  all ratings, those of movies with as many ratings or fewer. The most rated has 1.
 *  @typedef {{genres?: Set<string>, notGenres?: Set<string>, fromYear?: number, toYear?: number,
 *    minShare?: number, maxShare?: number}} Filters */

/** @typedef {{id: string | number, title: string, year: number | null, genres: string[],
 *    nRatings: number, share: number}} Movie */

/** Whether a movie passes all filters.
 *  @param {Movie} movie @param {Filters} filters */
export function passes(movie, { genres, notGenres, fromYear, toYear, minShare, maxShare }) {
  if (genres?.size && !movie.genres.some((name) => genres.has(name))) return false;
  if (notGenres?.size && movie.genres.some((name) => notGenres.has(name))) return false;
  if (fromYear != null && !(movie.year != null && movie.year >= fromYear)) return false;
  if (toYear != null && !(movie.year != null && movie.year <= toYear)) return false;
  if (minShare != null && movie.share <= minShare) return false;
  return maxShare == null || movie.share <= maxShare;
}
