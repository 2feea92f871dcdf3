"""Sums over rows: selected by a sparse matrix of ones, or in chunks of consecutive rows."""

import numpy as np
from numba import prange

from movierec.kernels.compilation import kernel
from movierec.kernels.scheduling import RUNS, even_runs
from movierec.kernels.tiles import HALF, LANES, TILE, add_upper, sum_selected


@kernel(parallel=True)
def sum_rows(indptr, indices, rows):
    """Row r of the result: Σ rows[indices[k]] over k = indptr[r] … indptr[r + 1] − 1, in order."""
    sums = np.empty((len(indptr) - 1, rows.shape[1]), rows.dtype)
    runs = even_runs(indptr)
    for run in prange(RUNS):
        last = runs[run + 1] if run < RUNS - 1 else len(sums)
        for row in range(runs[run], last):
            for column in range(0, rows.shape[1], LANES):
                sum_selected(sums, row, rows, column, indices, indptr[row], indptr[row + 1])
    return sums


@kernel
def row_sums(indptr, values):
    """The sum of each row's values, added in order: (n_rows,) float64."""
    sums = np.zeros(len(indptr) - 1)
    for row in range(len(sums)):
        for k in range(indptr[row], indptr[row + 1]):
            sums[row] += values[k]
    return sums


@kernel(parallel=True)
def chunk_sums(values, chunk):
    """Sums of values (n_rows, n_columns) over chunks of `chunk` rows: (n_chunks, n_columns)."""
    n_rows, n_columns = values.shape
    n_chunks = (n_rows + chunk - 1) // chunk
    sums = np.zeros((n_chunks, n_columns))
    for place in prange(n_chunks):
        for row in range(place * chunk, min(n_rows, (place + 1) * chunk)):
            for column in range(n_columns):
                sums[place, column] += values[row, column]
    return sums


@kernel(parallel=True)
def chunk_grams(rows, centre, chunk):
    """Σ d dᵀ over chunks of rows, d = row − centre: (n_chunks, n_columns, n_columns)."""
    n_rows, n_columns = rows.shape
    n_chunks, width = (n_rows + chunk - 1) // chunk, (n_columns + TILE - 1) // TILE * TILE
    sums = np.empty((n_chunks, n_columns, n_columns))
    for place in prange(n_chunks):
        first, n = place * chunk, min(chunk, n_rows - place * chunk)
        deviations = np.zeros((n, width))
        for row in range(n):
            for i in range(n_columns):
                deviations[row, i] = rows[first + row, i] - centre[i]
        gram = np.zeros((width, width))
        for j in range(0, width, TILE):
            for i in range(0, j + TILE, HALF):  # half tiles: doubles take twice the registers
                add_upper(gram, gram, i, j, deviations, i, deviations, j, n)
        for i in range(n_columns):
            for j in range(n_columns):
                sums[place, i, j] = gram[min(i, j), max(i, j)]
    return sums


@kernel(parallel=True)
def chunk_dots(left, right, chunk):
    """Dot products of corresponding columns over chunks of rows: (n_chunks, n_columns)."""
    n_rows, n_columns = left.shape
    n_chunks = (n_rows + chunk - 1) // chunk
    sums = np.zeros((n_chunks, n_columns))
    for place in prange(n_chunks):
        for row in range(place * chunk, min(n_rows, (place + 1) * chunk)):
            for column in range(n_columns):
                sums[place, column] += np.float64(left[row, column]) * right[row, column]
    return sums


@kernel(parallel=True)
def chunk_products(left, right, chunk):
    """leftᵀ · right over chunks of rows: (n_chunks, columns of left, columns of right)."""
    n_rows, n_columns = right.shape
    n_chunks = (n_rows + chunk - 1) // chunk
    sums = np.zeros((n_chunks, left.shape[1], n_columns))
    for place in prange(n_chunks):
        for row in range(place * chunk, min(n_rows, (place + 1) * chunk)):
            for i in range(left.shape[1]):
                value = np.float64(left[row, i])
                for j in range(n_columns):
                    sums[place, i, j] += value * right[row, j]
    return sums


@kernel(parallel=True)
def combine(rows, scale, vectors, weights):
    """scale · rows + vectors · weights, with one scale for each row: (n_rows, n_columns)."""
    n_rows, n_columns = rows.shape
    combined = np.empty_like(rows)
    for row in prange(n_rows):
        for column in range(n_columns):
            combined[row, column] = scale[row] * rows[row, column]
        for k in range(len(weights)):
            for column in range(n_columns):
                combined[row, column] += vectors[row, k] * weights[k, column]
    return combined


@kernel(parallel=True)
def quadratic_forms(rows, counts, precision, per_rating):
    """dᵀ (precision + count · diag(per_rating)) d for each row d: (n_rows,) float64."""
    n_rows, n_columns = rows.shape
    values = np.zeros(n_rows)
    first = np.zeros(n_columns, np.int64)  # bounds of the non-zeros in each row of the precision
    last = np.zeros(n_columns, np.int64)
    for i in range(n_columns):
        nonzero = np.flatnonzero(precision[i])
        if len(nonzero):
            first[i], last[i] = nonzero[0], nonzero[-1] + 1
    for row in prange(n_rows):
        product = np.zeros(n_columns)
        for i in range(n_columns):
            value = np.float64(rows[row, i])
            product[i] += counts[row] * per_rating[i] * value
            for j in range(first[i], last[i]):
                product[j] += precision[i, j] * value
        for i in range(n_columns):
            values[row] += product[i] * np.float64(rows[row, i])
    return values


@kernel(parallel=True)
def chunk_feature_sums(indptr, indices, rows, n_features, chunk):
    """Sums of the rows that have each feature, over chunks: (n_chunks, n_features, n_columns).

    indptr, indices: CSR of the features of each row.
    """
    n_rows, n_columns = rows.shape
    n_chunks = (n_rows + chunk - 1) // chunk
    sums = np.zeros((n_chunks, n_features, n_columns))
    for place in prange(n_chunks):
        for row in range(place * chunk, min(n_rows, (place + 1) * chunk)):
            for k in range(indptr[row], indptr[row + 1]):
                for column in range(n_columns):
                    sums[place, indices[k], column] += np.float64(rows[row, column])
    return sums
