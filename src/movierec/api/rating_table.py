"""Ratings with their ids, from any table, matrix or arrays."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movierec.api import arguments, arrow_columns, ids
from movierec.api.input_types import RatingsLike
from movierec.data.rating_arrays import Array, Csr, Ratings, count_index
from movierec.datasets import text_values
from movierec.datasets.validation import TIMES
from movierec.prepare import index

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("user_id", "item_id", "rating", "timestamp")
OTHER_NAMES = {"item_id": "movie_id"}  # as in the pipeline's files
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True, eq=False)
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

    def __post_init__(self) -> None:
        for name in ("user_ids", "item_ids"):
            object.__setattr__(self, name, arguments.read_only(getattr(self, name)))

    @classmethod
    def read(
        cls,
        ratings: RatingsLike,
        columns: Mapping[str, str] | None = None,
        needs_values: bool = True,
    ) -> RatingTable:
        """Read ratings in any form that `fit` takes.

        Parameters
        ----------
        ratings
            A table, a sparse matrix or a tuple of arrays. A `RatingTable` is returned unchanged. If
            a user rated an item several times, the latest rating counts and you get a warning. An
            id is an integer or text: 1 and `"1"` are different, so do not mix them in a column.
        columns
            Your names of the columns, such as `{"user_id": "customer"}`.
        needs_values
            If false, a table needs no column `rating`, and two arrays are enough, users and items:
            each rating is then 1.

        Returns
        -------
        RatingTable
            The ratings with their ids.

        Raises
        ------
        ValueError
            If there are no ratings, or a value is missing, infinite, not a number or not a time
            (the message says where).
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
        users, items, rating, timestamp = _columns_of(ratings, columns or {}, needs_values)
        if not len(rating):
            raise ValueError("ratings: there are none")
        user_ids, user_index = ids.encode(users, "user_id")
        item_ids, item_index = ids.encode(items, "item_id")
        seconds, exact = np.zeros(len(rating), np.int64), None
        if timestamp is not None:
            seconds, exact = _times(timestamp)
        raw = Ratings(user_index, item_index, _ratings(rating), seconds)
        indexed = index.build(raw, user_ids, item_ids)
        if indexed.n_superseded and exact is not None:  # the last one counts, also in a second
            raw = raw.take(np.argsort(exact, kind="stable"))
            indexed = index.build(raw, user_ids, item_ids)
        if indexed.n_superseded:
            later = "by position; there are no timestamps" if exact is None else "by timestamp"
            warnings.warn(
                f"{indexed.n_superseded:,} ratings replaced by a later one of the same user and"
                f" item ({later})",
                stacklevel=arguments.stack_level(),
            )
        return cls(indexed.ratings, indexed.user_ids, indexed.movie_ids)

    def __len__(self) -> int:
        return len(self.ratings)

    def __repr__(self) -> str:
        return (
            f"RatingTable({len(self):,} ratings, {len(self.user_ids):,} users,"
            f" {len(self.item_ids):,} items)"
        )

    @cached_property
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
        n = len(self.user_ids if side == "user" else self.item_ids)
        return count_index(getattr(self.ratings, f"{side}_index"), n)

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
        users, user_places = ids.join(self.user_ids, other.user_ids, "user ids")
        items, item_places = ids.join(self.item_ids, other.item_ids, "item ids")
        moved = replace(
            self.ratings,
            user_index=user_places[self.ratings.user_index],
            item_index=item_places[self.ratings.item_index],
        )
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

    def _n_shared(self, other: RatingTable) -> int:
        """How many ratings of another table, with the same indices, are of pairs in this one."""
        n_items = max(len(self.item_ids), len(other.item_ids))
        own, others = (
            table.ratings.user_index * np.int64(n_items) + table.ratings.item_index
            for table in (self, other)
        )
        place = np.minimum(np.searchsorted(own, others), len(own) - 1)  # they are ascending
        return int((own[place] == others).sum())

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


def _columns_of(ratings: Any, names: Mapping[str, str], needs_values: bool) -> list[Any]:
    """Users, items, ratings and timestamps (None without them) as Arrow arrays."""
    if names and (isinstance(ratings, tuple) or hasattr(ratings, "tocoo")):
        raise ValueError("columns: only tables have names of columns, not arrays or matrices")
    if hasattr(ratings, "tocoo"):
        if len(ratings.shape) != 2:
            raise ValueError(f"ratings: a matrix of users and items, not {len(ratings.shape)}-D")
        matrix = ratings.tocoo()
        rows, columns = (np.asarray(side, np.int64) for side in (matrix.row, matrix.col))
        ratings = rows, columns, matrix.data
    if isinstance(ratings, tuple):
        return _from_tuple(ratings, needs_values)
    if isinstance(ratings, list):
        raise TypeError(
            "ratings: a list may be of rows or of columns; give a tuple of columns: (users, items,"
            " ratings)"
        )
    if type(ratings).__name__ == "LazyFrame":  # of Polars
        ratings = ratings.collect()
    if not hasattr(ratings, "__arrow_c_stream__"):
        raise TypeError(
            f"ratings: {type(ratings).__name__} is not supported; give a pandas, Polars or Arrow"
            " table, a scipy.sparse matrix, or arrays of users, items and ratings"
        )
    return _from_table(ratings, names, needs_values)


