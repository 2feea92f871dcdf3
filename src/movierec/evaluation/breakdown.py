"""Errors of groups of test ratings: by activity, popularity, genre and decade; cold ones apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from movierec.data.rating_arrays import Array, Csr, Ratings, indptr_from_counts

PER_CENT = {"p10": 10, "p25": 25, "median": 50, "p75": 75, "p90": 90}
N_LEVELS, N_BINS = 20, 40  # of given ratings at most, of residuals


def bins_of(counts: Array) -> tuple[Array, list[str]]:
    """Bins of counts that double, 0 in one of its own: the bin of each, and their names."""
    bins = np.where(counts > 0, np.floor(np.log2(np.maximum(counts, 1))) + 1, 0).astype(np.int64)
    edges = [(0, 0)] + [(2**number, 2 ** (number + 1) - 1) for number in range(bins.max(initial=0))]
    return bins, [f"{low}" if low == high else f"{low}-{high}" for low, high in edges]


def decades_of(years: pd.Series) -> tuple[Array, list[str]]:
    """The decade of each year, or that it is unknown."""
    decades = (years.astype("Float64") // 10 * 10).astype("Int64")
    names = decades.astype("string").add("s").fillna("unknown")
    codes, found = pd.factorize(names, sort=True)
    return codes, [str(name) for name in found]


def errors_by(
    label: str, groups: tuple[Array, Sequence[str]], model: Array, baseline: Array
) -> pd.DataFrame:
    """RMSE of each group with ratings, out of squared errors; groups: as bins_of returns them."""
    group, names = groups
    n_test = np.bincount(group, minlength=len(names))
    there = n_test > 0

    def rmse(squared: Array) -> Array:
        return np.sqrt(np.bincount(group, squared, len(names))[there] / n_test[there])

    return pd.DataFrame(
        {
            label: np.array(names, dtype=object)[there],
            "rmse": rmse(model),
            "damped_biases_rmse": rmse(baseline),
            "n_test": n_test[there],
        }
    )


def breakdowns(
    test: Ratings, counts: tuple[Array, Array], items: pd.DataFrame, model: Array, baseline: Array
) -> dict[str, pd.DataFrame]:
    """Errors by activity of the user, and by popularity, genre and decade of the movie.

    counts: ratings in training of each user, of each item. A rating counts in each genre of its
    movie.
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
    """Quantiles of what was predicted of the test ratings that were given alike.

    Of more than N_LEVELS different ratings half as many bins are made, each called by its middle.
    """
    code, given = pd.factorize(rating, sort=True)
    if len(given) > N_LEVELS:
        step = (scale[1] - scale[0]) / (N_LEVELS // 2)
        code, given = pd.factorize(np.minimum((rating - scale[0]) // step, N_LEVELS // 2 - 1), True)
        given = scale[0] + (given + 0.5) * step
    parts = [predicted[code == number] for number in range(len(given))]
    rows = [(*np.percentile(part, [*PER_CENT.values()]), len(part)) for part in parts]
    frame = pd.DataFrame(rows, columns=[*PER_CENT, "n_test"])
    frame.insert(0, "rating", given)
    return frame


def residuals(errors: Array, scale: tuple[float, float]) -> pd.DataFrame:
    """How many test ratings lie how far above their clipped prediction: bins, by their middles."""
    reach = scale[1] - scale[0]
    n_test, edges = np.histogram(errors, bins=N_BINS, range=(-reach, reach))
    return pd.DataFrame({"residual": (edges[1:] + edges[:-1]) / 2, "n_test": n_test})


def cold(test: Ratings, counts: tuple[Array, Array], squared: Array) -> dict[str, Any]:
    """RMSE of test ratings whose user, or item, has no rating in training, and of the others."""
    masks = {"user": counts[0][test.user_index] == 0, "item": counts[1][test.item_index] == 0}
    masks["neither"] = ~(masks["user"] | masks["item"])
    report: dict[str, Any] = {}
    for name, mask in masks.items():
        report[name] = {"n_test": int(mask.sum())}
        if mask.any():
            report[name]["rmse"] = float(np.sqrt(squared[mask].mean()))
    return report
