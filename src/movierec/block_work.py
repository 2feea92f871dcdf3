"""What is done with one block of rows, by whoever is asked to: of files and arguments alone.

Done twice it leaves the same; files appear whole.
"""

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from movierec import artifacts, parts, recommend, seeds
from movierec.engine import memory_of_worker, name_of_worker
from movierec.errors import MovierecError
from movierec.model import Model
from movierec.parts import NONE, Measure, Noise, Part
from movierec.solver import CACHE_LINE, Prior
from movierec.sparse import Array, Csr
from movierec.sums import Nodes

SHARE = 0.25  # of the memory that a process may hold, for ratings that stay with it
CHUNK = 1 << 16  # rows drawn at a time
Fixed = tuple[Array, Array]  # factors and biases


@dataclass(frozen=True)
class Source:
    """Where ratings and rows lie, in folders that all workers see.

    split, index: of these stages; folder: of this training. refit: whether validation ratings are
    trained on, too; ones: whether all ratings are 1. memory: bytes that a process may hold, None
    if there is no limit, or each worker knows its own.
    """

    split: Path
    index: Path
    folder: Path
    refit: bool = False
    ones: bool = False
    has_genres: bool = False
    memory: int | None = None


@dataclass(frozen=True)
class Block:
    """Rows first … stop − 1 of a side."""

    source: Source
    side: str
    first: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.side}-{self.first}-{self.stop}"

    def part(self, weights: Array | None) -> Part:
        """weights: of the rows' features, None where there are none."""
        counts = _counts(self)
        if weights is None:
            return Part(self.first, counts)
        return Part(self.first, counts, (_genres(self), weights))


# --- Ratings


@dataclass(frozen=True)
class Ratings:
    """Of a block: those to train on, and of users those held out; `needed`: the rows of the other
    side that either asks for, rising, where indices are places in it."""

    trained: Csr
    held_out: Csr
    needed: Array | None

    @property
    def n_bytes(self) -> int:
        csrs = self.trained, self.held_out
        return sum(csr.indptr.nbytes + csr.indices.nbytes + csr.values.nbytes for csr in csrs)


class _Kept:
    """Blocks of ratings that stay in this process, while there is room; the next one is read while
    one is solved."""

    def __init__(self) -> None:
        self.blocks: dict[tuple[Block, bool], Ratings] = {}
        self.ahead: dict[tuple[Block, bool], Future[Ratings]] = {}
        self.lock, self.pool = threading.Lock(), ThreadPoolExecutor(1)

    def get(self, block: Block, packed: bool) -> Ratings:
        key = (block, packed)
        with self.lock:
            found, coming = self.blocks.get(key), self.ahead.pop(key, None)
        if found is None:
            found = coming.result() if coming else _read(block, packed)
            self._keep(key, found)
        return found

    def look_ahead(self, block: Block, packed: bool) -> None:
        key = (block, packed)
        with self.lock:
            if key not in self.blocks and key not in self.ahead:
                self.ahead[key] = self.pool.submit(_read, block, packed)

    def _keep(self, key: tuple[Block, bool], ratings: Ratings) -> None:
        source = key[0].source
        memory = source.memory or memory_of_worker()
        with self.lock:
            for other in [other for other in self.blocks if other[0].source != source]:
                del self.blocks[other]  # of another training
            held = sum(each.n_bytes for each in self.blocks.values())
            if memory is None or held + ratings.n_bytes <= SHARE * memory:
                self.blocks[key] = ratings


_KEPT = _Kept()


def look_ahead(block: Block, packed: bool) -> None:
    """Begin to read a block's ratings."""
    _KEPT.look_ahead(block, packed)


def _read(block: Block, packed: bool) -> Ratings:
    source, rows = block.source, (block.first, block.stop)
    by, of = f"by_{block.side}.parquet", f"{block.side}s.parquet"
    split, folder = source.split, source.folder
    trained = artifacts.read_block(split / f"train_{by}", split / f"train_{of}", *rows)
    held_out = Csr(np.zeros(len(trained.indptr), np.int64), trained.indices[:0], trained.values[:0])
    if has_held_out(source) and (source.refit or block.side == "user"):
        paths = folder / f"validation_{by}", folder / f"validation_{of}"
        held_out = artifacts.read_block(*paths, *rows)
    if source.refit:
        trained = trained.insert(held_out.ratings)
        held_out = held_out.take(np.zeros(0, np.int64))
    if source.ones:
        trained = Csr(trained.indptr, trained.indices, np.ones_like(trained.values))
    if not packed:
        return Ratings(trained, held_out, None)
    needed = np.unique(np.concatenate((trained.indices, held_out.indices)))
    trained, held_out = (
        Csr(csr.indptr, np.searchsorted(needed, csr.indices).astype(np.int32), csr.values)
        for csr in (trained, held_out)
    )
    return Ratings(trained, held_out, needed)


def has_held_out(source: Source) -> bool:
    return (source.folder / "validation_users.parquet").exists()


