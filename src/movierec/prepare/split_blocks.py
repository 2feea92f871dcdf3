"""Split the ratings and write the parts, a block of users at a time."""

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from movierec.core.params import SplitParams
from movierec.core.rating_scale import Scale
from movierec.data import parquet_tables
from movierec.data.rating_arrays import (
    PARTS,
    Array,
    Ratings,
    RatingsInParts,
    count_index,
    indptr_from_counts,
)
from movierec.engine.local import Engine
from movierec.prepare import exchange, moments, parquet_writer, rating_filter, split
from movierec.prepare.exchange import Exchange
from movierec.prepare.rating_filter import LeftOut, RatingFilter
from movierec.prepare.split import Parts, Shared


@dataclass(frozen=True)
class SplitBlock:
    """A block of users.

    counts: number of ratings of each user; n_before: of earlier users. chosen: of these users, None
    if all ratings take part. shared: what the split of these users depends on.
    """

    first: int
    counts: Array
    n_before: int
    chosen: RatingFilter | None = None
    shared: Shared = field(default_factory=Shared)

    @property
    def n_users(self) -> int:
        return len(self.counts)

    def read(self, path: Path, names: list[str]) -> list[Array]:
        """Read columns of the file of all ratings."""
        stop = self.n_before + int(self.counts.sum())
        return parquet_tables.read_columns(path, names, self.n_before, stop)

    def ratings(self, path: Path, in_parts: bool) -> Ratings:
        """The ratings that take part, with user_index from 0."""
        columns = self.read(path, ["item_index", "rating", "timestamp"] + ["part"] * in_parts)
        users = np.repeat(np.arange(self.n_users, dtype=np.int32), self.counts)
        ratings = (RatingsInParts if in_parts else Ratings)(users, *columns)
        return ratings.take(self._mask(ratings)) if self.chosen else ratings

    def _mask(self, ratings: Ratings) -> Array:
        chosen = cast(RatingFilter, self.chosen)
        return chosen.mask(ratings.user_index, ratings.item_index, ratings.rating)

    def count(self, path: Path, n_items: int, chosen: RatingFilter) -> tuple[Array, Array]:
        """The number of ratings of each user and of each item that take part."""
        of_block = replace(self, chosen=chosen.of_users(self.first, self.first + self.n_users))
        ratings = of_block.ratings(path, in_parts=False)
        by_user = count_index(ratings.user_index, self.n_users)
        return by_user, count_index(ratings.item_index, n_items)


@dataclass(frozen=True)
class Sizes:
    """The number of training ratings of each user and item, and the sizes of the parts.

    parts: numbers of ratings by the name of the part; users: of users with ratings there. left_out:
    what was left out before the split. in_parts: whether the data come in parts.
    """

    by_user: Array
    by_item: Array
    parts: dict[str, int]
    users: dict[str, int]
    left_out: LeftOut
    in_parts: bool


def write(
    work: Engine,
    scratch: Path,
    index: Path,
    folder: Path,
    params: SplitParams,
    seed: int,
    scale: Scale,
) -> Sizes:
    """Split the ratings in the folder `index`, and write the files of the split to `folder`.

    scratch: a folder for the files of workers.
    Raises MovierecError if none are left for training or for test.
    """
    (counts,) = parquet_tables.read_columns(index / "users.parquet", ["n_ratings"])
    (rated,) = parquet_tables.read_columns(index / "items.parquet", ["n_ratings"])
    ratings = (index / "ratings_by_user.parquet").absolute()
    in_parts = "part" in pq.read_schema(ratings).names
    blocks, counts, left_out = _blocks(work, ratings, counts, len(rated), params, scale)
    blocks = _with_shared(work, ratings, blocks, counts, params, seed, in_parts)
    to_items = Exchange(scratch / "items", exchange.bounds_of(work, rated))
    split_block = partial(_split, ratings, params, seed, in_parts, to_items, scratch)
    of_users, of_items = [], np.zeros(len(rated), np.int64)
    n_ratings, n_users = dict.fromkeys(Parts._fields, 0), dict.fromkeys(Parts._fields, 0)
    with parquet_writer.tables() as append:
        for block, path in zip(blocks, work.map(split_block, count(), blocks), strict=True):
            for place, name in enumerate(Parts._fields):
                part = pa.Table.from_batches([exchange.load(path, place)])
                user_index = part["user_index"].to_numpy()
                n_ratings[name] += len(part)
                n_users[name] += len(np.unique(user_index))
                if name != "train":
                    append(folder / f"{name}.parquet", part)
                    continue
                append(folder / "train_by_user.parquet", part.drop_columns("user_index"))
                of_users.append(count_index(user_index - np.int32(block.first), block.n_users))
                of_items += count_index(part["item_index"].to_numpy(), len(rated))
        by_user = np.concatenate(of_users)
        sizes = Sizes(by_user, of_items, n_ratings, n_users, left_out, in_parts)
        split.check_sizes(params, counts, n_ratings["train"], n_ratings["test"])
        append(folder / "train_users.parquet", parquet_tables.row_columns(by_user))
        append(folder / "train_items.parquet", parquet_tables.row_columns(of_items))
        for table in exchange.by_item(work, to_items, len(blocks)):
            append(folder / "train_by_item.parquet", table)
    return sizes


