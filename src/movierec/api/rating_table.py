"""Ratings with their ids, from any table, matrix or arrays."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movierec.data.rating_arrays import Array, Csr, Ratings, count_index
from movierec.prepare import index

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("user_id", "item_id", "rating", "timestamp")
OTHER_NAMES = {"item_id": "movie_id"}  # as in the pipeline's files
TEXT = (pa.string(), pa.large_string())
MAX_WHOLE = 2.0**53  # up to here, a float64 that is a whole number is exactly that integer


@dataclass(frozen=True)
class RatingTable:
    """Ratings by dense index, ordered by user and item, with the ids of the indices.

    `movierec.split` returns such tables, which share their ids. ratings: their user_index is a
    position in user_ids, item_index one in item_ids; the most rated come first.
    """

    ratings: Ratings
    user_ids: Array
    item_ids: Array

    @classmethod
    def read(cls, ratings: Any, columns: Mapping[str, str] | None = None) -> RatingTable:
        """Read ratings of any kind that `ALS.fit` accepts; a RatingTable is returned unchanged.

        Raises ValueError, which names the column and the row, for missing or non-finite values.
        """
        if isinstance(ratings, cls):
            return ratings
        users, items, rating, timestamp = _columns_of(ratings, columns or {})
        if not len(rating):
            raise ValueError("ratings: there are none")
        (user_ids, user_index), (item_ids, item_index) = (
            _encode(users, "user_id"),
            _encode(items, "item_id"),
        )
        raw = Ratings(user_index, item_index, _ratings(rating), _seconds(timestamp, len(rating)))
        indexed = index.build(raw, user_ids, item_ids)
        if indexed.n_superseded:
            warnings.warn(
                f"{indexed.n_superseded:,} ratings replaced by a later one of the same user and"
                " item",
                stacklevel=3,
            )
        return cls(indexed.ratings, indexed.user_ids, indexed.movie_ids)

    def __len__(self) -> int:
        return len(self.ratings)

    def __repr__(self) -> str:
        return (
            f"RatingTable({len(self):,} ratings, {len(self.user_ids):,} users,"
            f" {len(self.item_ids):,} items)"
        )

    @property
    def by_user(self) -> Csr:
        """The ratings grouped by user."""
        return self.ratings.by_user(len(self.user_ids))

    def counts(self, side: str) -> Array:
        """The number of ratings of each user or item: (n_users,) or (n_items,) int64."""
        ids = self.user_ids if side == "user" else self.item_ids
        return count_index(getattr(self.ratings, f"{side}_index"), len(ids))

    def with_ids_of(self, other: RatingTable) -> RatingTable:
        """The same ratings by the indices of another table; its new ids follow the old ones."""
        if self.user_ids is other.user_ids and self.item_ids is other.item_ids:
            return self
        users, user_index = _moved(self.user_ids, other.user_ids, self.ratings.user_index)
        items, item_index = _moved(self.item_ids, other.item_ids, self.ratings.item_index)
        moved = Ratings(user_index, item_index, self.ratings.rating, self.ratings.timestamp)
        return RatingTable(moved.sort(len(users), len(items)), users, items)

    def joined(self, other: RatingTable) -> RatingTable:
        """The ratings of both tables, by the indices of this one."""
        other = other.with_ids_of(self)
        pairs = zip(vars(self.ratings).values(), vars(other.ratings).values(), strict=True)
        both = Ratings(*(np.concatenate(pair) for pair in pairs))
        both = both.sort(len(other.user_ids), len(other.item_ids))
        return RatingTable(index.newest(both), other.user_ids, other.item_ids)

    def to_pandas(self) -> pd.DataFrame:
        """A DataFrame with the columns user_id, item_id, rating and timestamp (s since 1970)."""
        import pandas as pd

        return pd.DataFrame(
            {
                "user_id": self.user_ids[self.ratings.user_index],
                "item_id": self.item_ids[self.ratings.item_index],
                "rating": self.ratings.rating,
                "timestamp": self.ratings.timestamp,
            }
        )


def places_of(ids: Any, known: Array) -> Array:
    """The position of each id among the known ones, −1 if it is not there: (n,) int64."""
    import pandas as pd

    wanted = pd.Index(np.atleast_1d(np.asarray(ids)))
    if known.dtype == object and wanted.dtype != object:
        wanted = wanted.astype(object)
    return np.asarray(pd.Index(known).get_indexer(wanted))


def _moved(ids: Array, onto: Array, places: Array) -> tuple[Array, Array]:
    """The ids `onto` and after them the other ones, and places in them."""
    found = places_of(ids, onto)
    if (ids.dtype == object) != (onto.dtype == object):
        raise ValueError("ids: text in one table and numbers in the other; make them the same")
    is_new = found < 0
    found[is_new] = len(onto) + np.arange(is_new.sum())
    joined = np.concatenate((onto, ids[is_new])) if is_new.any() else onto
    return joined, found.astype(np.int32)[places]


def _columns_of(ratings: Any, names: Mapping[str, str]) -> list[Any]:
    """Users, items, ratings and timestamps (None without them) as Arrow arrays."""
    if hasattr(ratings, "tocoo"):
        matrix = ratings.tocoo()
        rows, columns = (np.asarray(side, np.int64) for side in (matrix.row, matrix.col))
        ratings = rows, columns, matrix.data
    if isinstance(ratings, tuple | list):
        if len(ratings) not in (3, 4):
            raise ValueError(f"ratings: {len(ratings)} arrays; give users, items and ratings")
        arrays = [_array(values, name) for values, name in zip(ratings, COLUMNS, strict=False)]
        if len(set(map(len, arrays))) > 1:
            raise ValueError(f"ratings: arrays of different lengths: {[*map(len, arrays)]}")
        return [*arrays, None][:4]
    if type(ratings).__name__ == "LazyFrame":  # of Polars
        ratings = ratings.collect()
    if not hasattr(ratings, "__arrow_c_stream__"):
        raise TypeError(
            f"ratings: {type(ratings).__name__} is not supported; give a pandas, Polars or Arrow"
            " table, a scipy.sparse matrix, or arrays of users, items and ratings"
        )
    try:
        table = pa.table(ratings)
    except (pa.ArrowException, TypeError) as error:
        raise ValueError(f"ratings: {'; '.join(map(str, error.args))}") from None
    found = _table_columns(table, names)
    return [None if column is None else _plain(column.combine_chunks()) for column in found]


def _array(values: Any, name: str) -> pa.Array:
    if isinstance(values, pa.Array):
        return _plain(values)
    try:
        return pa.array(np.asarray(values), from_pandas=True)
    except pa.ArrowException as error:
        raise ValueError(f"{name}: {error}") from None


def _plain(column: pa.Array) -> pa.Array:
    """Categories as their values; texts of Polars in a form that all functions of Arrow take."""
    if pa.types.is_dictionary(column.type):
        return _plain(column.dictionary).take(column.indices)
    return column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column


def _table_columns(table: pa.Table, names: Mapping[str, str]) -> list[pa.ChunkedArray | None]:
    if unknown := [name for name in names if name not in COLUMNS]:
        raise ValueError(f"columns: {unknown[0]!r} is none of {', '.join(COLUMNS)}")
    columns: list[pa.ChunkedArray | None] = []
    for name in COLUMNS:
        own = names.get(name, name)
        if own not in table.column_names and name not in names:
            own = OTHER_NAMES.get(name, name)
        count = table.column_names.count(own)
        if count > 1:
            raise ValueError(f"ratings: {count} columns are called {own!r}; keep one")
        if not count and (name != "timestamp" or name in names):
            raise ValueError(
                f"ratings: no column {own!r}; the columns are {', '.join(table.column_names)}."
                f" Give columns={{{name!r}: …}}"
            )
        columns.append(table.column(own) if count else None)
    return columns


def _encode(column: pa.Array, name: str) -> tuple[Array, Array]:
    """The distinct ids, and each row's position among them."""
    _refuse(column.is_null(), column, name, "is missing")
    if pa.types.is_floating(column.type):
        values = pc.cast(column, pa.float64()).to_numpy()
        is_whole = (values == np.floor(values)) & (np.abs(values) <= MAX_WHOLE)
        _refuse(~is_whole, column, name, "is not a whole number; make ids integers or text")
        column = pa.array(values.astype(np.int64))
    if pa.types.is_integer(column.type):
        column = _as_int64(column, name)
    elif column.type not in TEXT:
        raise ValueError(f"{name}: {column.type} cannot be ids; make them integers or text")
    encoded = column.dictionary_encode()
    ids = encoded.dictionary.to_numpy(zero_copy_only=False)
    return ids, encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)


