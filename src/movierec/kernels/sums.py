"""Sums of rows: the product of a sparse matrix of ones with a dense one."""

import numpy as np
from numba import njit, prange

from movierec.kernels.runs import RUNS, even_runs


@njit(cache=True, parallel=True)
def sum_rows(indptr, indices, rows):
    """Row r: the sum of rows[indices[k]] over k in indptr[r] … indptr[r + 1] − 1, in that order."""
    sums = np.zeros((len(indptr) - 1, rows.shape[1]), rows.dtype)
    runs = even_runs(indptr)
    for run in prange(RUNS):
        for row in range(runs[run], runs[run + 1]):
            for k in range(indptr[row], indptr[row + 1]):
                one = indices[k]
                for column in range(rows.shape[1]):
                    sums[row, column] += rows[one, column]
    return sums
