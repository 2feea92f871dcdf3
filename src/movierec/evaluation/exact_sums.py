"""Sums that are exact, so that they do not depend on how ratings are divided into blocks."""

import numpy as np

from movierec.data.rating_arrays import BLOCK, Array

UNIT = 1 << 32  # values are rounded to multiples of 1 / UNIT: BLOCK of them have exact float64 sums


def sums_by(group: Array, values: Array, n_groups: int) -> Array:
    """The sum of the values of each group, in units of 1 / UNIT: (n_groups,) int64.

    group (n_values,): from 0. values (n_values,): from 0 to 1, at most 2³¹.
    """
    sums = np.zeros(n_groups, np.int64)
    for start in range(0, len(group), BLOCK):
        part = slice(start, start + BLOCK)
        scaled = np.rint(values[part] * np.float64(UNIT))
        sums += np.bincount(group[part], scaled, n_groups).astype(np.int64)
    return sums


def counts_and_sums(group: Array, n_groups: int, *values: Array) -> Array:
    """The number of values of each group, and their sums: (1 + number of values, n_groups)."""
    counts = np.bincount(group, minlength=n_groups)
    return np.stack([counts, *(sums_by(group, each, n_groups) for each in values)])


def means_of(sums: Array, counts: Array | int) -> Array:
    """The means of values, given what sums_by returned; 0 for empty groups."""
    return np.asarray(sums / UNIT / np.maximum(counts, 1))


def group_of_cells(counts: Array, n_groups: int) -> Array:
    """Divide ordered cells into groups of about equally many values: the group of each cell."""
    ends = np.cumsum(counts)
    middles = ends - counts / 2
    return np.minimum(middles * n_groups / max(ends[-1], 1), n_groups - 1).astype(np.int64)


def merge_cells(table: Array, group: Array, n_groups: int) -> Array:
    """Add up the columns of a table that belong to the same group."""
    merged = np.zeros((len(table), n_groups), np.int64)
    for row, values in zip(merged, table, strict=True):
        np.add.at(row, group, values)
    return merged
