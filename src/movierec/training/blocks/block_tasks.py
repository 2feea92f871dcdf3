"""What is done with one block of rows, by whoever is asked to: of files and arguments alone.

Done twice it leaves the same; files appear whole.
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
from movierec.training.blocks.block_ratings import KEPT, RatingBlock
from movierec.training.blocks.block_rows import join, write_array, write_rows
from movierec.training.row_ops import NONE, Measure, Noise


def rating_sums(block: RatingBlock) -> PartialSums:
    return row_ops.rating_sums(block.first, KEPT.get(block, False, keep=False).trained)


def solve(
    block: RatingBlock,
    step: int,
    global_mean: float,
    prior: Prior,
    shift: Array | None,
    noise: Noise | None,
    weights: Array | None,
    packed: bool,
    *fixed: Any,
) -> str:
    """The half epoch of a block; its rows are written, and their home returned.

    fixed: what join makes of the other side, or, if packed, the pieces of it that are needed.
    """
    ratings, part = KEPT.get(block, packed).trained, block.part(weights)
    held = join(*fixed) if packed else fixed[0]
    rows = row_ops.solve(part, ratings, held, global_mean, prior, block.side, shift, noise)
    return write_rows(block, step, np.column_stack(rows))


def total(block: RatingBlock, measure: Measure, weights: Array | None, rows: Array) -> PartialSums:
    return measure(block.part(weights), np.asarray(rows))


def errors(
    block: RatingBlock,
    held_out: bool,
    global_mean: float,
    scale: tuple[float, float],
    n_samples: int,
    packed: bool,
    rows: Array,
    *fixed: Any,
) -> PartialSums:
    """parts.errors of a block of users. n_samples: of a mean, whose running sums lie in files, one
    of each number of samples; 0 if it is of no mean."""
    ratings = KEPT.get(block, packed)
    of = ratings.held_out if held_out else ratings.trained
    totals = NONE
    if n_samples:
        before = total_path(block, held_out, n_samples - 1)
        totals = np.load(before) if n_samples > 1 else np.zeros(len(of.values))
    pair = np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, -1])
    held = join(*fixed) if packed else fixed[0]
    nodes = row_ops.errors(
        block.first, of, pair, held, global_mean, scale, totals, max(1, n_samples)
    )
    if n_samples:
        write_array(total_path(block, held_out, n_samples), totals)
    return nodes


def total_path(block: RatingBlock, held_out: bool, n_samples: int) -> Path:
    of = "validation" if held_out else "train"
    return block.source.folder / "totals" / f"{of}-{block.name}-{n_samples}.npy"


def take(block: RatingBlock, users: Array, held_out: bool) -> Csr:
    """The ratings of some users of a block, by their numbers."""
    ratings = KEPT.get(block, False, keep=False)
    return (ratings.held_out if held_out else ratings.trained).take(users - block.first)


def take_rows(rows: Array, where: Array) -> Array:
    return np.asarray(rows)[where]


def top_n(
    block: RatingBlock, users: Array, rows: Array, seen: Csr, n: int, eligible: Array
) -> tuple[Array, Array]:
    """The best items of a block for users of these rows, and their scores; seen: by place in it."""
    pairs = [
        np.ascontiguousarray(part) for side in (users, rows) for part in np.split(side, [-1], 1)
    ]
    model = Model(0.0, pairs[0], pairs[2], pairs[1][:, 0], pairs[3][:, 0])
    lists, scores = top_n_lists.top_n(model, seen, n, eligible)
    return np.where(lists >= 0, lists + np.int32(block.first), lists), scores
