"""Generate ratings of any size with the shape of ml-25m, from known factors.

The shape is ml-25m's: its share of users and movies per rating, its activity and popularity
curves (heavy-tailed, at least 20 ratings per user), and its exact histogram of half stars. The
ratings come from known factors, so the correct answer is known too.

    python -m benchmarks.generate --ratings 1_000_000 --zip ratings.zip
"""

import argparse
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numba import njit, prange

ML_25M_RATINGS, ML_25M_USERS = 25_000_095, 162_541
ML_25M_MOVIES, ML_25M_RATED_MOVIES = 62_423, 59_047
# Ratings of 0.5, 1.0, … 5.0 stars in ml-25m.
ML_25M_HISTOGRAM = np.array(
    [393068, 776815, 399490, 1640868, 1262797, 4896928, 3177318, 6639798, 2200539, 3612474]
)
MIN_RATINGS_PER_USER = 20
N_PLANTED_FACTORS = 8
FIRST_SECOND, LAST_SECOND = 789_652_009, 1_574_327_703  # 1995-01-09 to 2019-11-21


@dataclass(frozen=True)
class Generated:
    """Ratings grouped by user; users and items are dense indices."""

    indptr: np.ndarray  # (n_users + 1,) int64
    item_index: np.ndarray  # (n_ratings,) int32
    rating: np.ndarray  # (n_ratings,) float32, half stars from 0.5 to 5
    timestamp: np.ndarray  # (n_ratings,) int64, seconds
    expected: np.ndarray  # (n_ratings,) float32: the rating without noise and rounding, centred
    n_items: int

    @property
    def user_index(self) -> np.ndarray:
        n_users = len(self.indptr) - 1
        return np.repeat(np.arange(n_users, dtype=np.int32), np.diff(self.indptr))


def generate(n_ratings: int = ML_25M_RATINGS, seed: int = 0) -> Generated:
    """Generate ratings; the numbers of users and items follow from ml-25m's proportions."""
    rng = np.random.default_rng(seed)
    share = n_ratings / ML_25M_RATINGS
    n_users = max(2, round(ML_25M_USERS * share))
    n_items = max(600, round(ML_25M_RATED_MOVIES * share))  # enough to choose from when small
    counts = _activity(rng, n_users, n_items, n_ratings)
    indptr = np.concatenate(([0], np.cumsum(counts)))
    cumulative = np.cumsum(_popularity(n_items))
    item_index = _draw_items(indptr, cumulative, n_items, seed)
    expected, noise = _planted(rng, indptr, item_index, n_items)
    rating = _to_half_stars(expected + noise)
    start = rng.integers(FIRST_SECOND, LAST_SECOND, n_users)
    timestamp = np.repeat(start, counts) + rng.integers(0, 86_400 * 30, n_ratings)
    np.minimum(timestamp, LAST_SECOND, out=timestamp)
    return Generated(indptr, item_index, rating, timestamp, expected, n_items)


