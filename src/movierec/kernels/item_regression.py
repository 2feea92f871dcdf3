"""The closed form of item regression: the Gram matrix of the cells, and its inverse in place."""

import numpy as np
from numba import prange

from movierec.kernels.compilation import kernel
from movierec.kernels.scheduling import RUNS
from movierec.kernels.scoring import keep_best
from movierec.kernels.tiles import TILE, add_product, subtract_product

# Rows and columns updated at a time: with PIVOTS rows, both packed strips fit the second-level
# cache. The size of a matrix to invert is a multiple of all three.
PIVOTS, GROUP, PANEL = 128, 64, 128


@kernel(parallel=True)
def add_gram(indptr, users, cells, by_user_indptr, by_user_items, by_user_cells, gram):
    """Add Σ x xᵀ over users to the upper triangle of gram (n_items, n_items).

    indptr, users, cells: the cells x as CSR by item; by_user_…: the same by user. Both ascend, so
    each sum is taken in the order of the users.
    """
    n_items = len(indptr) - 1
    for run in prange(RUNS):  # items RUNS apart: the first ones have more others after them
        for item in range(run, n_items, RUNS):
            row = gram[item]
            for k in range(indptr[item], indptr[item + 1]):
                start, stop = by_user_indptr[users[k]], by_user_indptr[users[k] + 1]
                for place in range(stop - 1, start - 1, -1):
                    other = by_user_items[place]
                    if other < item:
                        break
                    row[np.uint32(other)] += cells[k] * by_user_cells[place]


@kernel
def invert_pivots(matrix, start, inverse):
    """Write the inverse of the diagonal block at `start` to `inverse`, (PIVOTS, PIVOTS) float64.

    Returns whether the block is positive definite.
    """
    for i in range(PIVOTS):
        inverse[i, i:] = matrix[start + i, start + i : start + PIVOTS]
        inverse[i:, i] = inverse[i, i:]
    for k in range(PIVOTS):  # Gauss-Jordan elimination; the k-th column becomes the inverse's
        pivot = inverse[k, k]
        if not pivot > 0:
            return False
        inverse[k, k] = 1
        inverse[k] /= pivot
        for i in range(PIVOTS):
            if i != k:
                factor = inverse[i, k]
                inverse[i, k] = 0
                inverse[i] -= factor * inverse[k]
    return True


@kernel
def pack_pivots(matrix, start, strips, first, stop):
    """Copy the columns first … stop − 1 of the pivots' rows of the symmetric matrix.

    Only its upper triangle is read. strips (n_strips, PIVOTS, width): written, column by column.
    """
    width = strips.shape[2]
    for column in range(first, stop):
        strip, place = column // width, column % width
        for k in range(PIVOTS):
            row = start + k
            value = matrix[row, column] if row <= column else matrix[column, row]
            strips[strip, k, place] = value


@kernel(parallel=True)
def sweep(matrix, start, inverse, rows, products):
    """Sweep one block of pivots out of the upper triangle of a symmetric matrix, in place.

    With the pivots' rows R, their block D and the rest A: D becomes −D⁻¹, R becomes D⁻¹ R and A
    becomes A − Rᵀ D⁻¹ R. inverse: D⁻¹, in the matrix's dtype. rows, products: working memory
    (n / GROUP, PIVOTS, GROUP) and (n / PANEL, PIVOTS, PANEL).
    """
    n_panels = len(matrix) // PANEL
    for panel in prange(n_panels):
        first = panel * PANEL
        right = np.empty((1, PIVOTS, PANEL), matrix.dtype)
        for strip in range(first // GROUP, (first + PANEL) // GROUP):
            pack_pivots(matrix, start, rows, strip * GROUP, (strip + 1) * GROUP)
        for k in range(PIVOTS):
            for place in range(PANEL):
                column = first + place
                right[0, k, place] = rows[column // GROUP, k, column % GROUP]
        products[panel] = 0
        for i in range(0, PIVOTS, TILE):
            for j in range(0, PANEL, TILE):
                add_product(products[panel], products[panel], i, j, inverse, i, right[0], j, PIVOTS)
    for task in prange(n_panels * (n_panels + 1) // 2):
        panel = np.int64((np.sqrt(8.0 * task + 1) - 1) / 2)
        block = task - panel * (panel + 1) // 2
        if panel * PANEL == start or block * PANEL == start:
            continue
        for strip in range(block * PANEL // GROUP, (block + 1) * PANEL // GROUP):
            for i in range(0, GROUP, TILE):
                for j in range(0, PANEL, TILE):
                    row, column = strip * GROUP + i, panel * PANEL + j
                    if row < column + TILE:
                        subtract_product(
                            matrix,
                            matrix,
                            row,
                            column,
                            rows[strip],
                            i,
                            products[panel],
                            j,
                            PIVOTS,
                        )
    for panel in prange(n_panels):
        for k in range(PIVOTS):
            for place in range(PANEL):
                column = panel * PANEL + place
                if column >= start + PIVOTS:
                    matrix[start + k, column] = products[panel, k, place]
                elif column < start:
                    matrix[column, start + k] = products[panel, k, place]
                elif column >= start + k:
                    matrix[start + k, column] = -inverse[k, place]


@kernel(parallel=True)
def largest_weights(negative_inverse, others, weights):
    """Each item's largest weights by size in the scores of other items: −P[j, i] / P[i, i].

    negative_inverse: −P, its upper triangle, as sweep leaves it. others (n_items, n) int32, filled
    with −1, and weights (n_items, n): written, in the order of the other items.
    """
    n_items, n = weights.shape
    for run in prange(RUNS):
        of_item = np.empty(n_items, weights.dtype)
        size = np.empty(n_items, weights.dtype)
        for item in range(run, n_items, RUNS):
            for other in range(n_items):
                low, high = min(item, other), max(item, other)
                of_item[other] = -negative_inverse[low, high] / negative_inverse[other, other]
                size[other] = abs(of_item[other])
            size[item] = 0
            sizes = np.zeros(n, weights.dtype)
            keep_best(size, 0, sizes, others[item])
            chosen = np.sort(others[item])
            place = 0
            for k in range(n):
                if chosen[k] >= 0:
                    others[item, place] = chosen[k]
                    weights[item, place] = of_item[chosen[k]]
                    place += 1
            others[item, place:] = -1
