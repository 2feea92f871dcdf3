"""What is done with some of the rows of one side, whoever has the others.

A part is the rows from `first` on, a multiple of sums.STRIP: all of them where they fit in memory,
a block where they do not. What a part gives does not depend on the other parts, and sums over parts
are those of sums.py: so all that training does has the same bits for any division.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from movierec.core import random_streams
from movierec.data import tree_sums
from movierec.data.rating_arrays import Array, Csr
from movierec.data.tree_sums import CHUNK, PartialSums
from movierec.kernels.reductions import chunk_feature_sums, chunk_grams, row_sums
from movierec.kernels.scoring import squared_errors_by_row
from movierec.model.features import means_of, scale_of
from movierec.model.solver import Prior, half_epoch

NONE = np.zeros(0)
OTHER_SIDE = {"user": "item", "item": "user"}


@dataclass(frozen=True)
class RowBlock:
    """Rows of one side: the number of the first, how many ratings each has, and, where rows have
    features, those of each row, and the features' weights (n_features, n_factors + 1)."""

    first: int
    counts: Array
    features: tuple[Csr, Array] | None = None

    def means(self, shift: Array | None = None) -> Array | None:
        """The mean of each row's prior (n_rows, n_factors + 1), None for 0: `shift` for all, and
        what the row's features say."""
        if self.features is None:
            return None if shift is None else np.broadcast_to(shift, (len(self.counts), len(shift)))
        of_features = means_of(*self.features)
        return of_features if shift is None else shift + of_features

    def left(self, rows: Array) -> Array:
        """Rows less what their features say."""
        means = self.means()
        return rows if means is None else rows - means


Change = Callable[[RowBlock, Array], Array]
Measure = Callable[
    [RowBlock, Array], PartialSums
]  # of a part and its rows, to be summed over all parts


@dataclass(frozen=True)
class Noise:
    """Standard normal numbers of a named stream, times a scale; those of a row are its own."""

    seed: int
    name: str
    scale: float = 1.0

    def of(self, part: RowBlock, n_columns: int, dtype: Any) -> Array:
        n_rows = len(part.counts)
        drawn = random_streams.normals(self.seed, self.name, n_rows, n_columns, dtype, part.first)
        return drawn / dtype.type(self.scale)


def solve(
    part: RowBlock,
    ratings: Csr,
    fixed: tuple[Array, Array],
    global_mean: float,
    prior: Prior,
    side: str,
    shift: Array | None = None,
    noise: Noise | None = None,
) -> tuple[Array, Array]:
    """The half epoch of these rows; fixed: factors and biases that the ratings' indices are of."""
    factors, biases = fixed
    drawn = noise.of(part, factors.shape[1] + 1, factors.dtype) if noise else None
    means = part.means(shift)
    return half_epoch(ratings, factors, biases, global_mean, prior, side, means, drawn, part.first)


def errors(
    first: int,
    ratings: Csr,
    rows: tuple[Array, Array],
    fixed: tuple[Array, Array],
    global_mean: float,
    scale: tuple[float, float],
    totals: Array = NONE,
    n_samples: int = 1,
) -> PartialSums:
    """Sums over ratings of four errors: squared; and of the mean of samples squared when clipped to
    the scale, absolute when clipped, and squared.

    totals: the sums of other samples' predictions, to which this n_samples-th one's are added;
    without them the mean is of this sample alone.
    """
    dtype = rows[0].dtype.type
    by_row = squared_errors_by_row(
        ratings.indptr,
        ratings.indices,
        ratings.values,
        dtype(global_mean),
        rows[0],
        fixed[0],
        rows[1],
        fixed[1],
        dtype(scale[0]),
        dtype(scale[1]),
        totals,
        n_samples,
    )
    return tree_sums.partial_sums(first, by_row)


def rating_sums(first: int, ratings: Csr) -> PartialSums:
    return tree_sums.partial_sums(first, row_sums(ratings.indptr, ratings.values))


# --- Measures


def penalty(prior: Prior, shift: Array | None, part: RowBlock, rows: Array) -> PartialSums:
    """Prior.penalties of rows less the means of their priors."""
    means = part.means(shift)
    deviations = rows if means is None else rows - means
    return tree_sums.partial_sums(part.first, prior.penalties(part.counts, deviations))


def total(part: RowBlock, rows: Array) -> PartialSums:
    """Σ rows, less what their features say."""
    return tree_sums.partial_sums(part.first, part.left(rows))


def spread(centre: Array, part: RowBlock, rows: Array) -> PartialSums:
    """Σ d dᵀ, d being a row less the centre and less what its features say."""
    left = part.left(rows)
    return tree_sums.partial_sums_by_slice(
        part.first, len(rows), lambda start, stop: chunk_grams(left[start:stop], centre, CHUNK)
    )


def weighed(prior: Prior, part: RowBlock, rows: Array) -> Array:
    """Rows, each times the precision that it has by a diagonal prior."""
    precision = np.diag(prior.precision) + part.counts[:, None] * prior.per_rating
    return (precision * rows).astype(rows.dtype)


def perturbed(shift: Array, noise: Noise, root: Array, part: RowBlock, rows: Array) -> Array:
    """Rows less `shift`, and noise with the covariance root · rootᵀ."""
    drawn = noise.of(part, rows.shape[1], rows.dtype)
    return np.asarray(rows - shift + np.einsum("rf,gf->rg", drawn, root).astype(rows.dtype))


def collected(made: Change, part: RowBlock, rows: Array) -> PartialSums:
    """Xᵀ · rows (n_features, n_columns), as `made` changes them, of few features."""
    by_row, weights = cast(tuple[Csr, Array], part.features)
    scaled = (scale_of(by_row) * made(part, rows)).astype(rows.dtype)

    def leaves(start: int, stop: int) -> Array:
        some = by_row.indptr[start : stop + 1]
        return chunk_feature_sums(some, by_row.indices, scaled[start:stop], len(weights), CHUNK)

    return tree_sums.partial_sums_by_slice(part.first, len(rows), leaves)
