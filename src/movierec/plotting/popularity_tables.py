"""How ratings, and recommendations, spread over users and movies: a few have most of them."""

import numpy as np
import pandas as pd

from movierec.data.rating_arrays import Array

N_POINTS = 60  # of a curve, evenly spaced on a logarithmic axis
TAIL = 0.1  # the share of rows whose power law is fitted
MOST_RATED = 12
PARTS = 10  # of the movies, by their number of ratings


def activity(user_counts: Array, movie_counts: Array) -> pd.DataFrame:
    """`spread` of the users' and of the rated movies' numbers of ratings, by their `side`."""
    sides = {"users": user_counts, "movies": movie_counts}
    spreads = {side: spread(counts[counts > 0]) for side, counts in sides.items()}
    return pd.concat(spreads, names=["side"]).reset_index("side")


def spread(counts: Array) -> pd.DataFrame:
    """The share of rows with at least so many ratings, and the share of ratings that they hold.

    power_law: what `share` would be, in the tail, by the power law that fits it best (Clauset,
    Shalizi & Newman, SIAM Review 51(4), 2009, equation 3.7).
    """
    counts = np.sort(counts)[::-1].astype(np.float64)
    n = len(counts)
    targets = np.geomspace(max(1, counts[-1]), counts[0], N_POINTS)
    threshold = counts[int(np.ceil(TAIL * n)) - 1]
    n_ratings = np.unique([*counts[np.searchsorted(-counts, -targets, "right") - 1], threshold])
    n_rows = np.searchsorted(-counts, -n_ratings, "right")
    tail = counts[counts >= threshold]
    exponent = len(tail) / np.log(tail / (threshold - 0.5)).sum()
    line = len(tail) / n * (np.maximum(n_ratings, threshold) / threshold) ** -exponent
    return pd.DataFrame(
        {
            "n_ratings": n_ratings.astype(np.int64),
            "share": n_rows / n,
            "share_of_ratings": np.cumsum(counts)[n_rows - 1] / counts.sum(),
            "power_law": np.where(n_ratings >= threshold, line, np.nan),
        }
    )


def most_rated(items: pd.DataFrame) -> pd.DataFrame:
    """Titles and numbers of ratings; items: the most rated first, as items.parquet has them."""
    return items[["title", "n_ratings"]].head(MOST_RATED)


def by_genre(items: pd.DataFrame, counts: Array) -> pd.Series:
    """Sums of the items' counts by genre, the most first; an item counts in each of its genres."""
    genres = items["genres"].explode().dropna()
    sums = pd.Series(counts[genres.index], index=genres.to_numpy()).groupby(level=0).sum()
    return sums.rename_axis("genre").sort_values(ascending=False, kind="stable")


def genre_ratings(items: pd.DataFrame) -> pd.DataFrame:
    return by_genre(items, items["n_ratings"].to_numpy()).rename("n_ratings").reset_index()


def recommended(n_ratings: Array, n_lists: Array) -> pd.DataFrame:
    """Shares of all ratings and of all recommendations that tenths of the movies have.

    n_ratings, n_lists (n_items,): of each movie, the most rated first. coverage: the share of the
    part's movies that anyone is recommended. No rows where nothing is.
    """
    parts = np.array_split(np.arange(len(n_lists)), min(PARTS, len(n_lists)))
    part = np.repeat(np.arange(1, len(parts) + 1), [len(rows) for rows in parts])
    rows = pd.DataFrame({"part": part, "ratings": n_ratings, "recommendations": n_lists})
    rows["coverage"] = n_lists > 0
    if not n_lists.any():
        return rows.head(0)
    by_part = rows.groupby("part")
    shares = by_part[["ratings", "recommendations"]].sum() / [n_ratings.sum(), n_lists.sum()]
    return shares.assign(coverage=by_part["coverage"].mean()).reset_index()


def recommended_genres(items: pd.DataFrame, n_lists: Array) -> pd.DataFrame:
    """Shares of all ratings and of all recommendations whose movie is of a genre."""
    counts = {"ratings": items["n_ratings"].to_numpy(), "recommendations": n_lists}
    shares = {
        name: by_genre(items, values) / max(1, values.sum()) for name, values in counts.items()
    }
    table = pd.DataFrame(shares).sort_values("ratings", ascending=False, kind="stable")
    return table.rename_axis("genre").reset_index()
