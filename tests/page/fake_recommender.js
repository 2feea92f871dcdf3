// A recommender with the interface of static/recommender.js, in which scores are easy to predict: a
// movie's rank, and what it shares with each rated one.

export function createRecommender(data) {
  const { movies } = data;
  const shared = (one, two) => movies[one].genres.filter((name) => movies[two].genres.includes(name)).length;
  const base = (place) => 10 - (10 * place) / movies.length;
  const valueOf = (place, [rated, rating]) => 3 * (rating - 3) * shared(place, rated);
  const score = (ratings, place) => [...ratings].reduce((sum, pair) => sum + valueOf(place, pair), base(place));
  const places = movies.map((_, place) => place);
  function onScale(ratings) {
    const scores = places.filter((place) => !ratings.has(place)).map((place) => score(ratings, place));
    const [low, high] = [Math.min(...scores), Math.max(...scores)];
    return { unit: 100 / (high - low || 1), high };
  }
  return {
    ...data,
    map: Float32Array.from(places.flatMap((place) => [place % 7, place])),
    recommend(ratings, { genres, fromYear, toYear, minShare, maxShare, diverse, n = 10 } = {}) {
      const { unit, high } = onScale(ratings);
      return places
        .filter((place) => !ratings.has(place))
        .filter((place) => !genres || movies[place].genres.some((name) => genres.has(name)))
        .filter((place) => fromYear == null || (movies[place].year >= fromYear && movies[place].year <= toYear))
        .filter((place) => minShare == null || place < movies.length / 2)
        .filter((place) => maxShare == null || place >= movies.length / 2)
        .sort((a, b) => score(ratings, b) - score(ratings, a))
        .filter((_, at) => !diverse || at % 2 === 0)
        .slice(0, n)
        .map((place) => {
          const own = score(ratings, place);
          return { place, score: own, score100: 100 - unit * (high - own), rating: 3.5, deviation: 0.4 };
        });
    },
    predict: () => ({ rating: 3.5, deviation: 0.4 }),
    explain(ratings, place) {
      const { unit, high } = onScale(ratings);
      const parts = [...ratings].map((pair) => {
        const value = valueOf(place, pair);
        return { place: pair[0], rating: pair[1], value, value100: value * unit };
      });
      const score100 = 100 - unit * (high - score(ratings, place));
      const rest100 = score100 - parts.reduce((sum, { value100 }) => sum + value100, 0);
      return { parts, rest: base(place), rest100, score100 };
    },
    similar: (place, n) =>
      places
        .filter((other) => other !== place)
        .map((other) => ({ place: other, similarity: shared(place, other) }))
        .sort((a, b) => b.similarity - a.similarity)
        .slice(0, n),
  };
}
