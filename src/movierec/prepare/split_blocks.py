"""Split the ratings and write the parts by blocks of users, in this process or on Dask."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from movierec.core.params import SplitParams
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Ratings, count_index, indptr_from_counts
from movierec.engine.local import Engine
from movierec.prepare import parquet_writer, shuffle, split

Parts = tuple[Ratings, Ratings, Ratings]  # train, validation and test


@dataclass(frozen=True)
class SplitBlock:
    """A block of users."""

    first: int  # the first user
    counts: Array  # number of ratings of each user
    n_before: int  # ratings of earlier users

    @property
    def users(self) -> Array:
        """The users' indices, followed by the next user's: (n_users + 1,)."""
        return self.first + np.arange(len(self.counts) + 1, dtype=np.int32)

    def read(self, path: Path, names: list[str]) -> list[Array]:
        """Read columns of the file of all ratings."""
        stop = self.n_before + int(self.counts.sum())
        return parquet_tables.read_columns(path, names, self.n_before, stop)


@dataclass(frozen=True)
class Sizes:
    """The number of training ratings of each user and item, and the sizes of the other parts."""

    by_user: Array
    by_item: Array
    n_validation: int
    n_test: int


def write(work: Engine, index: Path, folder: Path, params: SplitParams, seed: int) -> Sizes:
    """Split the ratings in the folder `index`, and write the files of the split to `folder`.

    Raises MovierecError if none are left for training or for test.
    """
    (counts,) = parquet_tables.read_columns(index / "users.parquet", ["n_ratings"])
    n_items = pq.read_metadata(index / "items.parquet").num_rows
    of_users, of_items, held_out = [], np.zeros(n_items, np.int64), np.zeros(2, np.int64)
    by_item = folder / "train_by_item.parquet"
    with parquet_writer.tables() as append:
        for block, parts in _blocks(work, index / "ratings_by_user.parquet", counts, params, seed):
            train, validation, test = parts
            columns = dict(list(vars(train).items())[1:])
            append(folder / "train_by_user.parquet", columns)
            append(folder / "validation.parquet", vars(validation))
            append(folder / "test.parquet", vars(test))
            of_users.append(np.diff(np.searchsorted(train.user_index, block.users)))
            of_items += count_index(train.item_index, n_items)
            held_out += len(validation), len(test)
        sizes = Sizes(np.concatenate(of_users), of_items, *map(int, held_out))
        split.check_sizes(params, counts, int(sizes.by_user.sum()), sizes.n_test)
        append(folder / "train_users.parquet", parquet_tables.row_columns(sizes.by_user))
        append(folder / "train_items.parquet", parquet_tables.row_columns(sizes.by_item))
        if len(of_users) == 1:
            by_user = train.by_user(len(counts))
            append(by_item, shuffle.columns_by_item(by_user, n_items))
    if len(of_users) > 1:
        paths = folder / "train_by_user.parquet", folder / "train_users.parquet", by_item
        shuffle.append_by_item(work, *paths, sizes.by_user, sizes.by_item)
    return sizes


def _blocks(
    work: Engine, path: Path, counts: Array, params: SplitParams, seed: int
) -> Iterator[tuple[SplitBlock, Parts]]:
    """Yield the parts of each block of users, in order. path: the file of all ratings by user."""
    path, indptr = path.absolute(), indptr_from_counts(counts)
    bounds = shuffle.bounds_of(work, counts)
    blocks = [SplitBlock(first, counts[first:stop], int(indptr[first])) for first, stop in bounds]

    def histogram(low: int, width: int) -> Array:
        counted = work.map(partial(_histogram, path), blocks, repeat(low), repeat(width))
        return np.sum(list(counted), axis=0)

    times = parquet_tables.read_times(path)
    split.check_times(params, times)
    moments = split.moments_of(params, int(indptr[-1]), times or (0, 0), histogram)
    n_stay = work.map(partial(_n_stay, path, params, seed, moments[0]), blocks[:-1])
    n_before = indptr_from_counts(np.array(list(n_stay), np.int64)).tolist()
    yield from zip(
        blocks,
        work.map(partial(_split, path, params, seed, moments), blocks, n_before),
        strict=True,
    )


def _histogram(path: Path, block: SplitBlock, low: int, width: int) -> Array:
    (timestamp,) = block.read(path, ["timestamp"])
    return split.histogram(timestamp, low, width)


def _n_stay(path: Path, params: SplitParams, seed: int, moment: int, block: SplitBlock) -> int:
    """The number of a block's ratings outside the test part."""
    (timestamp,) = block.read(path, ["timestamp"])
    stays = split.stays(
        timestamp, indptr_from_counts(block.counts), params, seed, moment, block.n_before
    )
    return int(np.count_nonzero(stays))


def _split(
    path: Path,
    params: SplitParams,
    seed: int,
    moments: tuple[int, int],
    block: SplitBlock,
    n_before: int,
) -> Parts:
    """Split a block. n_before: the number of ratings of earlier users outside the test part."""
    columns = block.read(path, ["item_index", "rating", "timestamp"])
    place = np.repeat(np.arange(len(block.counts), dtype=np.int32), block.counts)
    ratings, before = Ratings(place, *columns), (block.n_before, n_before)
    parts = split.split(ratings, len(block.counts), params, seed, moments, before)
    train, validation, test = (
        replace(part, user_index=part.user_index + np.int32(block.first)) for part in parts
    )
    return train, validation, test
