"""Ratings as arrays: a list of them, and grouped by row (CSR)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from movierec.kernels.grouping import group_order

Array = np.ndarray[Any, Any]
BLOCK = 1 << 20  # indices counted at a time


@dataclass(frozen=True)
class Csr:
    """Values grouped by row; `by_user` the rows are users and the indices items, or `by_item`.

    indptr (n_rows + 1,) int64; indices (n_values,) int32, rising within a row; values (n_values,)
    float32.
    """

    indptr: Array
    indices: Array
    values: Array

    def __post_init__(self) -> None:
        _freeze(self)

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

    def transpose(self, n_columns: int) -> "Csr":
        """The same values grouped by column: by item what was by user."""
        indptr, order = group_order(self.indices, n_columns)
        return Csr(indptr, self.row_index[order], self.values[order])

    def insert(self, more: "Ratings") -> "Csr":
        """These values and more, which are in order of user (the row) and item as well."""
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
        """The values as a list of ratings of users (the rows), their timestamps unknown: 0."""
        timestamp = np.zeros(len(self.values), np.int64)
        return Ratings(self.row_index, self.indices, self.values, timestamp)

    def take(self, rows: Array) -> "Csr":
        """These rows, in this order."""
        counts = self.counts[rows]
        indptr = indptr_from_counts(counts)
        places = np.repeat(self.indptr[rows] - indptr[:-1], counts) + np.arange(indptr[-1])
        return Csr(indptr, self.indices[places], self.values[places])

    def row_sums(self, mean: float = 0.0, biases: Array | None = None) -> Array:
        """Σ (value − mean − its column's bias) of each row (n_rows,) float64, added in order."""
        left = self.values - np.float64(mean)
        if biases is not None:
            left -= biases[self.indices]
        return np.bincount(self.row_index, left, minlength=self.n_rows)

    def rows(self, some: slice) -> "Csr":
        """These rows, one after the other, without a copy of their values."""
        indptr = self.indptr[some.start : some.stop + 1]
        here = slice(indptr[0], indptr[-1])
        return Csr(indptr - indptr[0], self.indices[here], self.values[here])

    def columns(self) -> tuple[Array, "Csr"]:
        """The columns that occur, rising, and the same values with indices among these."""
        occurs = np.zeros(1 + self.indices.max(initial=-1), bool)
        occurs[self.indices] = True
        place = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
        return np.flatnonzero(occurs), Csr(self.indptr, place[self.indices], self.values)

    def between(self, first: int, stop: int) -> "Csr":
        """The values whose indices are first … stop − 1, counted from the first of them."""
        there = (self.indices >= first) & (self.indices < stop)
        counts = np.bincount(self.row_index[there], minlength=self.n_rows)
        return Csr(
            indptr_from_counts(counts), self.indices[there] - np.int32(first), self.values[there]
        )


@dataclass(frozen=True)
class Ratings:
    """A list of ratings: four arrays of one length: int32, int32, float32 and int64 (seconds)."""

    user_index: Array
    item_index: Array
    rating: Array
    timestamp: Array

    def __post_init__(self) -> None:
        _freeze(self)

    def __len__(self) -> int:
        return len(self.rating)

    def take(self, selection: Array) -> Self:
        """The ratings at these positions, or where this mask is true."""
        columns = (self.user_index, self.item_index, self.rating, self.timestamp)
        with ThreadPoolExecutor(2) as pool:
            return type(self)(*pool.map(lambda column: column[selection], columns))

    def sort(self, n_users: int, n_items: int) -> Self:
        """The same ratings by user and, within a user, by item; equal pairs keep their order."""
        order = group_order(self.item_index, n_items)[1]
        order = order[group_order(self.user_index[order], n_users)[1]]
        return self.take(order)

    def by_user(self, n_users: int) -> Csr:
        """Group by user ratings that are in order of user and item, as `sort` leaves them."""
        return Csr(
            indptr_from_counts(count_index(self.user_index, n_users)), self.item_index, self.rating
        )


def _freeze(data: Csr | Ratings) -> None:
    """Make the arrays read-only views: safe to share, and one type for the kernels to compile."""
    for name, array in vars(data).items():
        view = array.view()
        view.flags.writeable = False
        object.__setattr__(data, name, view)


def count_index(index: Array, n: int) -> Array:
    """How often each of 0 … n − 1 occurs (n,) int64; bincount alone copies all of it as int64."""
    counts = np.zeros(n, np.int64)
    for start in range(0, len(index), BLOCK):
        counts += np.bincount(index[start : start + BLOCK], minlength=n)
    return counts


def indptr_from_counts(counts: Array) -> Array:
    """Where each row begins, and where the last ends (n_rows + 1,), from the rows' counts."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)))


def stack_rows(parts: Sequence[Csr]) -> Csr:
    """The rows of all parts, one after the other."""
    indptr = indptr_from_counts(np.concatenate([part.counts for part in parts]))
    indices, values = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("indices", "values")
    )
    return Csr(indptr, indices, values)
