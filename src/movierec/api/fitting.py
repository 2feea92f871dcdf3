"""The threads that a model is fitted in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def threads(n_jobs: int | None) -> Iterator[None]:
    """Run kernels in this many threads; −1: in one for each core; None: in as many as now."""
    import numba

    before, most = numba.get_num_threads(), numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(most if n_jobs == -1 else min(n_jobs or before, most))
    try:
        yield
    finally:
        numba.set_num_threads(before)
