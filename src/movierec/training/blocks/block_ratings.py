"""Blocks of rows and their ratings, which are read from files and cached in memory."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, reduce
from pathlib import Path

import numpy as np

from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr
from movierec.engine.local import memory_of_worker
from movierec.model.implicit_targets import Targets
from movierec.training.row_ops import RowBlock

CACHE_SHARE = 0.25  # of the memory limit of a process


@dataclass(frozen=True)
class BlockSource:
    """Where ratings and rows are stored, in folders that all workers share.

    split, index: outputs of these stages. folder: files of this training. refit: whether validation
    ratings are used for training. targets: what ratings are replaced by. memory: the memory
    limit of a process in bytes, None without a limit or if each worker knows its own.
    tables: the parts of the split whose ratings rows are solved from, () to choose those for
    training; has_validation: whether models are judged by the validation ratings.
    """

    split: Path
    index: Path
    folder: Path
    refit: bool = False
    targets: Targets | None = None
    model: str = "mf"
    has_validation: bool = False
    memory: int | None = None
    tables: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """What the names of files of users' rows begin with: those of held-out users differ."""
        return "" if "train" in self.tables else "given-"

    def ratings(self, name: str, side: str) -> tuple[Path, Path]:
        """The files of a part by side, and of the counts of its rows."""
        folder = self.split if name == "train" else self.folder
        return folder / f"{name}_by_{side}.parquet", folder / f"{name}_{side}s.parquet"


@dataclass(frozen=True)
class RatingBlock:
    """Rows first … stop − 1 of a side."""

    source: BlockSource
    side: str
    first: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.source.prefix}{self.side}-{self.first}-{self.stop}"

    def rows(self, feature_means: Array | None = None) -> RowBlock:
        """The RowBlock of these rows."""
        return RowBlock(self.first, _counts(self), feature_means)


@dataclass(frozen=True)
class BlockRatings:
    """A block's training ratings and, for users, its validation ratings."""

    train: Csr
    validation: Csr

    @property
    def n_bytes(self) -> int:
        csrs = self.train, self.validation
        return sum(csr.indptr.nbytes + csr.indices.nbytes + csr.values.nbytes for csr in csrs)


Key = tuple[RatingBlock, Path | None]  # of ratings: see _RatingsCache.get


class _RatingsCache:
    """A cache of blocks' ratings in this process; the next block can be read ahead."""

    def __init__(self) -> None:
        self.cached: dict[Key, BlockRatings] = {}
        self.pending: dict[Key, Future[BlockRatings]] = {}
        self.lock, self.pool = threading.Lock(), ThreadPoolExecutor(1)

    def get(
        self, block: RatingBlock, needed: Path | None = None, keep: bool = True
    ) -> BlockRatings:
        """The ratings of a block. keep: whether they will be needed again.

        needed: a file of those rows of the other side that this worker has, ascending. The ratings'
        indices are then positions among them. None: it has all.
        """
        key = (block, needed)
        with self.lock:
            ratings, pending = self.cached.get(key), self.pending.pop(key, None)
        if ratings is None:
            ratings = pending.result() if pending else _read(*key)
            if keep:
                self._keep(key, ratings)
        return ratings

    def clear(self) -> None:
        with self.lock:
            self.cached.clear()
            self.pending.clear()

    def read_ahead(self, block: RatingBlock) -> None:
        """Start to read a block's ratings in the background."""
        key = (block, None)
        with self.lock:
            if key not in self.cached and key not in self.pending:
                self.pending[key] = self.pool.submit(_read, *key)

    def _keep(self, key: Key, ratings: BlockRatings) -> None:
        source = key[0].source
        memory = source.memory or memory_of_worker()
        with self.lock:
            others = [other for other in self.cached if other[0].source.folder != source.folder]
            for other in others:
                del self.cached[other]  # of another training
            n_bytes = sum(cached.n_bytes for cached in self.cached.values())
            if memory is None or n_bytes + ratings.n_bytes <= CACHE_SHARE * memory:
                self.cached[key] = ratings


CACHE = _RatingsCache()


def _read(block: RatingBlock, needed: Path | None) -> BlockRatings:
    source, rows = block.source, (block.first, block.stop)
    first, *others = (
        parquet_tables.read_block(*source.ratings(name, block.side), *rows)
        for name in source.tables
    )
    train = reduce(lambda csr, more: csr.insert(more.ratings), others, first)
    validation = Csr(np.zeros(len(train.indptr), np.int64), train.indices[:0], train.values[:0])
    if source.has_validation and block.side == "user":
        validation = parquet_tables.read_block(*source.ratings("validation", "user"), *rows)
    if source.targets:
        train = Csr(train.indptr, train.indices, source.targets.of(train.values))
    if needed:
        rows = np.load(needed)
        train, validation = (
            Csr(csr.indptr, np.searchsorted(rows, csr.indices).astype(np.int32), csr.values)
            for csr in (train, validation)
        )
    return BlockRatings(train, validation)


@lru_cache(1024)
def _counts(block: RatingBlock) -> Array:
    source, rows = block.source, (block.first, block.stop)
    paths = [source.ratings(name, block.side)[1] for name in source.tables]
    counts = [parquet_tables.read_columns(path, ["n_ratings"], *rows)[0] for path in paths]
    return np.asarray(sum(counts[1:], counts[0]), np.int64)


def clear_cache() -> None:
    CACHE.clear()
    _counts.cache_clear()
