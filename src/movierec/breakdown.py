"""Errors of groups of test ratings: by activity, popularity, genre and decade; cold ones apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from movierec.sparse import Array, Csr, Ratings, indptr_of


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
    of_item = Csr(indptr_of(items["genres"].map(len).to_numpy()), genre.astype(np.int32), genre)
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
