"""Run computations with one thread and with two, whose results must be the same to the bit."""

from collections.abc import Callable
from typing import TypeVar

import numba
import pytest

Result = TypeVar("Result")

needs_two_threads = pytest.mark.skipif(
    numba.config.DISABLE_JIT or numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads"
)


def results_by_threads(compute: Callable[[], Result]) -> tuple[Result, Result]:
    """What `compute` returns with one thread, and with two."""
    results = []
    for n_threads in (1, 2):
        numba.set_num_threads(n_threads)
        results.append(compute())
    numba.set_num_threads(1)  # as conftest.py does
    return results[0], results[1]