def _blocks(
    work: Engine, path: Path, counts: Array, n_items: int, params: SplitParams, scale: Scale
) -> tuple[list[SplitBlock], Array, LeftOut]:
    """The blocks of users, the number of ratings of each user that take part, and the rest.

    path: the file of all ratings by user.
    """
    indptr, bounds = indptr_from_counts(counts), exchange.bounds_of(work, counts)
    blocks = [SplitBlock(first, counts[first:stop], int(indptr[first])) for first, stop in bounds]
    if not rating_filter.is_used(params):
        return blocks, counts, LeftOut()

    def count(chosen: RatingFilter) -> tuple[Array, Array]:
        tasks = work.map(partial(_count, path, n_items, chosen), blocks)
        by_user, by_item = zip(*tasks, strict=True)
        return np.concatenate(by_user), np.sum(by_item, axis=0)

    chosen, left, left_out = rating_filter.find(params, scale, len(counts), n_items, count)
    of_blocks = [
        replace(block, chosen=chosen.of_users(block.first, block.first + block.n_users))
        for block in blocks
    ]
    return of_blocks, left, left_out


def _with_shared(
    work: Engine,
    path: Path,
    blocks: list[SplitBlock],
    counts: Array,
    params: SplitParams,
    seed: int,
    in_parts: bool,
) -> list[SplitBlock]:
    """Add to each block what its split depends on. counts: of the ratings that take part."""

    def histogram(low: int, width: int) -> Array:
        return np.sum(list(work.map(partial(_histogram, path, low, width), blocks)), axis=0)

    times = parquet_tables.read_times(path)
    split.check_times(params, times)
    split.check_parts(params, in_parts)
    indptr = indptr_from_counts(counts)
    found = moments.find(params, int(indptr[-1]), times or (0, 0), histogram)
    kinds = split.draw_users(params, counts, seed)
    has_validation = in_parts and any(list(work.map(partial(_has_validation, path), blocks)))
    shared = [
        Shared(
            found,
            None if kinds is None else kinds[block.first : block.first + block.n_users],
            has_validation,
            (int(indptr[block.first]), 0),
        )
        for block in blocks
    ]
    of_blocks = [replace(block, shared=part) for block, part in zip(blocks, shared, strict=True)]
    if params.protocol == "users":
        return of_blocks
    count_staying = partial(_n_stay, path, params, seed, in_parts)
    n_stay = list(work.map(count_staying, of_blocks[:-1]))
    n_before = indptr_from_counts(np.array(n_stay, np.int64)).tolist()
    return [
        replace(block, shared=replace(block.shared, n_before=(block.shared.n_before[0], n)))
        for block, n in zip(of_blocks, n_before, strict=True)
    ]


def _count(
    path: Path, n_items: int, chosen: RatingFilter, block: SplitBlock
) -> tuple[Array, Array]:
    return block.count(path, n_items, chosen)


def _histogram(path: Path, low: int, width: int, block: SplitBlock) -> Array:
    if block.chosen:
        return moments.histogram(block.ratings(path, in_parts=False).timestamp, low, width)
    (timestamp,) = block.read(path, ["timestamp"])
    return moments.histogram(timestamp, low, width)


def _has_validation(path: Path, block: SplitBlock) -> bool:
    ratings = cast(RatingsInParts, block.ratings(path, in_parts=True))
    return PARTS.index("validation") in ratings.part


def _n_stay(path: Path, params: SplitParams, seed: int, in_parts: bool, block: SplitBlock) -> int:
    """The number of a block's ratings outside the test part."""
    if params.protocol in split.PER_USER and not block.chosen:
        return int(split.n_staying(block.counts, params.test_fraction).sum())
    ratings = block.ratings(path, in_parts)
    indptr = indptr_from_counts(count_index(ratings.user_index, block.n_users))
    return int(np.count_nonzero(split.stays(ratings, indptr, params, seed, block.shared)))


def _split(
    path: Path,
    params: SplitParams,
    seed: int,
    in_parts: bool,
    to_items: Exchange,
    scratch: Path,
    number: int,
    block: SplitBlock,
) -> Path:
    """Split a block, write its parts to a file, and send the training ratings to the items."""
    found = split.split(block.ratings(path, in_parts), block.n_users, params, seed, block.shared)
    first = np.int32(block.first)
    parts = Parts(*(replace(part, user_index=part.user_index + first) for part in found))
    to = scratch / f"{number}.arrow"
    exchange.save(to, [vars(part) for part in parts])
    sent = {name: getattr(parts.train, name) for name in exchange.BY_ITEM}
    to_items.store(number, parts.train.item_index, sent)
    return to
