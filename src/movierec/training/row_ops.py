"""Operations on some rows of one side, in whatever process holds them.

A RowBlock is the rows from `first` on, a multiple of tree_sums.CHUNK: all of them where they fit in
memory, a block where they do not. A block's result does not depend on the other blocks, and sums
over blocks are those of tree_sums: so training has the same bits for any division into blocks.
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

NO_SUMS = np.zeros(0)
OTHER_SIDE = {"user": "item", "item": "user"}


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows of one side: the number of the first, and how many ratings each has.

    features: where rows have features, those of each row, and the features' weights
    (n_features, n_factors + 1).
    """

    first: int
    counts: Array
    features: tuple[Csr, Array] | None = None

    def prior_means(self, shift: Array | None = None) -> Array | None:
        """The mean of each row's prior (n_rows, n_factors + 1): shift + X W; None where it is 0."""
        if self.features is None:
            return None if shift is None else np.broadcast_to(shift, (len(self.counts), len(shift)))
        means = means_of(*self.features)
        return means if shift is None else shift + means

    def deviations(self, rows: Array, shift: Array | None = None) -> Array:
        """Rows less the means of their priors."""
        means = self.prior_means(shift)
        return rows if means is None else rows - means


Change = Callable[[RowBlock, Array], Array]  # of a block's rows
Measure = Callable[[RowBlock, Array], PartialSums]  # of a block's rows, added up over all blocks


@dataclass(frozen=True)
class Noise:
    """Standard normal numbers of a named stream, over a scale; each row has its own."""

    seed: int
    name: str
    scale: float = 1.0

    def draw(self, block: RowBlock, n_columns: int, dtype: Any) -> Array:
        n_rows = len(block.counts)
        draws = random_streams.normals(self.seed, self.name, n_rows, n_columns, dtype, block.first)
        return draws / dtype.type(self.scale)


@dataclass(frozen=True)
class Draw:
    """How rows are drawn from their posterior: shift is added to each row's prior mean."""

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
) -> tuple[Array, Array]:
    """The half epoch of a block: its factors and biases.

    fixed: factors and biases of the rows that the ratings' indices point to.
    """
    factors, biases = fixed
    means = block.prior_means(draw.shift if draw else None)
    noise = draw.noise.draw(block, factors.shape[1] + 1, factors.dtype) if draw else None
    return half_epoch(ratings, factors, biases, global_mean, prior, side, means, noise, block.first)


def error_sums(
    first: int,
    ratings: Csr,
    rows: tuple[Array, Array],
    fixed: tuple[Array, Array],
    global_mean: float,
    scale: tuple[float, float],
    sums: Array = NO_SUMS,
    n_samples: int = 1,
) -> PartialSums:
    """Sums of four errors over a block's ratings.

    The first is this model's squared error; the others are of the mean of samples: squared and
    absolute when clipped to the scale, and squared unclipped.
    sums: of the other samples' predictions, to which this n_samples-th one's are added in place;
    without them the mean is of this model alone.
    """
    number = rows[0].dtype.type
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
        sums,
        n_samples,
    )
    return tree_sums.partial_sums(first, by_row)


def rating_sums(first: int, ratings: Csr) -> PartialSums:
    return tree_sums.partial_sums(first, row_sums(ratings.indptr, ratings.values))


# --- Measures


def penalty(prior: Prior, shift: Array | None, block: RowBlock, rows: Array) -> PartialSums:
    """Prior.penalties of the rows' deviations from their prior means."""
    penalties = prior.penalties(block.counts, block.deviations(rows, shift))
    return tree_sums.partial_sums(block.first, penalties)


def deviation_sum(block: RowBlock, rows: Array) -> PartialSums:
    """Σ of the rows' deviations from X W."""
    return tree_sums.partial_sums(block.first, block.deviations(rows))


def scatter(centre: Array, block: RowBlock, rows: Array) -> PartialSums:
    """Σ d dᵀ, d being a row's deviation from centre + X W."""
    deviations = block.deviations(rows)

    def chunks(start: int, stop: int) -> Array:
        return chunk_grams(deviations[start:stop], centre, CHUNK)

    return tree_sums.partial_sums_by_slice(block.first, len(rows), chunks)


def feature_sums(change: Change, block: RowBlock, rows: Array) -> PartialSums:
    """Xᵀ · rows (n_features, n_columns), after `change`; for few features."""
    by_row, weights = cast(tuple[Csr, Array], block.features)
    scaled = (scale_of(by_row) * change(block, rows)).astype(rows.dtype)

    def chunks(start: int, stop: int) -> Array:
        indptr = by_row.indptr[start : stop + 1]
        return chunk_feature_sums(indptr, by_row.indices, scaled[start:stop], len(weights), CHUNK)

    return tree_sums.partial_sums_by_slice(block.first, len(rows), chunks)


# --- Changes of rows


def weighted(prior: Prior, block: RowBlock, rows: Array) -> Array:
    """Each row times its precision under a diagonal prior."""
    precision = np.diag(prior.precision) + block.counts[:, None] * prior.per_rating
    return (precision * rows).astype(rows.dtype)


def perturbed(shift: Array, noise: Noise, root: Array, block: RowBlock, rows: Array) -> Array:
    """Rows less `shift`, plus noise with the covariance root · rootᵀ."""
    draws = noise.draw(block, rows.shape[1], rows.dtype)
    return np.asarray(rows - shift + np.einsum("rf,gf->rg", draws, root).astype(rows.dtype))