def _as_int64(column: Any, name: str) -> Any:
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        raise ValueError(f"{name}: an id is larger than 64-bit integers; make ids text") from None


def _ratings(column: pa.Array) -> Array:
    try:
        if pa.types.is_decimal(column.type):  # directly to float32, Arrow makes 3.0000002 of 3
            column = column.cast(pa.float64())
        values = pc.cast(column, pa.float32(), safe=False)
    except pa.ArrowException:
        raise ValueError(f"rating: {column.type} is not a number") from None
    _refuse(values.is_null(), column, "rating", "is missing")
    rating = np.asarray(values.to_numpy(zero_copy_only=False))
    _refuse(~np.isfinite(rating), column, "rating", "is not a finite number")
    return rating


def _seconds(column: pa.Array | None, n_ratings: int) -> Array:
    """Timestamps in seconds since 1970; 0 without them."""
    if column is None:
        return np.zeros(n_ratings, np.int64)
    _refuse(column.is_null(), column, "timestamp", "is missing")
    kind = column.type
    try:
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind) or kind in TEXT:
            column = column.cast(pa.timestamp("s"), safe=False)
        elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise pa.ArrowTypeError
        return np.asarray(column.cast(pa.int64()))
    except pa.ArrowException:
        raise ValueError(f"timestamp: {kind} is not a time; give seconds") from None


def _refuse(is_bad: Any, column: Any, name: str, problem: str) -> None:
    """Raise ValueError, which names the first bad row, if there is one."""
    rows = np.flatnonzero(np.asarray(is_bad))
    if len(rows):
        first = int(rows[0])
        value = column[first].as_py()
        more = f" ({len(rows):,} such rows)" if len(rows) > 1 else ""
        raise ValueError(f"{name}: {value!r} in row {first} {problem}{more}")
