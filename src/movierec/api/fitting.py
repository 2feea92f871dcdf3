"""Fit a model in the threads that it asks for."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from movierec.core.errors import MovierecError

BLOCK = re.compile(r"\b(train|implicit)\.(?=[a-z])")  # of params.yaml; estimators have no blocks


@contextlib.contextmanager
def threads(n_jobs: int | None) -> Iterator[None]:
    """Run kernels in this many threads; −1: in as many as there are cores; None: in as many as now.

    What training refuses is a ValueError, which names the estimator's arguments.
    """
    import numba

    before, most = numba.get_num_threads(), numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(most if n_jobs == -1 else min(n_jobs or before, most))
    try:
        yield
    except MovierecError as error:
        raise ValueError(BLOCK.sub("", str(error))) from None
    finally:
        numba.set_num_threads(before)
