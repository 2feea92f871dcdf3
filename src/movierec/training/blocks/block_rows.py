"""Rows of a model that lie in files: one of each block and half epoch, (n_rows, n_factors + 1), the
bias last."""

from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from movierec.core import random_streams
from movierec.core.atomic import atomic_file
from movierec.core.errors import MovierecError
from movierec.data.rating_arrays import Array
from movierec.engine.local import name_of_worker
from movierec.model.solver import CACHE_LINE
from movierec.training.blocks.block_ratings import KEPT, BlockSource, RatingBlock
from movierec.training.in_memory import SIDES

CHUNK = 1 << 16  # rows drawn at a time
Fixed = tuple[Array, Array]  # factors and biases
_none = partial(np.zeros, (0, 0))


@dataclass(frozen=True)
class BlockedModel:
    """A model whose rows lie in files; what it has beside them is named as in model.Model.

    steps: of each side, the number of the half epoch that made its rows. shape: users, items,
    factors and bytes of a number. Arrays, since a checkpoint keeps arrays.
    """

    global_mean: float
    shape: Array
    steps: Array
    user_weights: Array = field(default_factory=_none)
    item_weights: Array = field(default_factory=_none)
    sample_user_mean: Array = field(default_factory=_none)
    sample_user_precision: Array = field(default_factory=_none)
    sample_noise_precision: Array = field(default_factory=_none)

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
        named = {part.name: getattr(self, part.name) for part in fields(self)[1:]}
        return {name: array for name, array in named.items() if array.shape != (0, 0)}

    def weights(self, side: str) -> Array:
        return np.asarray(getattr(self, f"{side}_weights"))

    def changed(self, side: str, weights: Array) -> "BlockedModel":
        return replace(self, **{f"{side}_weights": weights})  # type: ignore[arg-type]

    def step(self, side: str) -> int:
        return int(self.steps[SIDES.index(side)])

    def next_of(self, side: str) -> "BlockedModel":
        """With rows of one side that are not made yet."""
        steps = self.steps.copy()
        steps[SIDES.index(side)] = steps.max() + 1
        return replace(self, steps=steps)


def _folder(source: BlockSource, side: str, step: int) -> Path:
    return source.folder / "rows" / f"{side}-{step}"


def read_rows(block: RatingBlock, step: int) -> Array:
    """The rows of a step, mapped; also where blocks were others when it was written."""
    folder = _folder(block.source, block.side, step)
    path = folder / f"{block.first}-{block.stop}.npy"
    if path.exists():
        return np.load(path, mmap_mode="r")
    found = []
    bounds = sorted([int(end) for end in other.stem.split("-")] for other in folder.glob("*.npy"))
    for first, stop in bounds:
        if first < block.stop and stop > block.first:
            some = slice(max(0, block.first - first), block.stop - first)
            found.append(np.load(folder / f"{first}-{stop}.npy", mmap_mode="r")[some])
    rows = np.concatenate(found) if found else np.zeros((0, 1))
    if len(rows) != block.stop - block.first:
        raise MovierecError(
            f"{folder}: incomplete; delete .checkpoints/*.safetensors and run dvc repro"
        )
    return rows


def write_array(path: Path, array: Array) -> None:
    """Whole, or not at all, whoever else writes the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path, shared=True) as partial, partial.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def write_rows(block: RatingBlock, step: int, rows: Array) -> str:
    """Write the rows of a step; returns the home of who wrote them."""
    path = _folder(block.source, block.side, step) / f"{block.first}-{block.stop}.npy"
    write_array(path, rows)
    return name_of_worker()


def start(
    block: RatingBlock, step: int, dtype: Any, n_factors: int, seed: int, stream: str, scale: float
) -> str:
    """The rows before the first epoch: of items small random factors, as data.Data.start draws
    them, all else zero."""
    rows = np.zeros((block.stop - block.first, n_factors + 1), dtype)
    draw = random_streams.stream(seed, stream)
    for begin in range(0, block.stop if block.side == "item" else 0, CHUNK):
        drawn = draw.standard_normal((min(CHUNK, block.stop - begin), n_factors))
        some = drawn[max(0, block.first - begin) :]
        rows[max(0, begin - block.first) :][: len(some), :-1] = some * scale
    return write_rows(block, step, rows)


def join(*rows: Array) -> Fixed:
    """Rows of several blocks as one: factors, on whole lines of the cache, and biases."""
    n_rows, width, dtype = sum(map(len, rows)), rows[0].shape[1] - 1, rows[0].dtype
    room = np.empty(n_rows * width + CACHE_LINE // dtype.itemsize, dtype)
    skipped = -room.ctypes.data % CACHE_LINE // dtype.itemsize
    factors = room[skipped : skipped + n_rows * width].reshape(n_rows, width)
    biases, stop = np.empty(n_rows, dtype), 0
    for some in rows:
        here = slice(stop, stop := stop + len(some))
        factors[here], biases[here] = some[:, :-1], some[:, -1]
    return factors, biases


def find_places(block: RatingBlock, others: list[RatingBlock]) -> None:
    """Write which rows of each other block this one asks for: once, since ratings do not change."""
    needed = cast(Array, KEPT.get(block, True).needed)
    ends = np.searchsorted(needed, [0, *(other.stop for other in others)])
    for other, begin, end in zip(others, ends, ends[1:], strict=False):
        write_array(places(block, other), (needed[begin:end] - other.first).astype(np.int32))


def places(block: RatingBlock, other: RatingBlock) -> Path:
    return block.source.folder / "places" / f"{block.name}-{other.name}.npy"


def cut(rows: Array, path: Path) -> Array:
    """The rows at the places that a file tells."""
    return np.asarray(rows)[np.load(path)]
