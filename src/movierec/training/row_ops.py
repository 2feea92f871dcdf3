"""Operations on a block of user or item rows, in this process or in a worker.

In memory, one RowBlock has all rows of a side; otherwise each has some of them. A block's result
does not depend on other blocks, and sums over blocks are taken by tree_sums, so training gives the
same result to the bit for any division into blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from movierec.core import random_streams
from movierec.data import tree_sums
from movierec.data.rating_arrays import Array, Csr
from movierec.data.tree_sums import CHUNK, PartialSums
from movierec.kernels.reductions import chunk_feature_sums, chunk_grams, combine, row_sums
from movierec.kernels.scoring import squared_errors_by_row
from movierec.model.features import scale_of
from movierec.model.solver import Prior, half_epoch
from movierec.model.third_side import ThirdSide

NO_SUMS = np.zeros(0)
OTHER_SIDE = {"user": "item", "item": "user", "day": "user"}
THIRD_SIDE = {"user": "day", "item": "day", "day": "item"}


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows of one side.

    first: the number of the first row, a multiple of tree_sums.CHUNK. counts (n_rows,): number of
    ratings of each row. feature_means: the rows of X W (n_rows, n_factors + 1), see
    model/features.py; None without features.
    """

    first: int
    counts: Array
    feature_means: Array | None = None

    def prior_means(self, shift: Array | None = None) -> Array | None:
        """The prior mean of each row, shift + X W: (n_rows, n_factors + 1); None if it is 0."""
        if self.feature_means is None:
            return None if shift is None else np.broadcast_to(shift, (len(self.counts), len(shift)))
        return self.feature_means if shift is None else shift + self.feature_means

    def deviations(self, rows: Array, shift: Array | None = None) -> Array:
        """Rows minus their prior means."""
        means = self.prior_means(shift)
        return rows if means is None else rows - means


Change = Callable[[RowBlock, Array], Array]  # transforms a block's rows
Measure = Callable[[RowBlock, Array], PartialSums]  # sums over a block's rows


@dataclass(frozen=True)
class Noise:
    """Standard normal numbers of a named random stream, divided by `scale`."""

    seed: int
    name: str
    scale: float = 1.0

    def draw(self, block: RowBlock, n_columns: int, dtype: Any) -> Array:
        """The numbers of a block's rows (n_rows, n_columns), the same for any division."""
        n_rows = len(block.counts)
        draws = random_streams.normals(self.seed, self.name, n_rows, n_columns, dtype, block.first)
        return draws / dtype.type(self.scale)


@dataclass(frozen=True)
class Draw:
    """How to sample rows from their posterior: shift is added to each row's prior mean."""

    shift: Array
    noise: Noise


def solve(
    block: RowBlock,
    ratings: Csr,
    fixed: tuple[Array, Array],
    global_mean: float,
    prior: Prior,
    side: str,
    draw: Draw | None = None,
    third: ThirdSide | None = None,
) -> tuple[Array, Array]:
    """Solve for a block's rows: its factors and biases.

    fixed: factors and biases of the other side, to which the ratings' indices refer.
    """
    factors, biases = fixed
    means = block.prior_means(draw.shift if draw else None)
    noise = draw.noise.draw(block, factors.shape[1] + 1, factors.dtype) if draw else None
    more = prior, side, means, noise, block.first, third
    return half_epoch(ratings, factors, biases, global_mean, *more)


def error_sums(
    first: int,
    ratings: Csr,
    rows: tuple[Array, Array],
    fixed: tuple[Array, Array],
    global_mean: float,
    scale: tuple[float, float],
    sums: Array = NO_SUMS,
    n_samples: int = 1,
    third: ThirdSide | None = None,
) -> PartialSums:
    """Sums of four errors over a block's ratings, in the order of metrics.measures.ErrorSum.

    sums (n_ratings,): the sum of earlier samples' predictions, to which those of this one, the
    n_samples-th, are added in place. Without it, this model is the only sample.
    """
    number = rows[0].dtype.type
    ratings.check_columns(len(fixed[1]))
    third = third or ThirdSide.none(fixed[0].shape[1], fixed[0].dtype)
    by_row = squared_errors_by_row(
        ratings.indptr,
        ratings.indices,
        ratings.values,
        number(global_mean),
        rows[0],
        fixed[0],
        rows[1],
        fixed[1],
        number(scale[0]),
        number(scale[1]),
        *third.arrays,
        number(1),
        sums,
        n_samples,
    )
    return tree_sums.partial_sums(first, by_row)


def rating_sums(first: int, ratings: Csr) -> PartialSums:
    return tree_sums.partial_sums(first, row_sums(ratings.indptr, ratings.values))


# --- Measures: sums over rows


def penalty(prior: Prior, shift: Array | None, block: RowBlock, rows: Array) -> PartialSums:
    """Σ of Prior.penalties of the rows' deviations from their prior means."""
    penalties = prior.penalties(block.counts, block.deviations(rows, shift))
    return tree_sums.partial_sums(block.first, penalties)


def deviation_sum(block: RowBlock, rows: Array) -> PartialSums:
    """Σ of the rows' deviations from X W."""
    return tree_sums.partial_sums(block.first, block.deviations(rows))


def scatter(centre: Array, block: RowBlock, rows: Array) -> PartialSums:
    """Σ d dᵀ, where d is a row's deviation from centre + X W."""
    deviations = block.deviations(rows)

    def chunks(start: int, stop: int) -> Array:
        return chunk_grams(deviations[start:stop], centre, CHUNK)

    return tree_sums.partial_sums_by_slice(block.first, len(rows), chunks)


def feature_sums(
    change: Change, by_row: Csr, n_features: int, block: RowBlock, rows: Array
) -> PartialSums:
    """Xᵀ · change(rows): (n_features, n_columns), for few features. by_row: those of the rows."""
    scaled = change(block, rows) * scale_of(by_row.counts, rows.dtype)

    def chunks(start: int, stop: int) -> Array:
        indptr = by_row.indptr[start : stop + 1]
        return chunk_feature_sums(indptr, by_row.indices, scaled[start:stop], n_features, CHUNK)

    return tree_sums.partial_sums_by_slice(block.first, len(rows), chunks)


# --- Changes: transformations of rows


def weighted(prior: Prior, block: RowBlock, rows: Array) -> Array:
    """Rows multiplied by their precision under a diagonal prior."""
    precision = np.diag(prior.precision) + block.counts[:, None] * prior.per_rating
    return (precision * rows).astype(rows.dtype)


def perturbed(shift: Array, noise: Noise, root: Array, block: RowBlock, rows: Array) -> Array:
    """Rows minus `shift`, plus noise with covariance root · rootᵀ."""
    draws = noise.draw(block, rows.shape[1], rows.dtype)
    ones = np.ones(len(rows), rows.dtype)
    return np.asarray(combine(rows - shift, ones, draws, root.T.astype(rows.dtype)))
