"""Predict ratings of pairs, sum their errors by row, and find each user's best items."""

import numpy as np
from numba import prange

from movierec.kernels.compilation import kernel
from movierec.kernels.scheduling import RUNS, even_runs
from movierec.kernels.tiles import TILE, add_product, any_above, dot

# Users and items scored at a time: 64 factors of 512 items and their scores for 64 users are
# 128 kB each, so both stay in the second-level cache.
GROUP, PANEL = 64, 512


@kernel(parallel=True)
def predict_pairs(
    user_index,
    item_index,
    global_mean,
    user_factors,
    item_factors,
    user_biases,
    item_biases,
    days,
    day_factors,
    day_biases,
    day_share,
):
    """The unclipped prediction of each (user, item) pair: (n_pairs,).

    days (n_pairs or 0,): the row of each pair's day, −1 for none. day_share: what the product of
    an item and a day is multiplied by.
    """
    predicted = np.empty(len(user_index), user_factors.dtype)
    for pair in prange(len(user_index)):
        user, item = user_index[pair], item_index[pair]
        product = dot(user_factors, user, 0, item_factors, item, 0, user_factors.shape[1])
        predicted[pair] = global_mean + user_biases[user] + item_biases[item] + product
        if len(days) and days[pair] >= 0:
            day = days[pair]
            of_user = dot(user_factors, user, 0, day_factors, day, 0, user_factors.shape[1])
            of_item = dot(item_factors, item, 0, day_factors, day, 0, user_factors.shape[1])
            predicted[pair] += day_biases[day] + of_user + day_share * of_item
    return predicted


@kernel(parallel=True, nogil=True)  # so that the next block can be read meanwhile
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
    third,
    third_factors,
    third_biases,
    third_share,
    totals,
    n_samples,
):
    """Sum four errors over each row's ratings: (n_rows, 4) float64.

    Column 0: squared error of this model. Columns 1 to 3, of the mean of samples: squared and
    absolute error of predictions clipped to [low, high], and squared error unclipped.
    third (n_values or 0,): the row of a third side for each value, −1 for none; third_share: what
    its product with the fixed row is multiplied by.
    totals (n_values,) float64: the sum of the earlier samples' predictions, to which those of this
    one, the n_samples-th, are added in place. Empty: this model is the only sample.
    Add up the rows by data/tree_sums.py, whose result does not depend on the division of work.
    """
    sums = np.zeros((len(indptr) - 1, 4))
    runs = even_runs(indptr)
    for run in prange(RUNS):
        for row in range(runs[run], runs[run + 1]):
            for k in range(indptr[row], indptr[row + 1]):
                column = indices[k]
                product = dot(row_factors, row, 0, fixed_factors, column, 0, row_factors.shape[1])
                predicted = global_mean + row_biases[row] + fixed_biases[column] + product
                if len(third) and third[k] >= 0:
                    also, width = third[k], row_factors.shape[1]
                    product = dot(row_factors, row, 0, third_factors, also, 0, width)
                    of_fixed = dot(fixed_factors, column, 0, third_factors, also, 0, width)
                    product += third_share * of_fixed
                    predicted += third_biases[also] + product
                error = np.float64(values[k] - predicted)
                if len(totals):
                    totals[k] += predicted
                    mean = totals[k] / n_samples
                    clipped = values[k] - min(max(mean, low), high)
                    plain = values[k] - mean
                else:
                    plain = error
                    clipped = np.float64(values[k] - min(max(predicted, low), high))
                sums[row, 0] += error * error
                sums[row, 1] += clipped * clipped
                sums[row, 2] += abs(clipped)
                sums[row, 3] += plain * plain
    return sums


@kernel(parallel=True)
def residuals_by_row(
    indptr,
    indices,
    values,
    row_factors,
    fixed_factors,
    row_biases,
    third,
    third_factors,
    third_biases,
):
    """Each value minus its row's bias and the product of the factors: (n_values,).

    third: as in squared_errors_by_row. What its row explains together with the other two is
    subtracted, too.
    """
    residuals = np.empty(len(values), row_factors.dtype)
    runs = even_runs(indptr)
    for run in prange(RUNS):
        for row in range(runs[run], runs[run + 1]):
            for k in range(indptr[row], indptr[row + 1]):
                column = indices[k]
                product = dot(row_factors, row, 0, fixed_factors, column, 0, row_factors.shape[1])
                residuals[k] = values[k] - (row_biases[row] + product)
                if len(third) and third[k] >= 0:
                    also, width = third[k], row_factors.shape[1]
                    product = dot(row_factors, row, 0, third_factors, also, 0, width)
                    product += dot(fixed_factors, column, 0, third_factors, also, 0, width)
                    residuals[k] -= third_biases[also] + product
    return residuals


