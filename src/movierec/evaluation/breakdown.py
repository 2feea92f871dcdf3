"""Errors by groups of test ratings: activity, popularity, genre, decade, new users and movies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from movierec.data.rating_arrays import Array, Csr, Ratings, indptr_from_counts
from movierec.evaluation.calibration import N_CELLS, cells_of, stars_of
from movierec.evaluation.exact_sums import counts_and_sums, means_of

PER_CENT = {"p10": 10, "p25": 25, "median": 50, "p75": 75, "p90": 90}
MAX_LEVELS, N_BINS = 20, 40  # most distinct ratings shown singly; bins of residuals
N_DOUBLINGS = 64  # bins of counts
NEW = ("user", "item", "neither")
COLUMNS = ("rmse", "damped_biases_rmse")


def bins_of(counts: Array) -> Array:
    """The bins of counts: 0, and then doubling widths."""
    return np.where(counts > 0, np.floor(np.log2(np.maximum(counts, 1))) + 1, 0).astype(np.int64)


def names_of_bins() -> list[str]:
    edges = [(0, 0)] + [(2**number, 2 ** (number + 1) - 1) for number in range(N_DOUBLINGS - 1)]
    return [f"{low}" if low == high else f"{low}-{high}" for low, high in edges]


def decades_of(years: pd.Series) -> tuple[Array, list[str]]:
    """The decade of each year, as an index into the list of names, which includes "unknown"."""
    decades = (years.astype("Float64") // 10 * 10).astype("Int64")
    names = decades.astype("string").add("s").fillna("unknown")
    codes, unique = pd.factorize(names, sort=True)
    return codes, [str(name) for name in unique]


@dataclass(frozen=True)
class Groups:
    """What test ratings are grouped by, and the names of the groups.

    counts: the number of training ratings of each user, and of each item. decades (n_items,),
    genres (a row for each item): numbers of names.
    """

    counts: tuple[Array, Array]
    decades: Array
    genres: Csr
    names: Mapping[str, Sequence[str]]

    @classmethod
    def of_items(cls, items: pd.DataFrame, counts: tuple[Array, Array]) -> "Groups":
        """items: items.parquet."""
        decades, decade_names = decades_of(items["year"])
        genre, genres = pd.factorize(items["genres"].explode().dropna(), sort=True)
        by_item = indptr_from_counts(items["genres"].map(len).to_numpy())
        of_items = Csr(by_item, genre.astype(np.int32), genre)
        bins = names_of_bins()
        names = {"user_activity": bins, "item_popularity": bins}
        names |= {"genre": list(genres), "decade": decade_names}
        return cls(counts, decades, of_items, names)

    def count(self, test: Ratings, model: Array, baseline: Array) -> dict[str, Array]:
        """Add up squared errors, as shares of the largest possible ones, by each group.

        A rating counts for each genre of its movie.
        """
        activity, popularity = (
            n[index]
            for n, index in zip(self.counts, (test.user_index, test.item_index), strict=True)
        )
        of_rating = self.genres.take(test.item_index)
        rows = of_rating.row_index
        squared = model, baseline
        groups = {
            "user_activity": (bins_of(activity), squared),
            "item_popularity": (bins_of(popularity), squared),
            "genre": (of_rating.indices, (model[rows], baseline[rows])),
            "decade": (self.decades[test.item_index], squared),
        }
        counted = {
            name: counts_and_sums(group, len(self.names[name]), *values)
            for name, (group, values) in groups.items()
        }
        is_new = activity == 0, popularity == 0
        masks = (*is_new, ~(is_new[0] | is_new[1]))
        cold = [counts_and_sums(np.zeros(m.sum(), int), 1, model[m])[:, 0] for m in masks]
        return counted | {"cold": np.stack(cold, axis=1)}

    def tables(
        self, counted: Mapping[str, Array], scale: tuple[float, float]
    ) -> dict[str, pd.DataFrame]:
        """The RMSE of each group that has ratings, by the model and by the baseline."""
        labels = {"user_activity": "n_ratings", "item_popularity": "n_ratings"}
        frames = {}
        for name, names in self.names.items():
            n_test, *sums = counted[name]
            table = pd.DataFrame({labels.get(name, name): np.array(names, dtype=object)})
            for column, total in zip(COLUMNS, sums, strict=True):
                table[column] = (scale[1] - scale[0]) * np.sqrt(means_of(total, n_test))
            table = table.assign(n_test=n_test)
            frames[f"rmse_by_{name}"] = table[n_test > 0].reset_index(drop=True)
        return frames


def cold(counted: Array, scale: tuple[float, float]) -> dict[str, Any]:
    """The RMSE of test ratings whose user, or item, has no training ratings, and of the others."""
    report: dict[str, Any] = {}
    for name, (n_test, total) in zip(NEW, counted.T.tolist(), strict=True):
        report[name] = {"n_test": n_test}
        if n_test:
            mean = means_of(np.array(total), np.array(n_test))
            report[name]["rmse"] = float((scale[1] - scale[0]) * np.sqrt(mean))
    return report


@dataclass(frozen=True)
class Levels:
    """The ratings by which predictions are shown.

    More than MAX_LEVELS distinct ratings are grouped in half as many bins, named by midpoints.
    """

    distinct: Array
    scale: tuple[float, float]

    @property
    def stars(self) -> Array:
        if not self.are_bins:
            return self.distinct
        low, high = self.scale
        return low + (np.arange(MAX_LEVELS // 2) + 0.5) * (high - low) / (MAX_LEVELS // 2)

    @property
    def are_bins(self) -> bool:
        return len(self.distinct) > MAX_LEVELS

    def of(self, rating: Array) -> Array:
        """The number of each rating's level."""
        if not self.are_bins:
            return np.searchsorted(self.distinct, rating)
        n_bins, (low, high) = MAX_LEVELS // 2, self.scale
        bins = np.floor(n_bins * np.round((rating.astype(np.float64) - low) / (high - low), 4))
        return np.minimum(bins, n_bins - 1).astype(np.int64)

    def count(self, predicted: Array, rating: Array) -> Array:
        """The number of clipped predictions by level and cell: (n_levels, N_CELLS)."""
        shape = len(self.stars), N_CELLS
        places = self.of(rating) * N_CELLS + cells_of(predicted, self.scale)
        return np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape)

    def table(self, counted: Array) -> pd.DataFrame:
        """Quantiles of the predictions by level, each to the width of a cell."""
        rows = []
        for stars, cells in zip(self.stars, counted, strict=True):
            ends, n_test = np.cumsum(cells), int(cells.sum())
            if n_test:
                ranks = np.array([*PER_CENT.values()]) / 100 * (n_test - 1)
                low, high = (
                    stars_of(np.searchsorted(ends, rank, "right"), self.scale)
                    for rank in (np.floor(ranks), np.ceil(ranks))
                )
                rows.append((stars, *(low + (high - low) * (ranks % 1)), n_test))
        return pd.DataFrame(rows, columns=["rating", *PER_CENT, "n_test"])


def count_residuals(errors: Array, scale: tuple[float, float]) -> Array:
    """The number of errors of clipped predictions in each of N_BINS bins."""
    counts = np.histogram(errors / (scale[1] - scale[0]), bins=N_BINS, range=(-1, 1))[0]
    return counts.astype(np.int64)


def residuals(counted: Array, scale: tuple[float, float]) -> pd.DataFrame:
    """A histogram of the errors of clipped predictions: midpoints of the bins, and counts."""
    edges = np.linspace(-1, 1, N_BINS + 1)
    middles = (scale[1] - scale[0]) * (edges[1:] + edges[:-1]) / 2
    return pd.DataFrame({"residual": middles, "n_test": counted})
