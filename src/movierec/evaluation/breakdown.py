"""Errors by groups of test ratings: activity, popularity, genre, decade, new users and movies."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from movierec.data.rating_arrays import Array, Csr, Ratings, indptr_from_counts

PER_CENT = {"p10": 10, "p25": 25, "median": 50, "p75": 75, "p90": 90}
MAX_LEVELS, N_BINS = 20, 40  # most distinct ratings shown singly; bins of residuals


def bins_of(counts: Array) -> tuple[Array, list[str]]:
    """Group counts in bins of doubling width: the bin of each count, and the bins' names."""
    bins = np.where(counts > 0, np.floor(np.log2(np.maximum(counts, 1))) + 1, 0).astype(np.int64)
    edges = [(0, 0)] + [(2**number, 2 ** (number + 1) - 1) for number in range(bins.max(initial=0))]
    return bins, [f"{low}" if low == high else f"{low}-{high}" for low, high in edges]


def decades_of(years: pd.Series) -> tuple[Array, list[str]]:
    """The decade of each year, as an index into the list of names, which includes "unknown"."""
    decades = (years.astype("Float64") // 10 * 10).astype("Int64")
    names = decades.astype("string").add("s").fillna("unknown")
    codes, unique = pd.factorize(names, sort=True)
    return codes, [str(name) for name in unique]


def errors_by(
    label: str, groups: tuple[Array, Sequence[str]], model: Array, baseline: Array
) -> pd.DataFrame:
    """The RMSE of each group that has ratings.

    groups: the group of each rating and the names, as from bins_of. model, baseline: squared errors
    of each rating.
    """
    group, names = groups
    n_test = np.bincount(group, minlength=len(names))
    table = pd.DataFrame({label: np.array(names, dtype=object)})
    for column, squared in (("rmse", model), ("damped_biases_rmse", baseline)):
        table[column] = np.sqrt(np.bincount(group, squared, len(names)) / np.maximum(n_test, 1))
    return table.assign(n_test=n_test)[n_test > 0].reset_index(drop=True)


def breakdowns(
    test: Ratings, counts: Sequence[Array], items: pd.DataFrame, model: Array, baseline: Array
) -> dict[str, pd.DataFrame]:
    """Errors by activity of the user, and by popularity, genre and decade of the movie.

    counts: number of training ratings of each user, and of each item. model, baseline: squared
    errors of each rating. A rating counts for each genre of its movie.
    """
    activity, popularity = counts[0][test.user_index], counts[1][test.item_index]
    decades, names = decades_of(items["year"])
    listed = items["genres"].explode().dropna()
    genre, genres = pd.factorize(listed, sort=True)
    of_item = Csr(
        indptr_from_counts(items["genres"].map(len).to_numpy()), genre.astype(np.int32), genre
    )
    of_rating = of_item.take(test.item_index)
    times = of_rating.row_index
    return {
        "rmse_by_user_activity": errors_by("n_ratings", bins_of(activity), model, baseline),
        "rmse_by_item_popularity": errors_by("n_ratings", bins_of(popularity), model, baseline),
        "rmse_by_genre": errors_by(
            "genre", (of_rating.indices, list(genres)), model[times], baseline[times]
        ),
        "rmse_by_decade": errors_by("decade", (decades[test.item_index], names), model, baseline),
    }


def predicted_by_given(predicted: Array, rating: Array, scale: tuple[float, float]) -> pd.DataFrame:
    """Quantiles of the predictions by actual rating.

    More than MAX_LEVELS distinct ratings are grouped in half as many bins, named by midpoints.
    """
    code, levels = pd.factorize(rating, sort=True)
    if len(levels) > MAX_LEVELS:
        n_bins, (low, high) = MAX_LEVELS // 2, scale
        bins = np.floor(n_bins * np.round((rating.astype(np.float64) - low) / (high - low), 4))
        code, levels = pd.factorize(np.minimum(bins, n_bins - 1), sort=True)
        levels = low + (levels + 0.5) * (high - low) / n_bins
    parts = [predicted[code == number] for number in range(len(levels))]
    rows = [(*np.percentile(part, [*PER_CENT.values()]), len(part)) for part in parts]
    frame = pd.DataFrame(rows, columns=[*PER_CENT, "n_test"])
    frame.insert(0, "rating", levels)
    return frame


def residuals(errors: Array, scale: tuple[float, float]) -> pd.DataFrame:
    """A histogram of the errors of clipped predictions: midpoints of the bins, and counts."""
    widest = scale[1] - scale[0]
    n_test, edges = np.histogram(errors / widest, bins=N_BINS, range=(-1, 1))
    return pd.DataFrame({"residual": widest * (edges[1:] + edges[:-1]) / 2, "n_test": n_test})


def cold(test: Ratings, counts: Sequence[Array], squared: Array) -> dict[str, Any]:
    """The RMSE of test ratings whose user, or item, has no training ratings, and of the others."""
    by_user, by_item = counts[0][test.user_index] == 0, counts[1][test.item_index] == 0
    masks = {"user": by_user, "item": by_item, "neither": ~(by_user | by_item)}
    report: dict[str, Any] = {}
    for name, mask in masks.items():
        report[name] = {"n_test": int(mask.sum())}
        if mask.any():
            report[name]["rmse"] = float(np.sqrt(squared[mask].mean()))
    return report
