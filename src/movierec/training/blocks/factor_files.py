"""Rows of a model in files: (n_rows, n_factors + 1), bias last, one per block and half epoch."""

from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from movierec.core import random_streams
from movierec.core.atomic import atomic_file
from movierec.core.errors import MovierecError
from movierec.data.rating_arrays import Array
from movierec.engine.local import name_of_worker
from movierec.model.solver import CACHE_LINE
from movierec.training.blocks.block_ratings import CACHE, BlockSource, RatingBlock
from movierec.training.training_data import SIDES, Start

ROWS_AT_ONCE = 1 << 16  # rows generated at a time
Rows = tuple[Array, Array]  # factors and biases
_empty = partial(np.zeros, (0, 0))


@dataclass(frozen=True)
class BlockedModel:
    """A model whose rows are in files; its other arrays are those of biased_mf.Model.

    steps: for each side, the number of the half epoch that wrote its rows. shape: number of users,
    items and factors, and bytes per number. Both are arrays, because checkpoints store arrays.
    """

    global_mean: float
    shape: Array
    steps: Array
    user_weights: Array = field(default_factory=_empty)
    item_weights: Array = field(default_factory=_empty)
    sample_user_mean: Array = field(default_factory=_empty)
    sample_user_precision: Array = field(default_factory=_empty)
    sample_noise_precision: Array = field(default_factory=_empty)

    @property
    def n_factors(self) -> int:
        return int(self.shape[2])

    @property
    def dtype(self) -> Any:
        return np.dtype(f"f{self.shape[3]}")

    @property
    def is_sample(self) -> bool:
        return len(self.sample_noise_precision) > 0

    @property
    def arrays(self) -> dict[str, Array]:
        named = {entry.name: getattr(self, entry.name) for entry in fields(self)[1:]}
        return {name: array for name, array in named.items() if array.shape != (0, 0)}

    def weights(self, side: str) -> Array:
        return np.asarray(getattr(self, f"{side}_weights"))

    def changed(self, side: str, **arrays: Array) -> "BlockedModel":
        """A copy with the weights of one side replaced."""
        return replace(self, **{f"{side}_{name}": array for name, array in arrays.items()})  # type: ignore[arg-type]

    def step(self, side: str) -> int:
        return int(self.steps[SIDES.index(side)])

    def with_next_step(self, side: str) -> "BlockedModel":
        """A copy whose rows of one side are those that the next half epoch writes."""
        steps = self.steps.copy()
        steps[SIDES.index(side)] = steps.max() + 1
        return replace(self, steps=steps)


def _folder(source: BlockSource, side: str, step: int) -> Path:
    prefix = source.prefix if side == "user" else ""
    return source.folder / "rows" / f"{prefix}{side}-{step}"


def read_rows(block: RatingBlock, step: int) -> Array:
    """Map a block's rows of a step, even if they were written in blocks with other bounds.

    Raises MovierecError if some are missing.
    """
    folder = _folder(block.source, block.side, step)
    path = folder / f"{block.first}-{block.stop}.npy"
    if path.exists():
        return np.load(path, mmap_mode="r")
    pieces = []
    bounds = sorted([int(end) for end in other.stem.split("-")] for other in folder.glob("*.npy"))
    for first, stop in bounds:
        if first < block.stop and stop > block.first:
            overlap = slice(max(0, block.first - first), block.stop - first)
            pieces.append(np.load(folder / f"{first}-{stop}.npy", mmap_mode="r")[overlap])
    rows = np.concatenate(pieces) if pieces else np.zeros((0, 1))
    if len(rows) != block.stop - block.first:
        raise MovierecError(
            f"{folder}: incomplete; delete .checkpoints/*.safetensors and run dvc repro"
        )
    return rows


def write_array(path: Path, array: Array) -> None:
    with atomic_file(path, shared=True) as partial_path, partial_path.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def write_rows(block: RatingBlock, step: int, rows: Array) -> str:
    """Write a block's rows of a step; returns the name of this worker."""
    write_array(_folder(block.source, block.side, step) / f"{block.first}-{block.stop}.npy", rows)
    return name_of_worker()


def write_rows_of_all(block: RatingBlock, step: int, rows: Array) -> str:
    """Write a block's part of the rows of a side."""
    return write_rows(block, step, rows[block.first : block.stop])


def write_initial_rows(block: RatingBlock, step: int, start: Start) -> str:
    """Write the rows before the first epoch, the same as by InMemoryData.initial_model."""
    rows = np.zeros((block.stop - block.first, start.n_factors + 1), start.dtype)
    if start.item_factors is not None and block.side == "item":
        rows[:, :-1] = start.item_factors[block.first : block.stop]
        return write_rows(block, step, rows)
    rng = random_streams.stream(start.seed, start.stream)
    for begin in range(0, block.stop if block.side == "item" else 0, ROWS_AT_ONCE):
        draws = rng.standard_normal((min(ROWS_AT_ONCE, block.stop - begin), start.n_factors))
        draws = draws[max(0, block.first - begin) :]
        rows[max(0, begin - block.first) :][: len(draws), :-1] = draws * start.deviation
    return write_rows(block, step, rows)


def join_rows(*rows: Array) -> Rows:
    """Join rows of several blocks: factors, aligned to cache lines, and biases."""
    n_rows, width, dtype = sum(map(len, rows)), rows[0].shape[1] - 1, rows[0].dtype
    buffer = np.empty(n_rows * width + CACHE_LINE // dtype.itemsize, dtype)
    start = -buffer.ctypes.data % CACHE_LINE // dtype.itemsize
    factors = buffer[start : start + n_rows * width].reshape(n_rows, width)
    biases, stop = np.empty(n_rows, dtype), 0
    for block_rows in rows:
        rows_of_block = slice(stop, stop := stop + len(block_rows))
        factors[rows_of_block], biases[rows_of_block] = block_rows[:, :-1], block_rows[:, -1]
    return factors, biases


def join_arrays(*rows: Array) -> Array:
    return np.concatenate(rows)


def write_needed_rows(path: Path, *blocks: RatingBlock) -> None:
    """Write which rows of the other side these blocks need together, ascending."""
    needed = np.zeros(0, np.int32)
    for block in blocks:
        ratings = CACHE.get(block, keep=False)
        needed = np.unique(
            np.concatenate((needed, ratings.train.indices, ratings.validation.indices))
        )
    write_array(path, needed)


def take_needed_rows(block: RatingBlock, rows: Array, path: Path) -> Array:
    """Take those of a block's rows that write_needed_rows listed in a file."""
    needed = np.load(path)
    begin, end = np.searchsorted(needed, [block.first, block.stop])
    return np.asarray(rows)[needed[begin:end] - block.first]
