"""Items seen by the same users: each item's nearest neighbours, and what they say of a user."""

import numpy as np
from numba import njit, prange

from movierec.kernels.scoring import keep_best
from movierec.kernels.tiles import TILE, any_above


@njit(cache=True, parallel=True)
def nearest_items(indptr, indices, by_user_indptr, by_user_indices, neighbours, cosines):
    """The items whose users are most nearly the same, by the cosine of the two sets of users.

    indptr, indices: CSR of the users of each item; by_user_…: of the items of each user.
    neighbours (n_items, n) int32 and cosines (n_items, n), filled with −1 and 0, are written: the
    nearest first, itself not among them; they keep those where fewer items share a user.
    """
    n_items = len(indptr) - 1
    whole_tiles = (n_items + TILE - 1) // TILE * TILE
    scale = np.zeros(whole_tiles, cosines.dtype)
    for item in range(n_items):
        if indptr[item + 1] > indptr[item]:
            scale[item] = 1 / np.sqrt(np.float64(indptr[item + 1] - indptr[item]))
    for item in prange(n_items):
        shared = np.zeros((1, whole_tiles), cosines.dtype)
        for k in range(indptr[item], indptr[item + 1]):
            user = indices[k]
            for other in by_user_indices[by_user_indptr[user] : by_user_indptr[user + 1]]:
                shared[0, np.uint32(other)] += 1  # unsigned: no look whether it counts from the end
        for other in range(whole_tiles):
            shared[0, other] *= scale[item] * scale[other]
        shared[0, item] = 0
        for start in range(0, whole_tiles, TILE):
            if any_above(shared, 0, start, cosines[item, -1]):  # rare, once the list is full
                keep_best(shared[0, start : start + TILE], start, cosines[item], neighbours[item])


@njit(cache=True, parallel=True)
def sum_neighbours(indptr, indices, neighbours, cosines, scores):
    """Add to scores (n_rows, n_items) of each row the cosines of its items' neighbours."""
    for row in prange(len(indptr) - 1):
        for k in range(indptr[row], indptr[row + 1]):
            item = indices[k]
            for place in range(neighbours.shape[1]):
                if neighbours[item, place] >= 0:
                    scores[row, neighbours[item, place]] += cosines[item, place]
