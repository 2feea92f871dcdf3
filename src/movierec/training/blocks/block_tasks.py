"""Tasks that workers run on one block of rows, from files and arguments only.

A task that runs twice gives the same result; files are written atomically.
"""

from pathlib import Path

import numpy as np

from movierec.data.rating_arrays import Array, Csr
from movierec.data.tree_sums import PartialSums
from movierec.model import top_n_lists
from movierec.model.biased_mf import Model
from movierec.model.features import means_of, scale_of, sums_of
from movierec.model.solver import Prior
from movierec.training import row_ops
from movierec.training.blocks.block_ratings import CACHE, BlockRatings, RatingBlock
from movierec.training.blocks.factor_files import Rows, write_array, write_rows
from movierec.training.row_ops import NO_SUMS, Change, Draw, Measure
from movierec.training.training_data import Subset


def keep(block: RatingBlock, rows: Array) -> Array:
    """The rows of a block, to be kept by its worker."""
    return np.ascontiguousarray(rows)


def rating_sums(block: RatingBlock) -> PartialSums:
    return row_ops.rating_sums(block.first, CACHE.get(block, keep=False).train)


def solve(
    block: RatingBlock,
    step: int,
    global_mean: float,
    prior: Prior,
    draw: Draw | None,
    means: Array | None,
    needed: Path | None,
    fixed: Rows,
) -> str:
    """Solve for a block's rows and write them; returns the name of the worker.

    means: the rows' feature means. fixed: the rows of the other side that this worker has; needed:
    which these are, as in the ratings' cache.
    """
    ratings = CACHE.get(block, needed).train
    rows = block.rows(means)
    solved = row_ops.solve(rows, ratings, fixed, global_mean, prior, block.side, draw)
    return write_rows(block, step, np.column_stack(solved))


def sum_rows(block: RatingBlock, measure: Measure, means: Array | None, rows: Array) -> PartialSums:
    return measure(block.rows(means), np.asarray(rows))


def changed_rows(block: RatingBlock, change: Change, rows: Array) -> Array:
    """The change of a block's rows, divided by √n for rows that have n ratings."""
    changed, row_block = np.asarray(rows), block.rows()
    return change(row_block, changed) * scale_of(row_block.counts, changed.dtype)


def feature_sums(
    block: RatingBlock, change: Change, n_features: int, by_row: Csr | None, rows: Array
) -> PartialSums:
    """row_ops.feature_sums of a block. by_row: None for the ratings themselves."""
    by_row = CACHE.get(block).train if by_row is None else by_row
    return row_ops.feature_sums(change, by_row, n_features, block.rows(), np.asarray(rows))


def write_feature_means(
    block: RatingBlock, number: int, by_row: Csr | None, needed: Path | None, weights: Array
) -> None:
    """Write X · weights of a block's rows. by_row: None for the ratings themselves."""
    by_row = CACHE.get(block, needed).train if by_row is None else by_row
    write_array(feature_means_path(block, number), means_of(by_row, weights))


def read_feature_means(block: RatingBlock, number: int) -> Array:
    return np.asarray(np.load(feature_means_path(block, number), mmap_mode="r"))


def feature_means_path(block: RatingBlock, number: int) -> Path:
    return block.source.folder / "means" / f"{block.name}-{number}.npy"


def rating_row_sums(
    block: RatingBlock, row_weights: Array | None, needed: Path | None, rows: Array
) -> Array:
    """For each row of a block, the sum of the other side's rows that it has ratings of.

    row_weights (n_rows, 1): what the sums are multiplied by.
    """
    sums = sums_of(CACHE.get(block, needed).train, rows)
    return sums if row_weights is None else sums * row_weights


def error_sums(
    block: RatingBlock,
    subset: Subset,
    global_mean: float,
    scale: tuple[float, float],
    n_samples: int,
    rows: Array,
    needed: Path | None,
    fixed: Rows,
) -> PartialSums:
    """row_ops.error_sums of a block of users.

    n_samples: the number of samples in the mean, whose running sums are in a file for each number;
    0 without a mean.
    """
    ratings = _ratings_of(CACHE.get(block, needed), subset)
    sums = NO_SUMS
    if n_samples:
        previous = running_sums_path(block, subset, n_samples - 1)
        sums = np.load(previous) if n_samples > 1 else np.zeros(len(ratings.values))
    split_rows = np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, -1])
    errors = row_ops.error_sums(
        block.first,
        ratings,
        split_rows,
        fixed,
        global_mean,
        scale,
        sums,
        max(1, n_samples),
    )
    if n_samples:
        write_array(running_sums_path(block, subset, n_samples), sums)
    return errors


def _ratings_of(ratings: BlockRatings, subset: Subset) -> Csr:
    return ratings.validation if subset == "validation" else ratings.train


def running_sums_path(block: RatingBlock, subset: Subset, n_samples: int) -> Path:
    return block.source.folder / "totals" / f"{subset}-{block.name}-{n_samples}.npy"


def take_ratings(block: RatingBlock, users: Array, subset: Subset) -> Csr:
    """The ratings of these users of a block, given by their indices."""
    return _ratings_of(CACHE.get(block, keep=False), subset).take(users - block.first)


def take_rows(rows: Array, places: Array) -> Array:
    return np.asarray(rows)[places]


def top_n(
    block: RatingBlock, users: Array, rows: Array, seen: Csr, n: int, eligible: Array
) -> tuple[Array, Array]:
    """The best items of a block and their scores, for users given by their rows.

    seen: the users' ratings of the block's items, by position in the block.
    """
    user_factors, user_biases, item_factors, item_biases = (
        np.ascontiguousarray(part) for side in (users, rows) for part in np.split(side, [-1], 1)
    )
    model = Model(0.0, user_factors, item_factors, user_biases[:, 0], item_biases[:, 0])
    lists, scores = top_n_lists.top_n(model, seen, n, eligible)
    return np.where(lists >= 0, lists + np.int32(block.first), lists), scores