@lru_cache(1024)
def _counts(block: Block) -> Array:
    source, name, rows = block.source, f"{block.side}s.parquet", (block.first, block.stop)
    (counts,) = artifacts.read_columns(source.split / f"train_{name}", ["n_ratings"], *rows)
    if source.refit and has_held_out(source):
        path = source.folder / f"validation_{name}"
        counts = counts + artifacts.read_columns(path, ["n_ratings"], *rows)[0]
    return counts.astype(np.int64)


@lru_cache(1)
def _all_genres(index: Path) -> Csr:
    return artifacts.read_genres(index)


def _genres(block: Block) -> Csr:
    return _all_genres(block.source.index).take(np.arange(block.first, block.stop))


def rating_sums(block: Block) -> Nodes:
    return parts.rating_sums(block.first, _KEPT.get(block, False).trained)


# --- Rows, in files of (n_rows, n_factors + 1), the bias last


def _folder(source: Source, side: str, step: int) -> Path:
    return source.folder / "rows" / f"{side}-{step}"


def read_rows(block: Block, step: int) -> Array:
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
        raise MovierecError(f"{folder}: not whole; delete {block.source.folder}")
    return rows


def write_array(path: Path, array: Array) -> None:
    """Whole, or not at all, whoever else writes the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    with partial.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
    partial.replace(path)


def write_rows(block: Block, step: int, rows: Array) -> str:
    """Write the rows of a step; returns the home of who wrote them."""
    path = _folder(block.source, block.side, step) / f"{block.first}-{block.stop}.npy"
    write_array(path, rows)
    return name_of_worker()


def start(
    block: Block, step: int, dtype: Any, n_factors: int, seed: int, stream: str, scale: float
) -> str:
    """The rows before the first epoch: of items small random factors, as data.Data.start draws
    them, all else zero."""
    rows = np.zeros((block.stop - block.first, n_factors + 1), dtype)
    draw = seeds.stream(seed, stream)
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


def find_places(block: Block, others: list[Block]) -> None:
    """Write which rows of each other block this one asks for: once, since ratings do not change."""
    needed = cast(Array, _KEPT.get(block, True).needed)
    ends = np.searchsorted(needed, [0, *(other.stop for other in others)])
    for other, begin, end in zip(others, ends, ends[1:], strict=False):
        write_array(places(block, other), (needed[begin:end] - other.first).astype(np.int32))


def places(block: Block, other: Block) -> Path:
    return block.source.folder / "places" / f"{block.name}-{other.name}.npy"


def cut(rows: Array, path: Path) -> Array:
    """The rows at the places that a file tells."""
    return np.asarray(rows)[np.load(path)]


# --- Work


def solve(
    block: Block,
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
    ratings, part = _KEPT.get(block, packed).trained, block.part(weights)
    held = join(*fixed) if packed else fixed[0]
    rows = parts.solve(part, ratings, held, global_mean, prior, block.side, shift, noise)
    return write_rows(block, step, np.column_stack(rows))


def total(block: Block, measure: Measure, weights: Array | None, rows: Array) -> Nodes:
    return measure(block.part(weights), np.asarray(rows))


def errors(
    block: Block,
    held_out: bool,
    global_mean: float,
    scale: tuple[float, float],
    n_samples: int,
    packed: bool,
    rows: Array,
    *fixed: Any,
) -> Nodes:
    """parts.errors of a block of users. n_samples: of a mean, whose running sums lie in files, one
    of each number of samples; 0 if it is of no mean."""
    ratings = _KEPT.get(block, packed)
    of = ratings.held_out if held_out else ratings.trained
    totals = NONE
    if n_samples:
        before = total_path(block, held_out, n_samples - 1)
        totals = np.load(before) if n_samples > 1 else np.zeros(len(of.values))
    pair = np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, -1])
    held = join(*fixed) if packed else fixed[0]
    nodes = parts.errors(block.first, of, pair, held, global_mean, scale, totals, max(1, n_samples))
    if n_samples:
        write_array(total_path(block, held_out, n_samples), totals)
    return nodes


def total_path(block: Block, held_out: bool, n_samples: int) -> Path:
    of = "validation" if held_out else "train"
    return block.source.folder / "totals" / f"{of}-{block.name}-{n_samples}.npy"


def take(block: Block, users: Array, held_out: bool) -> Csr:
    """The ratings of some users of a block, by their numbers."""
    ratings = _KEPT.get(block, False)
    return (ratings.held_out if held_out else ratings.trained).take(users - block.first)


def take_rows(rows: Array, where: Array) -> Array:
    return np.asarray(rows)[where]


def top_n(
    block: Block, users: Array, rows: Array, seen: Csr, n: int, eligible: Array
) -> tuple[Array, Array]:
    """The best items of a block for users of these rows, and their scores; seen: by place in it."""
    pairs = [
        np.ascontiguousarray(part) for side in (users, rows) for part in np.split(side, [-1], 1)
    ]
    model = Model(0.0, pairs[0], pairs[2], pairs[1][:, 0], pairs[3][:, 0])
    lists, scores = recommend.top_n(model, seen, n, eligible)
    return np.where(lists >= 0, lists + np.int32(block.first), lists), scores
