"""Divide rows into runs for threads. The most rated rows come first and take the longest."""

import numpy as np

from movierec.kernels.compilation import kernel

RUNS = 512  # enough that no thread waits long for the last run


@kernel
def even_runs(indptr):
    """Bounds (RUNS + 1,) of runs of rows with about the same number of values.

    Run r consists of rows bounds[r] … bounds[r + 1] − 1; empty rows at the end may be in none.
    """
    return np.searchsorted(indptr, np.arange(RUNS + 1) * indptr[-1] // RUNS)
