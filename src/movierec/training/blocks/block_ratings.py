"""Blocks of rows, and the ratings of each: read from files when they are asked for, kept while
there is room."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr
from movierec.engine.local import memory_of_worker
from movierec.training.row_ops import RowBlock

SHARE = 0.25  # of the memory that a process may hold, for ratings that stay with it


@dataclass(frozen=True)
class BlockSource:
    """Where ratings and rows lie, in folders that all workers see.

    split, index: of these stages; folder: of this training. refit: whether validation ratings are
    trained on, too; ones: whether all ratings are 1; has_…: whether there are any. memory: bytes
    that a process may hold, None if there is no limit, or each worker knows its own.
    """

    split: Path
    index: Path
    folder: Path
    refit: bool = False
    ones: bool = False
    has_genres: bool = False
    has_held_out: bool = False
    memory: int | None = None


@dataclass(frozen=True)
class RatingBlock:
    """Rows first … stop − 1 of a side."""

    source: BlockSource
    side: str
    first: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.side}-{self.first}-{self.stop}"

    def part(self, weights: Array | None) -> RowBlock:
        """weights: of the rows' features, None where there are none."""
        counts = _counts(self)
        if weights is None:
            return RowBlock(self.first, counts)
        return RowBlock(self.first, counts, (_genres(self), weights))


@dataclass(frozen=True)
class BlockRatings:
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
        self.blocks: dict[tuple[RatingBlock, bool], BlockRatings] = {}
        self.ahead: dict[tuple[RatingBlock, bool], Future[BlockRatings]] = {}
        self.lock, self.pool = threading.Lock(), ThreadPoolExecutor(1)

    def get(self, block: RatingBlock, packed: bool, keep: bool = True) -> BlockRatings:
        """keep: whether it will be asked for again."""
        key = (block, packed)
        with self.lock:
            found, coming = self.blocks.get(key), self.ahead.pop(key, None)
        if found is None:
            found = coming.result() if coming else _read(block, packed)
            if keep:
                self._keep(key, found)
        return found

    def clear(self) -> None:
        with self.lock:
            self.blocks.clear()
            self.ahead.clear()

    def look_ahead(self, block: RatingBlock, packed: bool) -> None:
        key = (block, packed)
        with self.lock:
            if key not in self.blocks and key not in self.ahead:
                self.ahead[key] = self.pool.submit(_read, block, packed)

    def _keep(self, key: tuple[RatingBlock, bool], ratings: BlockRatings) -> None:
        source = key[0].source
        memory = source.memory or memory_of_worker()
        with self.lock:
            for other in [other for other in self.blocks if other[0].source != source]:
                del self.blocks[other]  # of another training
            held = sum(each.n_bytes for each in self.blocks.values())
            if memory is None or held + ratings.n_bytes <= SHARE * memory:
                self.blocks[key] = ratings


KEPT = _Kept()


def look_ahead(block: RatingBlock, packed: bool) -> None:
    """Begin to read a block's ratings."""
    KEPT.look_ahead(block, packed)


def _read(block: RatingBlock, packed: bool) -> BlockRatings:
    source, rows = block.source, (block.first, block.stop)
    by, of = f"by_{block.side}.parquet", f"{block.side}s.parquet"
    split, folder = source.split, source.folder
    trained = parquet_tables.read_block(split / f"train_{by}", split / f"train_{of}", *rows)
    held_out = Csr(np.zeros(len(trained.indptr), np.int64), trained.indices[:0], trained.values[:0])
    if source.has_held_out and (source.refit or block.side == "user"):
        paths = folder / f"validation_{by}", folder / f"validation_{of}"
        held_out = parquet_tables.read_block(*paths, *rows)
    if source.refit:
        trained = trained.insert(held_out.ratings)
        held_out = held_out.take(np.zeros(0, np.int64))
    if source.ones:
        trained = Csr(trained.indptr, trained.indices, np.ones_like(trained.values))
    if not packed:
        return BlockRatings(trained, held_out, None)
    needed = np.unique(np.concatenate((trained.indices, held_out.indices)))
    trained, held_out = (
        Csr(csr.indptr, np.searchsorted(needed, csr.indices).astype(np.int32), csr.values)
        for csr in (trained, held_out)
    )
    return BlockRatings(trained, held_out, needed)


@lru_cache(1024)
def _counts(block: RatingBlock) -> Array:
    source, name, rows = block.source, f"{block.side}s.parquet", (block.first, block.stop)
    (counts,) = parquet_tables.read_columns(source.split / f"train_{name}", ["n_ratings"], *rows)
    if source.refit and source.has_held_out:
        path = source.folder / f"validation_{name}"
        counts = counts + parquet_tables.read_columns(path, ["n_ratings"], *rows)[0]
    return counts.astype(np.int64)


@lru_cache(1)
def _all_genres(source: BlockSource) -> Csr:
    return parquet_tables.read_genres(source.index)


def _genres(block: RatingBlock) -> Csr:
    return _all_genres(block.source).take(np.arange(block.first, block.stop))


def clear() -> None:
    """Keep nothing any more."""
    KEPT.clear()
    _counts.cache_clear()
    _all_genres.cache_clear()
