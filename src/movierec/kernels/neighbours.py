"""Items seen by the same users: each item's nearest neighbours, and what they say of a user."""

import numpy as np
from numba import njit, prange

from movierec.kernels.scoring import keep_best


@njit(cache=True, parallel=True)
def nearest_items(indptr, indices, by_user_indptr, by_user_indices, neighbours, cosines):
    """The items whose users are most nearly the same, by the cosine of the two sets of users.

    indptr, indices: CSR of the users of each item; by_user_…: of the items of each user.
    neighbours (n_items, n) int32 and cosines (n_items, n), filled with −1 and 0, are written: the
    nearest first, itself not among them; they keep those where fewer items share a user.
    """
    n_items = len(indptr) - 1
    for item in prange(n_items):
        shared = np.zeros(n_items, cosines.dtype)
        for k in range(indptr[item], indptr[item + 1]):
            user = indices[k]
            for j in range(by_user_indptr[user], by_user_indptr[user + 1]):
                shared[by_user_indices[j]] += 1
        n_users = indptr[item + 1] - indptr[item]
        for other in range(n_items):
            if shared[other] > 0:
                shared[other] /= np.sqrt(np.float64(n_users) * (indptr[other + 1] - indptr[other]))
        shared[item] = 0
        keep_best(shared, 0, cosines[item], neighbours[item])


@njit(cache=True, parallel=True)
def sum_neighbours(indptr, indices, neighbours, cosines, scores):
    """Add to scores (n_rows, n_items) of each row the cosines of its items' neighbours."""
    for row in prange(len(indptr) - 1):
        for k in range(indptr[row], indptr[row + 1]):
            item = indices[k]
            for place in range(neighbours.shape[1]):
                if neighbours[item, place] >= 0:
                    scores[row, neighbours[item, place]] += cosines[item, place]