@kernel
def keep_best(scores, first_item, best_scores, best_items):
    """Merge the scores of consecutive items into a list of the best, in descending order.

    first_item: the item of scores[0]. Of equal scores, the lower item index comes first.
    """
    n = len(best_scores)
    lowest = best_scores[n - 1]
    for k in range(len(scores)):
        score = scores[k]
        if score > lowest:
            place = n - 1
            while place > 0 and best_scores[place - 1] < score:
                best_scores[place] = best_scores[place - 1]
                best_items[place] = best_items[place - 1]
                place -= 1
            best_scores[place] = score
            best_items[place] = first_item + k
            lowest = best_scores[n - 1]


@kernel
def pack(source, first, target):
    """Copy columns of source from `first` on into target, padded with 0."""
    for k in range(len(target)):
        row = source[k, first : first + target.shape[1]]
        for j in range(target.shape[1]):
            target[k, j] = row[j] if j < len(row) else 0


@kernel
def add_weights(indices, values, others, weights, scores):
    """Add to scores what a user's items contribute to their others: value · weight."""
    for k in range(len(indices)):
        item, value = indices[k], values[k]
        for place in range(others.shape[1]):
            if others[item, place] < 0:
                break
            scores[others[item, place]] += value * weights[item, place]


@kernel(parallel=True)
def scores_by_weights(indptr, indices, values, others, weights, scores):
    """Do add_weights for each row of a CSR of users' items; scores (n_rows, n_items)."""
    for row in prange(len(indptr) - 1):
        of_row = slice(indptr[row], indptr[row + 1])
        add_weights(indices[of_row], values[of_row], others, weights, scores[row])