def _activity(rng: np.random.Generator, n_users: int, n_items: int, n_ratings: int) -> np.ndarray:
    """Ratings per user, descending: log-normal above the minimum, as in ml-25m (median 71)."""
    least = min(MIN_RATINGS_PER_USER, max(1, n_ratings // (2 * n_users)))
    weights = np.sort(rng.lognormal(0.0, 1.45, n_users))[::-1]
    free = n_ratings - least * n_users
    counts = least + np.floor(weights / weights.sum() * free).astype(np.int64)
    np.minimum(counts, n_items // 2, out=counts)
    missing = n_ratings - counts.sum()
    counts += missing // n_users
    counts[: missing % n_users] += 1
    return counts


def _popularity(n_items: int) -> np.ndarray:
    """Each item's share of the draws: a power law with a cut-off tail."""
    rank = np.arange(n_items) / n_items
    weights = (rank + 0.0012) ** -1.05 * np.exp(-9.0 * rank)
    return weights / weights.sum()


@njit(parallel=True)
def _draw_items(indptr, cumulative, n_items, seed):  # type: ignore[no-untyped-def]
    """The items of every user, each at most once: first a share of all, then by popularity."""
    items = np.empty(indptr[-1], np.int32)
    n_users = len(indptr) - 1
    for user in prange(n_users):
        np.random.seed((seed * 1_000_003 + user) % 2**31)
        start, stop = indptr[user], indptr[user + 1]
        taken = {-1}
        filled = start
        for item in range(user, n_items, n_users):  # every item gets at least one rating
            if filled < stop:
                taken.add(item)
                items[filled] = item
                filled += 1
        tries = 0
        while filled < stop:
            tries += 1
            if tries < 20 * (stop - start):
                item = np.searchsorted(cumulative, np.random.random())
            else:  # few items are left for a very active user, so draw uniformly
                item = np.random.randint(n_items)
            if item < n_items and item not in taken:
                taken.add(item)
                items[filled] = item
                filled += 1
        items[start:stop].sort()
    return items


def _planted(
    rng: np.random.Generator, indptr: np.ndarray, item_index: np.ndarray, n_items: int
) -> tuple[np.ndarray, np.ndarray]:
    """Biases and factors of known variance, which explain about 40 % of the variance."""
    n_users, n_ratings = len(indptr) - 1, len(item_index)
    scale = 0.45 / N_PLANTED_FACTORS**0.25
    user_factors = rng.normal(0, scale, (n_users, N_PLANTED_FACTORS)).astype(np.float32)
    item_factors = rng.normal(0, scale, (n_items, N_PLANTED_FACTORS)).astype(np.float32)
    user_biases = rng.normal(0, 0.4, n_users).astype(np.float32)
    item_biases = rng.normal(0, 0.4, n_items).astype(np.float32)
    expected = _expected(indptr, item_index, user_factors, item_factors, user_biases, item_biases)
    return expected, rng.normal(0, 0.75, n_ratings).astype(np.float32)


@njit(parallel=True)
def _expected(indptr, items, user_factors, item_factors, user_biases, item_biases):  # type: ignore[no-untyped-def]
    out = np.empty(len(items), np.float32)
    for user in prange(len(indptr) - 1):
        for k in range(indptr[user], indptr[user + 1]):
            item = items[k]
            out[k] = user_biases[user] + item_biases[item]
            for factor in range(user_factors.shape[1]):
                out[k] += user_factors[user, factor] * item_factors[item, factor]
    return out


def _to_half_stars(score: np.ndarray) -> np.ndarray:
    """Cut scores at the quantiles that give ml-25m's histogram."""
    shares = np.cumsum(ML_25M_HISTOGRAM)[:-1] / ML_25M_HISTOGRAM.sum()
    sample = score[:: max(1, len(score) // 1_000_000)]
    cuts = np.quantile(sample, shares)
    return ((np.searchsorted(cuts, score) + 1) * np.float32(0.5)).astype(np.float32)


def write_zip(data: Generated, path: Path, name: str = "ml-generated", n_movies: int = 0) -> None:
    """Write the ratings as a zip in MovieLens' csv layout, with sparse movie ids.

    n_movies: the number of movies listed, rated or not (at least those rated).
    """
    n_movies = max(n_movies, data.n_items)
    movie_id = np.arange(n_movies, dtype=np.int64) * 3 + 1
    genres = np.array(["Drama", "Comedy|Romance", "Action|Sci-Fi", "(no genres listed)"])
    movies = pa.table(
        {
            "movieId": movie_id,
            "title": [f"Film {number}, The ({1950 + number % 70})" for number in range(n_movies)],
            "genres": genres[np.arange(n_movies) % len(genres)],
        }
    )
    ratings = pa.table(
        {
            "userId": data.user_index + np.int32(1),
            "movieId": movie_id[data.item_index],
            "rating": data.rating,
            "timestamp": data.timestamp,
        }
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member, table in (("movies.csv", movies), ("ratings.csv", ratings)):
            with archive.open(f"{name}/{member}", "w", force_zip64=True) as stream:
                options = pyarrow.csv.WriteOptions(quoting_style="needed")
                pyarrow.csv.write_csv(table, pa.PythonFile(io.BufferedWriter(stream)), options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=ML_25M_RATINGS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--zip", type=Path, required=True, help="the archive to write")
    args = parser.parse_args()
    n_movies = round(ML_25M_MOVIES * args.ratings / ML_25M_RATINGS)
    write_zip(generate(args.ratings, args.seed), args.zip, n_movies=n_movies)


if __name__ == "__main__":
    main()
