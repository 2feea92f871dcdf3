"""Item-based nearest neighbours: cosines of items' sets of users, and scores from neighbours."""

import numpy as np
from numba import prange

from movierec.kernels.compilation import kernel
from movierec.kernels.scoring import keep_best
from movierec.kernels.tiles import TILE, any_above


@kernel(parallel=True)
def count_shared(runs, indptr, indices, by_user_indptr, by_user_indices, shared):
    """Add to shared (n_rows, n_items) how many users of each row's item rated each other item.

    runs: bounds of runs of rows. indptr, indices: CSR of the users of each row's item.
    by_user_indptr, by_user_indices: CSR of the items of each user.
    """
    for run in prange(len(runs) - 1):
        for row in range(runs[run], runs[run + 1]):
            _count(row, indptr, indices, by_user_indptr, by_user_indices, shared[row : row + 1])


@kernel(parallel=True)
def nearest_items(
    runs,
    indptr,
    indices,
    by_user_indptr,
    by_user_indices,
    shared_before,
    first,
    scale,
    neighbours,
    cosines,
):
    """Find each item's nearest neighbours, by the cosine of the two items' sets of users.

    The first five arguments are those of count_shared, for the items from `first` on.
    shared_before: the result of count_shared for other users (n_rows, n_items), or (0, 0).
    scale (n_items, padded to full tiles): 1 / √(number of users) of each item, or 0.
    neighbours (n_rows, n) int32, filled with −1, and cosines (n_rows, n), filled with 0: written,
    nearest first, without the item itself. Places stay unchanged if fewer items share a user.
    """
    for run in prange(len(runs) - 1):
        shared = np.zeros((1, len(scale)), cosines.dtype)
        for row in range(runs[run], runs[run + 1]):
            shared[:] = 0
            if len(shared_before):
                shared[0, : shared_before.shape[1]] = shared_before[row]
            _count(row, indptr, indices, by_user_indptr, by_user_indices, shared)
            item = first + row
            for other in range(len(scale)):
                shared[0, other] *= scale[item] * scale[other]
            shared[0, item] = 0
            for start in range(0, len(scale), TILE):
                if any_above(shared, 0, start, cosines[row, -1]):  # rare, once the list is full
                    keep_best(shared[0, start : start + TILE], start, cosines[row], neighbours[row])


@kernel
def _count(row, indptr, indices, by_user_indptr, by_user_indices, shared):
    for k in range(indptr[row], indptr[row + 1]):
        user = indices[k]
        for other in by_user_indices[by_user_indptr[user] : by_user_indptr[user + 1]]:
            shared[0, np.uint32(other)] += 1  # unsigned indices need no check for negative ones