@kernel(parallel=True)
def product(left, right):
    """leftᵀ · right, whose columns fill whole tiles: (columns of left, columns of right)."""
    out = np.zeros((left.shape[1], right.shape[1]), right.dtype)
    for tile in prange(right.shape[1] // TILE):
        for i in range(0, left.shape[1], TILE):
            add_product(out, out, i, tile * TILE, left, i, right, tile * TILE, len(left))
    return out


@kernel
def may_enter(panel, i, j, n_users, needed, user_lengths, item_length):
    """Whether one of the scores panel[i : i + TILE, j : j + TILE] may become one of the best.

    What is still to be added to it is at most the product of the two lengths. needed (GROUP,):
    what each user's scores have to exceed, less the error of rounding.
    """
    for k in range(i, min(i + TILE, n_users)):
        if any_above(panel, k, j, needed[k] - user_lengths[k] * item_length):
            return True
    return False


@kernel
def less_error(lowest, rounding, error):
    """The lowest score of a list, less what rounding may add to another score."""
    return lowest - rounding * abs(lowest) - error


@kernel
def top_n_of_group(
    first_user,
    user_factors,
    item_factors,
    item_scores,
    n_first,
    user_lengths,
    item_lengths,
    indptr,
    indices,
    values,
    regressed,
    chosen,
    others,
    weights,
    place,
    seen_indptr,
    seen_indices,
    items,
    scores,
):
    """Find the best items of GROUP users, one panel of items at a time to use the cache.

    Returns the number of multiplications.
    """
    n_factors, n_items = item_factors.shape
    n, dtype = scores.shape[1], user_factors.dtype
    in_group = min(GROUP, len(items) - first_user)
    lengths = user_lengths[:, first_user : first_user + GROUP]
    left = np.empty((n_factors, GROUP), dtype)
    right = np.empty((n_factors, PANEL), dtype)
    panel = np.empty((GROUP, PANEL), dtype)
    needed, error = np.empty(GROUP, dtype), np.empty(GROUP, dtype)
    rounding = dtype.type(2 * (n_factors + 4) * np.finfo(dtype).eps)
    next_seen = seen_indptr[first_user : first_user + in_group].copy()
    by_weights = np.zeros((in_group, others.shape[0]), dtype)
    for k in range(in_group):
        of_user = slice(indptr[first_user + k], indptr[first_user + k + 1])
        add_weights(indices[of_user], values[of_user], others, weights, by_weights[k])
    next_regressed = n_products = 0
    pack(user_factors, first_user, left)
    for start in range(0, n_items, PANEL):
        length = min(PANEL, n_items - start)
        first_regressed = next_regressed
        while next_regressed < len(regressed) and regressed[next_regressed] < start + length:
            next_regressed += 1
        of_panel = item_scores[start : start + length]
        longest = item_lengths[0, start // TILE : (start + length) // TILE].max()
        highest, is_needed = of_panel.max(), first_regressed < next_regressed
        for k in range(in_group):
            size = lengths[0, k] * longest
            error[k] = 2 * rounding * size
            needed[k] = less_error(scores[first_user + k, n - 1], rounding, error[k])
            is_needed |= highest + size > needed[k]
        if not is_needed:
            continue
        for k in range(GROUP):
            for j in range(length):
                panel[k, j] = of_panel[j]
        for k in range(in_group):
            for number in range(first_regressed, next_regressed):
                panel[k, regressed[number] - start] += by_weights[k, chosen[number]]
            seen, end = next_seen[k], seen_indptr[first_user + k + 1]
            while seen < end and place[seen_indices[seen]] < start + length:
                if place[seen_indices[seen]] >= start:
                    panel[k, place[seen_indices[seen]] - start] = -np.inf
                seen += 1
            next_seen[k] = seen
        is_packed = False
        for i in range(0, in_group, TILE):
            for j in range(0, length, TILE):
                tile = (start + j) // TILE
                scored = panel, i, j, in_group, needed
                if not may_enter(*scored, lengths[0], item_lengths[0, tile]):
                    continue
                if not is_packed:
                    pack(item_factors, start, right)
                    is_packed = True
                add_product(panel, panel, i, j, left, i, right, j, n_first)
                n_products += n_first
                if not may_enter(*scored, lengths[1], item_lengths[1, tile]):
                    continue
                rest = n_factors - n_first
                add_product(panel, panel, i, j, left[n_first:], i, right[n_first:], j, rest)
                n_products += rest
                for k in range(i, min(i + TILE, in_group)):
                    user = first_user + k
                    if any_above(panel, k, j, scores[user, n - 1]):
                        keep_best(panel[k, j : j + TILE], start + j, scores[user], items[user])
                        needed[k] = less_error(scores[user, n - 1], rounding, error[k])
    return n_products * TILE * TILE


@kernel(parallel=True)
def top_n_items(
    user_factors,
    item_factors,
    item_scores,
    n_first,
    user_lengths,
    item_lengths,
    indptr,
    indices,
    values,
    regressed,
    chosen,
    others,
    weights,
    place,
    seen_indptr,
    seen_indices,
    items,
    scores,
):
    """Find the best unseen items of each user by user · item + item_scores + weights, best first.

    user_factors (n_factors, n_users), item_factors (n_factors, n_items): transposed and, like
    item_scores (n_items,), padded to full tiles. An item with score −inf is never chosen.

    A tile of users and items is left out as soon as none of its scores can enter a list: before any
    product, or after that of the first n_first factors. user_lengths (2, n_users), item_lengths
    (2, n_tiles): of all factors, and of those after the first; of the items, a tile's maxima.

    indptr, indices, values: CSR of the users' items in the regression. others, weights: as of
    add_weights. regressed: the items here, ascending, to which they add; chosen: the place of each
    in the regression.
    place: where each item of seen_indices stands here, ascending, or −1. seen_indptr, seen_indices:
    CSR of what each user has seen, ascending within a user.
    items (n_users, n) int32, filled with −1, and scores (n_users, n), filled with −inf: written;
    places stay unchanged if a user has fewer than n candidates.
    Returns the number of multiplications.
    """
    n_products = 0
    for group in prange((len(items) + GROUP - 1) // GROUP):
        n_products += top_n_of_group(
            group * GROUP,
            user_factors,
            item_factors,
            item_scores,
            n_first,
            user_lengths,
            item_lengths,
            indptr,
            indices,
            values,
            regressed,
            chosen,
            others,
            weights,
            place,
            seen_indptr,
            seen_indices,
            items,
            scores,
        )
    return n_products


@kernel(parallel=True)
def best_of_rows(all_scores, seen_indptr, seen_indices, items, scores):
    """Find the best unseen items of each row of all_scores (n_rows, n_items), which is overwritten.

    The other arguments are those of top_n_items.
    """
    for row in prange(len(all_scores)):
        for k in range(seen_indptr[row], seen_indptr[row + 1]):
            all_scores[row, seen_indices[k]] = -np.inf
        keep_best(all_scores[row], 0, scores[row], items[row])
