"""Sums of rows: the product of a sparse matrix of ones with a dense one; a dense one's Gram."""

import numpy as np
from numba import njit, prange

from movierec.kernels.runs import RUNS, even_runs

PARTS = 32  # of the rows of a Gram matrix, added up side by side: as many whatever the threads


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


@njit(cache=True, parallel=True)
def gram_parts(rows):
    """Σ row rowᵀ over each of PARTS runs of rows: (PARTS, n_columns, n_columns) float64."""
    n_rows, n_columns = rows.shape
    sums = np.zeros((PARTS, n_columns, n_columns))
    for part in prange(PARTS):
        for row in range(part * n_rows // PARTS, (part + 1) * n_rows // PARTS):
            for i in range(n_columns):
                value = np.float64(rows[row, i])
                for j in range(n_columns):
                    sums[part, i, j] += value * rows[row, j]
    return sums
