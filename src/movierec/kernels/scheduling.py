"""Runs of rows, to be handed to threads: the most rated rows come first, and alone last long."""

import numpy as np

from movierec.kernels.compilation import kernel

RUNS = 512  # enough that none waits long for the last


@kernel
def even_runs(indptr):
    """Bounds of RUNS runs of rows with about as many values each (RUNS + 1,), empty ends left out.

    Run r has the rows from bound r up to bound r + 1.
    """
    return np.searchsorted(indptr, np.arange(RUNS + 1) * indptr[-1] // RUNS)
