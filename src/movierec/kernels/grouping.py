"""Group ratings by row, and rank them within rows."""

import numpy as np
from numba import prange

from movierec.kernels.compilation import kernel


@kernel(nogil=True)  # blocks are grouped in several threads
def group_order(keys, n_keys):
    """Sort keys by a stable counting sort.

    Returns indptr (n_keys + 1,) and order (n,): order[indptr[k]:indptr[k + 1]] are the positions of
    key k, ascending.
    """
    indptr = np.zeros(n_keys + 1, np.int64)
    for key in keys:
        indptr[key + 1] += 1
    for k in range(n_keys):
        indptr[k + 1] += indptr[k]
    free = indptr[:-1].copy()
    order = np.empty(len(keys), np.int64)
    for position in range(len(keys)):
        key = keys[position]
        order[free[key]] = position
        free[key] += 1
    return indptr, order


@kernel(parallel=True)
def ranks_in_rows(indptr, keys):
    """The rank (from 0) of each rating within its row by ascending key; ties keep their order."""
    ranks = np.empty(len(keys), np.int64)
    for row in prange(len(indptr) - 1):
        start, stop = indptr[row], indptr[row + 1]
        order = np.argsort(keys[start:stop], kind="mergesort")
        for rank in range(stop - start):
            ranks[start + order[rank]] = rank
    return ranks
