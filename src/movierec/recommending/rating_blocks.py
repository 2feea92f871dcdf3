"""The ratings of a run on disk, of which a worker reads a block of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from movierec.core.paths import INDEX, SPLIT
from movierec.data.parquet_tables import ROW_GROUP, read_block, read_columns
from movierec.data.rating_arrays import Array, Csr, Ratings, count_index, cut_into_blocks
from movierec.data.tree_sums import CHUNK
from movierec.engine.local import Engine
from movierec.kernels.grouping import group_order

COLUMNS = ["user_index", "item_index", "rating", "timestamp"]  # of a held-out part


@dataclass(frozen=True)
class StoredRatings:
    """Ratings by user or by item on disk. more: a held-out part that counts as well.

    Paths are absolute, so that a worker finds them wherever it was started.
    """

    side: str
    ratings: Path
    rows: Path
    more: Path | None = None

    @classmethod
    def seen(cls, folder: Path = INDEX) -> StoredRatings:
        """All ratings, by user."""
        folder = folder.absolute()
        return cls("user", folder / "ratings_by_user.parquet", folder / "users.parquet")

    @classmethod
    def train(cls, side: str, with_validation: bool, folder: Path = SPLIT) -> StoredRatings:
        """The training ratings by "user" or by "item"."""
        folder = folder.absolute()
        names = f"train_by_{side}.parquet", f"train_{side}s.parquet"
        more = folder / "validation.parquet" if with_validation else None
        return cls(side, folder / names[0], folder / names[1], more)

    def counts(self) -> Array:
        """The number of ratings of each row (n_rows,) int64."""
        counts = read_columns(self.rows, ["n_ratings"])[0].astype(np.int64)
        if self.more:
            for (index,) in _parts(self.more, [f"{self.side}_index"]):
                counts += count_index(index, len(counts))
        return counts

    def read(self, first: int, stop: int) -> Csr:
        """The rows first … stop − 1."""
        return self.join(read_block(self.ratings, self.rows, first, stop), first, stop)

    def join(self, block: Csr, first: int, stop: int) -> Csr:
        """These rows of `ratings`, and what counts as well."""
        if not self.more:
            return block
        of = {"user": _held_out_of_users, "item": _held_out_of_items}[self.side]
        return block.insert(of(self.more, first, stop))

    @property
    def alone(self) -> StoredRatings:
        """Without what counts as well."""
        return replace(self, more=None)


def bounds(
    engine: Engine, costs: Array, multiple: int = CHUNK, size: int | None = None
) -> list[tuple[int, int]]:
    """Blocks of rows to work on, of about `size`; one block where memory is not limited.

    costs (n_rows,): in ratings, or in what takes as much memory, if the size is the default,
    engine.block_ratings.
    """
    if _fits_in_memory(engine):
        return [(0, len(costs))]
    return cut_into_blocks(costs, size or engine.params.block_ratings, multiple)


def ranges(engine: Engine, n: int, size: int) -> list[tuple[int, int]]:
    """The same for n things of equal cost: `size` at a time."""
    step = max(1, n if _fits_in_memory(engine) else size)
    return [(first, min(first + step, n)) for first in range(0, max(1, n), step)]


def _fits_in_memory(engine: Engine) -> bool:
    return engine.params.kind == "local" and engine.params.memory_limit is None


def _held_out_of_users(path: Path, first: int, stop: int) -> Ratings:
    """Of a held-out part, which is in order of user, the users first … stop − 1; their user_index
    counts from `first`."""
    begin = end = 0
    metadata = pq.read_metadata(path)
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        known = group.column(0).statistics
        begin += group.num_rows if known and known.max < first else 0
        end += group.num_rows if not known or known.min < stop else 0
    user_index, *others = read_columns(path, COLUMNS, begin, max(begin, end))
    some = slice(*np.searchsorted(user_index, [first, stop]))
    return Ratings(user_index[some] - np.int32(first), *(column[some] for column in others))


def _held_out_of_items(path: Path, first: int, stop: int) -> Ratings:
    """Of a held-out part the items first … stop − 1, as Csr.insert wants them of rows: in order of
    item, which counts from `first` and is called user_index, and user, called item_index."""
    kept = []
    for columns in _parts(path, ["item_index", *COLUMNS[:1], *COLUMNS[2:]]):
        is_here = (columns[0] >= first) & (columns[0] < stop)
        kept.append([column[is_here] for column in columns])
    item_index, *others = (np.concatenate(column) for column in zip(*kept, strict=True))
    item_index -= np.int32(first)
    order = group_order(item_index, stop - first)[1]
    return Ratings(item_index[order], *(column[order] for column in others))


def _parts(path: Path, names: list[str]) -> Iterator[list[Array]]:
    """Columns, as many rows at a time as a row group has."""
    n = pq.read_metadata(path).num_rows
    for first in range(0, max(1, n), ROW_GROUP):
        yield read_columns(path, names, first, min(first + ROW_GROUP, n))
