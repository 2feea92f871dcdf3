"""Ratings on disk, from which workers read blocks of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from movierec.core.paths import INDEX, SPLIT
from movierec.data.parquet_tables import GIVEN, ROW_GROUP, read_block, read_columns
from movierec.data.rating_arrays import Array, Csr, Ratings, count_index
from movierec.engine.blocks import cut_evenly
from movierec.kernels.grouping import group_order

COLUMNS = ["user_index", "item_index", "rating", "timestamp"]  # of all parts but train


@dataclass(frozen=True)
class StoredRatings:
    """Ratings by user or by item, in files.

    side: "user" or "item". ratings, rows: paths of a Csr's values and of its rows' counts. more:
    paths of held-out parts to add. Paths are absolute, so that workers may run in another folder.
    """

    side: str
    ratings: Path
    rows: Path
    more: tuple[Path, ...] = ()

    @classmethod
    def seen(cls, folder: Path = INDEX) -> StoredRatings:
        """All ratings, by user."""
        folder = folder.absolute()
        return cls("user", folder / "ratings_by_user.parquet", folder / "users.parquet")

    @classmethod
    def train(cls, side: str, with_validation: bool, folder: Path = SPLIT) -> StoredRatings:
        """The training ratings by "user" or by "item", with validation added if asked for.

        Of held-out users for validation, that is all of their ratings.
        """
        folder = folder.absolute()
        names = f"train_by_{side}.parquet", f"train_{side}s.parquet"
        more = ("validation", "validation_given") if with_validation else ()
        paths = tuple(folder / f"{name}.parquet" for name in more)
        return cls(side, folder / names[0], folder / names[1], paths)

    @classmethod
    def known(cls, with_validation: bool, folder: Path = SPLIT) -> StoredRatings:
        """The ratings that a model knows, by user: those of `train`, and what held-out users gave.

        From the latter it learns nothing but their rows.
        """
        rated = cls.train("user", with_validation, folder)
        given = {folder.absolute() / f"{name}.parquet" for name in GIVEN}
        return replace(rated, more=(*rated.more, *sorted(given - set(rated.more))))

    def counts(self) -> Array:
        """The number of ratings of each row (n_rows,) int64."""
        counts = read_columns(self.rows, ["n_ratings"])[0].astype(np.int64)
        for path in self.more:
            for (index,) in _pieces(path, [f"{self.side}_index"]):
                counts += count_index(index, len(counts))
        return counts

    def read(self, first: int, stop: int) -> Csr:
        """The rows first … stop − 1."""
        return self.join(read_block(self.ratings, self.rows, first, stop), first, stop)

    def read_times(self, first: int, stop: int) -> Array:
        """The time of each training rating of the rows first … stop − 1, held-out parts aside."""
        return read_block(self.ratings, self.rows, first, stop, "timestamp").values

    def read_all(self) -> Csr:
        return self.read(0, pq.read_metadata(self.rows).num_rows)

    def row_sums(self, mean: float, biases: Array | None, first: int, stop: int) -> Array:
        """Csr.row_sums of the rows first … stop − 1."""
        return self.read(first, stop).row_sums(mean, biases)

    def join(self, block: Csr, first: int, stop: int) -> Csr:
        """Add the held-out ratings, if any, to the rows first … stop − 1 of `ratings`."""
        read = {"user": _held_out_of_users, "item": _held_out_of_items}[self.side]
        for path in self.parts:
            block = block.insert(read(path, first, stop))
        return block

    @property
    def parts(self) -> tuple[Path, ...]:
        """The held-out parts to add that have ratings."""
        return tuple(path for path in self.more if pq.read_metadata(path).num_rows)

    @property
    def alone(self) -> StoredRatings:
        """The same ratings without the held-out part."""
        return replace(self, more=())


def _held_out_of_users(path: Path, first: int, stop: int) -> Ratings:
    """Read the users first … stop − 1 of a held-out part, with user_index relative to `first`.

    The part is ordered by user, so only the row groups with these users are read.
    """
    begin = end = 0
    metadata = pq.read_metadata(path)
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        known = group.column(0).statistics
        begin += group.num_rows if known and known.max < first else 0
        end += group.num_rows if not known or known.min < stop else 0
    user_index, *others = read_columns(path, COLUMNS, begin, max(begin, end))
    users = slice(*np.searchsorted(user_index, [first, stop]))
    return Ratings(user_index[users] - np.int32(first), *(column[users] for column in others))


def _held_out_of_items(path: Path, first: int, stop: int) -> Ratings:
    """Read the items first … stop − 1 of a held-out part, ordered by item and user.

    As Csr.insert expects it, user_index is the row: the item, relative to `first`; item_index is
    the user.
    """
    kept = []
    for columns in _pieces(path, ["item_index", *COLUMNS[:1], *COLUMNS[2:]]):
        inside = (columns[0] >= first) & (columns[0] < stop)
        kept.append([column[inside] for column in columns])
    item_index, *others = (np.concatenate(column) for column in zip(*kept, strict=True))
    item_index -= np.int32(first)
    order = group_order(item_index, stop - first)[1]
    return Ratings(item_index[order], *(column[order] for column in others))


def _pieces(path: Path, names: list[str]) -> Iterator[list[Array]]:
    """Yield columns, a row group at a time."""
    for first, stop in cut_evenly(pq.read_metadata(path).num_rows, ROW_GROUP):
        yield read_columns(path, names, first, stop)
