"""Predictions: of given pairs, their squared errors by row, and each user's best items."""

import numpy as np
from numba import njit, prange

from movierec.kernels.tiles import TILE, add_product, dot

# Items scored at a time: 16 users × 512 items are 32 kB, so that choosing reads the cache.
PANEL = 512


@njit(cache=True, parallel=True)
def predict_pairs(
    user_index, item_index, global_mean, user_factors, item_factors, user_biases, item_biases
):
    """The prediction of each (user, item) pair, unclipped: (n_pairs,)."""
    predicted = np.empty(len(user_index), user_factors.dtype)
    for pair in prange(len(user_index)):
        user, item = user_index[pair], item_index[pair]
        product = dot(user_factors, user, 0, item_factors, item, 0, user_factors.shape[1])
        predicted[pair] = global_mean + user_biases[user] + item_biases[item] + product
    return predicted


@njit(cache=True, parallel=True)
def squared_errors_by_row(
    indptr,
    indices,
    values,
    global_mean,
    row_factors,
    fixed_factors,
    row_biases,
    fixed_biases,
    low,
    high,
):
    """Sums of squared errors of each row's ratings: as predicted, and clipped to [low, high].

    Returns (n_rows, 2) float64, to be summed in the order of rows whatever the threads.
    """
    sums = np.zeros((len(indptr) - 1, 2))
    for row in prange(len(indptr) - 1):
        for k in range(indptr[row], indptr[row + 1]):
            column = indices[k]
            product = dot(row_factors, row, 0, fixed_factors, column, 0, row_factors.shape[1])
            predicted = global_mean + row_biases[row] + fixed_biases[column] + product
            error = np.float64(values[k] - predicted)
            clipped = np.float64(values[k] - min(max(predicted, low), high))
            sums[row, 0] += error * error
            sums[row, 1] += clipped * clipped
    return sums


@njit(cache=True)
def keep_best(scores, first_item, best_scores, best_items):
    """Insert the better ones of some consecutive items' scores into a list of the best, falling.

    Equal scores keep the lower item index first.
    """
    n = len(best_scores)
    least = best_scores[n - 1]
    for k in range(len(scores)):
        score = scores[k]
        if score > least:
            place = n - 1
            while place > 0 and best_scores[place - 1] < score:
                best_scores[place] = best_scores[place - 1]
                best_items[place] = best_items[place - 1]
                place -= 1
            best_scores[place] = score
            best_items[place] = first_item + k
            least = best_scores[n - 1]


@njit(cache=True)
def top_n_of_tile(
    first_user, user_factors, item_factors, item_scores, seen_indptr, seen_indices, items, scores
):
    """The best items of TILE users, panel by panel of items."""
    n_factors, n_items = item_factors.shape
    in_tile = min(TILE, len(items) - first_user)
    panel = np.empty((TILE, PANEL), user_factors.dtype)
    next_seen = seen_indptr[first_user : first_user + in_tile].copy()
    for start in range(0, n_items, PANEL):
        length = min(PANEL, n_items - start)
        for k in range(TILE):
            for j in range(length):
                panel[k, j] = item_scores[start + j]
        for j in range(0, length, TILE):
            add_product(panel, 0, j, user_factors, first_user, item_factors, start + j, n_factors)
        for k in range(in_tile):
            user = first_user + k
            seen = next_seen[k]
            while seen < seen_indptr[user + 1] and seen_indices[seen] < start + length:
                panel[k, seen_indices[seen] - start] = -np.inf
                seen += 1
            next_seen[k] = seen
            keep_best(panel[k, :length], start, scores[user], items[user])


@njit(cache=True, parallel=True)
def top_n_items(user_factors, item_factors, item_scores, seen_indptr, seen_indices, items, scores):
    """The best unseen items of each user by user · item + item_scores, best first.

    user_factors (n_factors, n_users) and item_factors (n_factors, n_items), transposed, and
    item_scores (n_items,) are padded to whole tiles; an item of score −inf is never chosen.
    seen_indptr, seen_indices: CSR of the items each user has seen, rising within a user.
    items (n_users, n) int32 and scores (n_users, n), filled with −1 and −inf, are written and keep
    those where a user has no more.
    """
    for tile in prange((len(items) + TILE - 1) // TILE):
        top_n_of_tile(
            tile * TILE,
            user_factors,
            item_factors,
            item_scores,
            seen_indptr,
            seen_indices,
            items,
            scores,
        )
