"""Tasks that workers run on one block of rows, from files and arguments only.

A task that runs twice gives the same result; files are written atomically.
"""

from pathlib import Path
from typing import Any

import numpy as np

from movierec.data.rating_arrays import Array, Csr
from movierec.data.tree_sums import PartialSums
from movierec.model import top_n_lists
from movierec.model.biased_mf import Model
from movierec.model.solver import Prior
from movierec.training import row_ops
from movierec.training.blocks.block_ratings import CACHE, RatingBlock
from movierec.training.blocks.factor_files import Rows, join_rows, write_array, write_rows
from movierec.training.row_ops import NO_SUMS, Draw, Measure
from movierec.training.training_data import Subset


def rating_sums(block: RatingBlock) -> PartialSums:
    return row_ops.rating_sums(block.first, CACHE.get(block, False, keep=False).train)


def solve(
    block: RatingBlock,
    step: int,
    global_mean: float,
    prior: Prior,
    draw: Draw | None,
    weights: Array | None,
    packed: bool,
    *fixed: Any,
) -> str:
    """Solve for a block's rows and write them; returns the name of the worker.

    fixed: the other side's rows joined, or, if packed, the rows that the block needs of each block.
    """
    ratings, rows = CACHE.get(block, packed).train, block.rows(weights)
    other_side = _fixed_rows(packed, fixed)
    solved = row_ops.solve(rows, ratings, other_side, global_mean, prior, block.side, draw)
    return write_rows(block, step, np.column_stack(solved))


def sum_rows(
    block: RatingBlock, measure: Measure, weights: Array | None, rows: Array
) -> PartialSums:
    return measure(block.rows(weights), np.asarray(rows))


def error_sums(
    block: RatingBlock,
    subset: Subset,
    global_mean: float,
    scale: tuple[float, float],
    n_samples: int,
    packed: bool,
    rows: Array,
    *fixed: Any,
) -> PartialSums:
    """row_ops.error_sums of a block of users.

    n_samples: the number of samples in the mean, whose running sums are in a file for each number;
    0 without a mean.
    """
    ratings = _ratings_of(block, subset, packed)
    sums = NO_SUMS
    if n_samples:
        previous = running_sums_path(block, subset, n_samples - 1)
        sums = np.load(previous) if n_samples > 1 else np.zeros(len(ratings.values))
    split_rows = np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, -1])
    errors = row_ops.error_sums(
        block.first,
        ratings,
        split_rows,
        _fixed_rows(packed, fixed),
        global_mean,
        scale,
        sums,
        max(1, n_samples),
    )
    if n_samples:
        write_array(running_sums_path(block, subset, n_samples), sums)
    return errors


def _fixed_rows(packed: bool, fixed: tuple[Any, ...]) -> Rows:
    return join_rows(*fixed) if packed else fixed[0]


def _ratings_of(block: RatingBlock, subset: Subset, packed: bool, keep: bool = True) -> Csr:
    ratings = CACHE.get(block, packed, keep)
    return ratings.validation if subset == "validation" else ratings.train


def running_sums_path(block: RatingBlock, subset: Subset, n_samples: int) -> Path:
    return block.source.folder / "totals" / f"{subset}-{block.name}-{n_samples}.npy"


def take_ratings(block: RatingBlock, users: Array, subset: Subset) -> Csr:
    """The ratings of these users of a block, given by their indices."""
    return _ratings_of(block, subset, packed=False, keep=False).take(users - block.first)


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
