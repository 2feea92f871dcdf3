"""Ratings with their ids, from any table, matrix or arrays."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movierec.api.input_types import IdsLike, RatingsLike
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
    """Ratings by user index and item index, ordered by user and item, with the ids of both.

    You rarely need one: functions that take ratings also take tables, sparse matrices and arrays.

    Attributes
    ----------
    ratings : Ratings
        The arrays `user_index` int32, `item_index` int32, `rating` float32 and `timestamp` int64,
        (n_ratings,) each. Timestamps are seconds since 1970, or 0 if there are none.
    user_ids, item_ids : ndarray
        The ids by index (n_users,) and (n_items,), int64 or text, those with most ratings first.

    Examples
    --------
    >>> import movierec as mr
    >>> table = mr.RatingTable.read(([7, 7, 9], ["Alien", "Up", "Up"], [5, 2, 4]))
    >>> table
    RatingTable(3 ratings, 2 users, 2 items)
    >>> table.item_ids[table.ratings.item_index].tolist()
    ['Up', 'Alien', 'Up']
    """

    ratings: Ratings
    user_ids: Array
    item_ids: Array

    @classmethod
    def read(cls, ratings: RatingsLike, columns: Mapping[str, str] | None = None) -> RatingTable:
        """Read ratings in any form that `fit` takes.

        Parameters
        ----------
        ratings
            A table, a sparse matrix or a tuple of arrays. A `RatingTable` is returned unchanged. If
            a user rated an item several times, the latest rating counts and you get a warning.
        columns
            Your names of the columns, such as `{"user_id": "customer"}`.

        Returns
        -------
        RatingTable
            The ratings with their ids.

        Raises
        ------
        ValueError
            If there are no ratings, or a value is missing, infinite or not a number (the message
            says where).
        TypeError
            If `ratings` has another form.

        Examples
        --------
        >>> import scipy.sparse
        >>> import movierec as mr
        >>> matrix = scipy.sparse.csr_array([[5, 0, 2], [0, 4, 0]])  # 0: no rating
        >>> mr.RatingTable.read(matrix).to_pandas()[["user_id", "item_id", "rating"]]
           user_id  item_id  rating
        0        0        0     5.0
        1        0        2     2.0
        2        1        1     4.0
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
        """The ratings grouped by user, as compressed sparse rows (CSR).

        `values` (n_ratings,) float32 contains the ratings, `indices` (n_ratings,) int32 their item
        indices, and `indptr` (n_users + 1,) int64 where each user's ratings begin and end.

        Examples
        --------
        >>> import movierec as mr
        >>> table = mr.RatingTable.read(([7, 7, 9], ["Alien", "Up", "Up"], [5, 2, 4]))
        >>> table.by_user.indptr
        array([0, 2, 3])
        """
        return self.ratings.by_user(len(self.user_ids))

    def counts(self, side: Literal["user", "item"]) -> Array:
        """Count the ratings of each user or each item.

        Parameters
        ----------
        side
            `"user"` or `"item"`.

        Returns
        -------
        ndarray
            The counts (n_users,) or (n_items,) int64, in the order of the ids.

        Examples
        --------
        >>> import movierec as mr
        >>> table = mr.RatingTable.read(([7, 7, 9], ["Alien", "Up", "Up"], [5, 2, 4]))
        >>> dict(zip(table.item_ids, table.counts("item").tolist()))
        {'Up': 2, 'Alien': 1}
        """
        ids = self.user_ids if side == "user" else self.item_ids
        return count_index(getattr(self.ratings, f"{side}_index"), len(ids))

    def with_ids_of(self, other: RatingTable) -> RatingTable:
        """Return the same ratings with the indices of another table.

        Parameters
        ----------
        other
            The table whose indices to use. Ids that it lacks are added at the end.

        Returns
        -------
        RatingTable
            These ratings, with the ids of both tables.

        Raises
        ------
        ValueError
            If the ids are text in one table and numbers in the other.

        Examples
        --------
        >>> import movierec as mr
        >>> table = mr.RatingTable.read(([7, 7, 9], ["Alien", "Up", "Up"], [5, 2, 4]))
        >>> new = mr.RatingTable.read(([9, 8], ["Alien", "Heat"], [3, 4])).with_ids_of(table)
        >>> new.item_ids.tolist()
        ['Up', 'Alien', 'Heat']
        """
        if self.user_ids is other.user_ids and self.item_ids is other.item_ids:
            return self
        users, user_index = _moved(self.user_ids, other.user_ids, self.ratings.user_index)
        items, item_index = _moved(self.item_ids, other.item_ids, self.ratings.item_index)
        moved = Ratings(user_index, item_index, self.ratings.rating, self.ratings.timestamp)
        return RatingTable(moved.sort(len(users), len(items)), users, items)

    def joined(self, other: RatingTable) -> RatingTable:
        """Return the ratings of both tables together.

        Parameters
        ----------
        other
            More ratings. If both tables rate an item for the same user, the later rating counts.

        Returns
        -------
        RatingTable
            All ratings, with the indices of this table. Ids that it lacks are added at the end.

        Raises
        ------
        ValueError
            If the ids are text in one table and numbers in the other.

        Examples
        --------
        >>> import movierec as mr
        >>> table = mr.RatingTable.read(([7, 7, 9], ["Alien", "Up", "Up"], [5, 2, 4]))
        >>> table.joined(mr.RatingTable.read(([8], ["Heat"], [3])))
        RatingTable(4 ratings, 3 users, 3 items)
        """
        other = other.with_ids_of(self)
        pairs = zip(vars(self.ratings).values(), vars(other.ratings).values(), strict=True)
        both = Ratings(*(np.concatenate(pair) for pair in pairs))
        keys = both.user_index * np.int64(len(other.item_ids)) + both.item_index
        both = both.take(np.argsort(keys, kind="stable"))  # which merges sorted runs, in one pass
        return RatingTable(index.newest(both), other.user_ids, other.item_ids)

    def to_pandas(self) -> pd.DataFrame:
        """Return the ratings as a pandas DataFrame.

        Returns
        -------
        DataFrame
            The columns `user_id`, `item_id`, `rating` float32 and `timestamp` int64, in seconds
            since 1970, or 0 without timestamps.

        Examples
        --------
        >>> import movierec as mr
        >>> table = mr.RatingTable.read(([7, 7, 9], ["Alien", "Up", "Up"], [5, 2, 4]))
        >>> table.to_pandas()
           user_id item_id  rating  timestamp
        0        7      Up     2.0          0
        1        7   Alien     5.0          0
        2        9      Up     4.0          0
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "user_id": self.user_ids[self.ratings.user_index],
                "item_id": self.item_ids[self.ratings.item_index],
                "rating": self.ratings.rating,
                "timestamp": self.ratings.timestamp,
            }
        )


def places_of(ids: IdsLike, known: Array) -> Array:
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
