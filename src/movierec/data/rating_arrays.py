"""Ratings as arrays: as a list, or grouped by row (CSR)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from movierec.kernels.grouping import group_order

Array = np.ndarray[Any, Any]
BLOCK = 1 << 20  # ratings processed at a time, to limit memory
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Csr:
    """Values grouped by row (compressed sparse rows): by user, with indices of items, or by item.

    indptr (n_rows + 1,) int64; indices (n_values,) int32, ascending within a row; values
    (n_values,) float32. Raises ValueError if indptr does not divide the values into rows.
    """

    indptr: Array
    indices: Array
    values: Array

    def __post_init__(self) -> None:
        ends = self.indptr[[0, -1]].tolist() if len(self.indptr) else []
        sizes = [[0, len(self.indices)], [0, len(self.values)]]
        if [ends, ends] != sizes or (self.indptr[1:] < self.indptr[:-1]).any():
            raise ValueError("indptr should rise from 0 to the number of indices and values")
        _freeze(self)

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        """indptr, indices and values, as kernels take them."""
        return self.indptr, self.indices, self.values

    @property
    def n_rows(self) -> int:
        return len(self.indptr) - 1

    @property
    def counts(self) -> Array:
        """The number of values in each row (n_rows,) int64."""
        return np.diff(self.indptr)

    @property
    def row_index(self) -> Array:
        """The row of each value (n_values,) int32."""
        return np.repeat(np.arange(self.n_rows, dtype=np.int32), self.counts)

    @cached_property
    def _extremes(self) -> Array:
        """The smallest and the largest index, found once: by these two all are checked."""
        return np.array([self.indices.min(), self.indices.max()] if len(self.indices) else [], int)

    def check_columns(self, n_columns: int) -> None:
        """Raise IndexError unless all indices are columns: kernels would read foreign memory."""
        check_index(self._extremes, n_columns, "indices")

    def transpose(self, n_columns: int) -> "Csr":
        """The same values grouped by column: turns by user into by item."""
        self.check_columns(n_columns)
        indptr, order = group_order(self.indices, n_columns)
        return Csr(indptr, self.row_index[order], self.values[order])

    def insert(self, more: "Ratings") -> "Csr":
        """The values together with more ratings, which are also ordered by user (row) and item."""
        n_columns = 1 + max(self.indices.max(initial=0), more.item_index.max(initial=0))
        places = np.searchsorted(
            self.row_index * np.int64(n_columns) + self.indices,
            more.user_index * np.int64(n_columns) + more.item_index,
        ) + np.arange(len(more))
        is_old = np.ones(len(self.values) + len(more), bool)
        is_old[places] = False
        indices = np.empty(len(is_old), self.indices.dtype)
        values = np.empty(len(is_old), self.values.dtype)
        indices[is_old], indices[places] = self.indices, more.item_index
        values[is_old], values[places] = self.values, more.rating
        counts = self.counts + np.bincount(more.user_index, minlength=self.n_rows)
        return Csr(indptr_from_counts(counts), indices, values)

    @property
    def ratings(self) -> "Ratings":
        """The values as a list of ratings whose users are the rows, with timestamps of 0."""
        timestamp = np.zeros(len(self.values), np.int64)
        return Ratings(self.row_index, self.indices, self.values, timestamp)

    def take(self, rows: Array) -> "Csr":
        """The rows at these positions, in this order."""
        counts = self.counts[rows]
        indptr = indptr_from_counts(counts)
        places = np.repeat(self.indptr[rows] - indptr[:-1], counts) + np.arange(indptr[-1])
        return Csr(indptr, self.indices[places], self.values[places])

    def row_sums(self, mean: float = 0.0, biases: Array | None = None) -> Array:
        """Σ (value − mean − bias of its column) over each row, in order: (n_rows,) float64."""
        residuals = self.values - np.float64(mean)
        if biases is not None:
            residuals -= biases[self.indices]
        return np.bincount(self.row_index, residuals, minlength=self.n_rows)

    def rows(self, rows: slice) -> "Csr":
        """A slice of consecutive rows, as views of the values."""
        indptr = self.indptr[rows.start : rows.stop + 1]
        values = slice(indptr[0], indptr[-1])
        return Csr(indptr - indptr[0], self.indices[values], self.values[values])

    def columns(self) -> tuple[Array, "Csr"]:
        """The columns that occur, ascending, and the same values with indices into these."""
        occurs = np.zeros(1 + self.indices.max(initial=-1), bool)
        occurs[self.indices] = True
        place = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
        return np.flatnonzero(occurs), Csr(self.indptr, place[self.indices], self.values)

    def between(self, first: int, stop: int) -> "Csr":
        """The values of the columns first … stop − 1, with indices relative to `first`."""
        inside = (self.indices >= first) & (self.indices < stop)
        counts = np.bincount(self.row_index[inside], minlength=self.n_rows)
        return Csr(
            indptr_from_counts(counts), self.indices[inside] - np.int32(first), self.values[inside]
        )


@dataclass(frozen=True)
class Ratings:
    """A list of ratings: four arrays of the same length."""

    user_index: Array  # int32
    item_index: Array  # int32
    rating: Array  # float32, in stars
    timestamp: Array  # int64, in seconds since 1970

    def __post_init__(self) -> None:
        _freeze(self)

    def __len__(self) -> int:
        return len(self.rating)

    def take(self, selection: Array) -> Self:
        """The ratings at these positions, or where a mask is true."""
        with ThreadPoolExecutor(2) as pool:
            return type(self)(*pool.map(lambda column: column[selection], vars(self).values()))

    def sort(self, n_users: int, n_items: int) -> Self:
        """The same ratings ordered by user, then item; equal pairs keep their order."""
        check_index(self.user_index, n_users, "user_index")
        check_index(self.item_index, n_items, "item_index")
        order = group_order(self.item_index, n_items)[1]
        order = order[group_order(self.user_index[order], n_users)[1]]
        return self.take(order)

    def by_user(self, n_users: int) -> Csr:
        """Group ratings by user; they must be ordered by user and item, as `sort` returns them."""
        return Csr(
            indptr_from_counts(count_index(self.user_index, n_users)), self.item_index, self.rating
        )


@dataclass(frozen=True)
class RatingsInParts(Ratings):
    """The ratings of a data set that comes in parts; part (int8): the position of each in PARTS."""

    part: Array

    @property
    def pooled(self) -> Ratings:
        """The same ratings without their parts."""
        return Ratings(self.user_index, self.item_index, self.rating, self.timestamp)


def _freeze(data: Csr | Ratings) -> None:
    """Make the arrays read-only views: safe to share, and a single type for kernels."""
    for name, array in vars(data).items():
        view = array.view()
        view.flags.writeable = False
        object.__setattr__(data, name, view)


def check_index(index: Array, n: int, name: str) -> Array:
    """The index (n_indices,) as int32 or int64, in which kernels may look up n rows.

    Raises ValueError for another shape or type, IndexError for an index outside 0 … n − 1, which
    would read foreign memory. name: of the index, for errors.

    Examples
    --------
    >>> check_index([0, 2], 3, "item_index")
    array([0, 2])
    >>> check_index([0, 3], 3, "item_index")
    Traceback (most recent call last):
    IndexError: item_index: 3 is not one of 3 rows (0 to 2)
    """
    index = np.asarray(index)
    if not index.size and index.ndim == 1:
        return index.astype(np.int32)
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: should be integers of shape (n,), not {index.dtype} of shape {index.shape}"
        )
    for extreme in (int(index.min()), int(index.max())):
        if not 0 <= extreme < n:
            raise IndexError(f"{name}: {extreme} is not one of {n} rows (0 to {n - 1})")
    return index if index.dtype in (np.int32, np.int64) else index.astype(np.int64)


def count_index(index: Array, n: int) -> Array:
    """How often each of 0 … n − 1 occurs: (n,) int64.

    Works in blocks, since bincount would copy all of `index` as int64.
    """
    counts = np.zeros(n, np.int64)
    for start in range(0, len(index), BLOCK):
        counts += np.bincount(index[start : start + BLOCK], minlength=n)
    return counts


def indptr_from_counts(counts: Array) -> Array:
    """The indptr (n_rows + 1,) of rows with these counts: cumulative sums from 0."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)))


def stack_rows(parts: Sequence[Csr]) -> Csr:
    """Concatenate the rows of several Csrs."""
    indptr = indptr_from_counts(np.concatenate([part.counts for part in parts]))
    indices, values = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("indices", "values")
    )
    return Csr(indptr, indices, values)
