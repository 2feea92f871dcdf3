"""Divide rows into blocks of work, for all other modules.

A block is a pair of bounds (first, stop). Results never depend on them.
"""

import itertools

import numpy as np

from movierec.core.array_files import Array
from movierec.engine.local import Engine

Bounds = tuple[int, int]


def cut_by_cost(costs: Array, size: int, multiple: int = 1) -> list[Bounds]:
    """Blocks of rows of about `size` total cost; each begins at a multiple of `multiple`."""
    n_rows = len(costs)
    ends = np.arange(1, 1 + -(-int(costs.sum()) // size)) * size
    stops = np.searchsorted(np.cumsum(costs), ends) + 1
    stops = np.unique(np.minimum(-(-stops // multiple) * multiple, n_rows))
    bounds = [0, *(int(stop) for stop in stops if stop < n_rows), n_rows]
    return list(itertools.pairwise(bounds))


def cut_evenly(n_rows: int, size: int) -> list[Bounds]:
    """Blocks of `size` rows, at least one block; the last may be smaller."""
    return [(first, min(first + size, n_rows)) for first in range(0, max(1, n_rows), size)]


def work_by_cost(
    engine: Engine, costs: Array, multiple: int = 1, size: int | None = None
) -> list[Bounds]:
    """Blocks of rows for an engine: a single one if memory is not limited.

    costs (n_rows,): in ratings, or in units of as much memory. size: the cost of a block,
    engine.block_ratings by default.
    """
    if fits_at_once(engine):
        return [(0, len(costs))]
    return cut_by_cost(costs, size or engine.params.block_ratings, multiple)


def work_evenly(engine: Engine, n_rows: int, size: int) -> list[Bounds]:
    """Like work_by_cost, for rows of equal cost: blocks of `size` rows."""
    return cut_evenly(n_rows, max(1, n_rows if fits_at_once(engine) else size))


def fits_at_once(engine: Engine) -> bool:
    """Whether this process works alone and without a memory limit."""
    return engine.params.kind == "local" and engine.params.memory_limit is None
