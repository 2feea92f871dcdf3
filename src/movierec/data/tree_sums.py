"""Sums over rows that are bit-identical, however the rows are divided among workers.

Floating-point sums depend on the order of their terms. So rows are summed in order within chunks of
CHUNK rows, and chunks are summed in a binary tree, whose nodes are aligned runs of 2^level chunks.
Each worker has rows that begin at a chunk, and computes the partial sums of the nodes inside them.
All partial sums together form the same tree.
"""

from collections import deque
from collections.abc import Callable, Iterable

import numpy as np

from movierec.data.rating_arrays import Array
from movierec.kernels.reductions import chunk_sums

CHUNK = 64  # rows
CHUNKS_AT_ONCE = 32  # limits memory

PartialSums = dict[tuple[int, int], Array]  # by (level, place): chunks from place · 2^level on


def partial_sums(first: int, values: Array) -> PartialSums:
    """Partial sums of values (n_rows, …) of the rows from `first` on, a multiple of CHUNK."""
    columns = np.ascontiguousarray(values.reshape(len(values), -1), np.float64)
    sums = chunk_sums(columns, CHUNK).reshape(-1, *values.shape[1:])
    return _add_pairs(first // CHUNK, list(sums))


def partial_sums_by_slice(
    first: int, n_rows: int, leaves: Callable[[int, int], Array]
) -> PartialSums:
    """Partial sums of values that do not fit in memory together.

    leaves(start, stop): returns the sums of each chunk of the rows start … stop − 1, counted from
    `first`.
    """
    nodes: PartialSums = {}
    size = CHUNKS_AT_ONCE * CHUNK
    stops = [*range(size - first % size, n_rows, size), n_rows] if n_rows else []
    for start, stop in zip([0, *stops], stops, strict=False):
        nodes |= _add_pairs((first + start) // CHUNK, list(leaves(start, stop)))
    return nodes


def add_up(parts: Iterable[PartialSums]) -> Array:
    """The sum over all rows, from the partial sums of all blocks."""
    nodes = {place: value for part in parts for place, value in part.items()}
    waiting = deque(sorted(nodes))
    while waiting:
        level, place = waiting.popleft()
        if place % 2 == 0 and (level, place + 1) in nodes:
            left, right = nodes.pop((level, place)), nodes.pop((level, place + 1))
            nodes[level + 1, place // 2] = left + right
            waiting.append((level + 1, place // 2))
        elif place % 2 and (level, place - 1) in nodes:
            waiting.append((level, place - 1))
    first, *others = (nodes[place] for place in sorted(nodes, reverse=True))
    return sum(others, first)


def _add_pairs(first: int, sums: list[Array]) -> PartialSums:
    """Add the sums of chunks `first`, first + 1, … in pairs, up to the nodes that are complete."""
    nodes: PartialSums = {}
    level = 0
    while sums:
        if first % 2:
            nodes[level, first] = sums.pop(0)
            first += 1
        if len(sums) % 2:
            last = sums.pop()
            nodes[level, first + len(sums)] = last
        sums = [left + right for left, right in zip(sums[::2], sums[1::2], strict=True)]
        first, level = first // 2, level + 1
    return nodes