def _from_tuple(ratings: tuple[Any, ...], needs_values: bool) -> list[Any]:
    if any(isinstance(part, RatingTable) for part in ratings):
        raise ValueError("ratings: a Split has three tables; pass parts.train and parts.validation")
    if len(ratings) == 2 and not needs_values:
        ratings = *ratings, np.ones(len(ratings[0]), np.float32)
    if len(ratings) not in (3, 4):
        raise ValueError(f"ratings: {len(ratings)} arrays; give users, items and ratings")
    arrays = [
        arrow_columns.read(values, name) for values, name in zip(ratings, COLUMNS, strict=False)
    ]
    if len(set(map(len, arrays))) > 1:
        raise ValueError(f"ratings: arrays of different lengths: {[*map(len, arrays)]}")
    return [*arrays, None][:4]


def _from_table(table: Any, names: Mapping[str, str], needs_values: bool) -> list[Any]:
    """The columns that are needed; others may be of any type."""
    if hasattr(table, "iloc") and hasattr(table, "columns"):  # pandas
        levels = [name for name in table.index.names if name and name not in table.columns]
        table = table.reset_index(level=levels) if levels else table
        available = list(table.columns)
    elif hasattr(table, "get_column"):  # Polars
        available = table.columns
    else:
        try:
            table = pa.table(table)
        except (pa.ArrowException, TypeError) as error:
            raise ValueError(f"ratings: {'; '.join(map(str, error.args))}") from None
        available = table.column_names
    chosen = _column_names(available, names, needs_values)
    columns = [None if own is None else arrow_columns.read(table[own], own) for own in chosen]
    if columns[2] is None:
        columns[2] = pa.array(np.ones(len(table), np.float32))
    return columns


def _column_names(
    available: list[Any], names: Mapping[str, str], needs_values: bool
) -> list[str | None]:
    """The table's own names of COLUMNS; None for those that it may lack and does."""
    optional = {"timestamp"} if needs_values else {"timestamp", "rating"}
    if unknown := [name for name in names if name not in COLUMNS]:
        raise ValueError(f"columns: {unknown[0]!r} is none of {', '.join(COLUMNS)}")
    chosen: list[str | None] = []
    for name in COLUMNS:
        own = names.get(name, name)
        if own not in available and name not in names:
            own = OTHER_NAMES.get(name, name)
        count = available.count(own)
        if count > 1:
            raise ValueError(f"ratings: {count} columns are called {own!r}; keep one")
        if not count and (name not in optional or name in names):
            raise ValueError(
                f"ratings: no column {own!r}; the columns are {', '.join(map(str, available))}."
                f" Give columns={_suggestion(available, names) or f'{{{name!r}: …}}'}"
            )
        if own in chosen:
            raise ValueError(f"columns: {own!r} is used twice; each name needs its own column")
        chosen.append(own if count else None)
    return chosen


def _suggestion(available: list[Any], names: Mapping[str, str]) -> dict[str, str]:
    """Names such as userId for the columns that are not named yet; empty if there are none."""
    plain = {str(own).lower().replace("_", ""): own for own in available}
    found = {
        name: plain[key]
        for name in COLUMNS
        for key in (OTHER_NAMES.get(name, name).replace("_", ""), name.replace("_", ""))
        if key in plain
    }
    others = {name: own for name, own in found.items() if own not in (name, OTHER_NAMES.get(name))}
    return {**others, **names} if others else {}


def _ratings(column: pa.Array) -> Array:
    try:
        if pa.types.is_decimal(column.type):  # directly to float32, Arrow makes 3.0000002 of 3
            column = column.cast(pa.float64())
        values = pc.cast(column, pa.float32(), safe=False)
    except pa.ArrowException:
        raise ValueError(f"rating: {column.type} is not a number") from None
    arrow_columns.refuse_missing(column, "rating")
    rating = np.asarray(values.to_numpy(zero_copy_only=False))
    arrow_columns.refuse(~np.isfinite(rating), column, "rating", "is not a finite number")
    return rating


def _times(column: pa.Array) -> tuple[Array, Array]:
    """Timestamps in whole seconds since 1970, and exactly, in an order that may be finer."""
    arrow_columns.refuse_missing(column, "timestamp")
    kind = column.type
    try:
        if kind in arrow_columns.TEXT:
            column = _parsed(column)
        elif pa.types.is_date(kind):
            column = column.cast(pa.timestamp("ms"))
        if pa.types.is_timestamp(column.type):
            exact = np.asarray(column.cast(pa.int64()))
            return exact // PER_SECOND[column.type.unit], exact
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise pa.ArrowTypeError
        exact = np.asarray(column)
        is_wrong = ~((exact >= TIMES[0]) & (exact < TIMES[1]))
        arrow_columns.refuse(is_wrong, column, "timestamp", _hint(exact[is_wrong]))
        return (exact // 1).astype(np.int64), exact
    except pa.ArrowException:
        raise ValueError(f"timestamp: {kind} is not a time; give seconds") from None


def _parsed(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:  # with a time zone
        return column.cast(pa.timestamp("us", "UTC"))


def _hint(wrong: Array) -> str:
    """What may be wrong with the first of these times, which are not in seconds."""
    finite = wrong[np.isfinite(wrong)]
    unit = text_values.unit_of(int(finite[0])) if len(finite) else None
    guess = f"is in {unit}, it seems" if unit else "is not from 1970 to 2099"
    return f"{guess}; give seconds since 1970"
