"""The row solver: the posterior mean of many rows (users or items), the other side held fixed.

A row's ratings are modelled as r = global_mean + fixed_bias + row · (fixed_factors, 1), the row
being its factors and, last, its bias. With a Gaussian prior the row's posterior is Gaussian:

    precision  P = Λ + Σ f fᵀ        f = (fixed_factors, 1), summed over the row's ratings
    rhs        b = Λ m₀ + Σ f (r − global_mean − fixed_bias)
    mean       m = P⁻¹ b

in units of the rating precision λ. P is kept with b as one more column, the *system*:

    rows 0 … width−1    the factors' part of P (upper triangle)
    row  width          the bias row of P: Σ factors, and at column `width` its diagonal
    row  width+1        the rhs: Σ f residual, and at column `width` the bias' own

`width` is n_factors rounded up to a multiple of LANES; what pads it are factors 0 of precision 1.
"""

import numpy as np
from numba import prange

from movierec.kernels.compilation import kernel
from movierec.kernels.tiles import (
    HALF,
    LANES,
    TILE,
    add_corner,
    add_product,
    add_product_fetching,
    add_sums,
    add_upper,
    add_upper_fetching,
    add_wide_sums,
    dot,
    factor_tile,
    gather_row,
    solve_sums,
    solve_tile,
    substitute_back,
    subtract_corner,
    subtract_product,
    subtract_sums,
    subtract_upper,
)

# Ratings gathered at a time. 128 rows of 64 floats are 32 kB, so tiles read them from the cache.
BLOCK = 128
# How many ratings ahead of the one copied a fixed row is fetched from memory.
AHEAD = 16


@kernel
def gather(block, weights, indices, values, start, n, fixed_factors, fixed_biases, global_mean):
    """Copy the fixed rows of n ratings side by side, and their weights: 1, and the residual."""
    last = len(indices) - 1
    for k in range(n):
        column = indices[start + k]
        gather_row(block, k, fixed_factors, column, indices[min(start + k + AHEAD, last)])
        weights[1, k] = values[start + k] - global_mean - fixed_biases[column]


@kernel
def add_ratings(system, start, block, weights, n, fixed, indices, later):
    """The system of a row: that of `start` and n gathered ratings.

    Meanwhile the first tile row fetches the fixed rows of the n ratings from `later` on.
    """
    width = block.shape[1]
    residuals = dot(weights, 0, 0, weights, 1, 0, n)
    system[width, width] = start[width, width] + n
    system[width + 1, width] = start[width + 1, width] + residuals
    n_wide = width - width % (4 * TILE)
    for j in range(0, n_wide, 4 * TILE):
        add_wide_sums(system, start, width, j, weights, 0, block, j, n)
    for j in range(n_wide, width, TILE):
        add_sums(system, start, width, j, weights, 0, block, j, n)
    if width:
        add_upper_fetching(system, start, 0, 0, block, 0, block, 0, n, fixed, 0, indices, later)
        add_corner(system, start, HALF, HALF, block, HALF, block, HALF, n)
    for j in range(TILE, width, TILE):
        add_product_fetching(system, start, 0, j, block, 0, block, j, n, fixed, j, indices, later)
    for i in range(TILE, width, TILE):
        add_upper(system, start, i, i, block, i, block, i, n)
        add_corner(system, start, i + HALF, i + HALF, block, i + HALF, block, i + HALF, n)
        for j in range(i + TILE, width, TILE):
            add_product(system, start, i, j, block, i, block, j, n)


@kernel
def factor(system, width):
    """Cholesky of the factors' part, U, tile by tile; the two last rows come to them times U⁻¹.

    Left-looking: a tile row takes all earlier tile rows at once, then is solved in registers.
    """
    for i in range(0, width, TILE):
        subtract_upper(system, system, i, i, system, i, system, i, i)
        subtract_corner(system, system, i + HALF, i + HALF, system, i + HALF, system, i + HALF, i)
        for j in range(i + TILE, width, TILE):
            subtract_product(system, system, i, j, system, i, system, j, i)
        subtract_sums(system, system, width, i, system, width, system, i, i)
        factor_tile(system, i)
        for j in range(i + TILE, width, TILE):
            solve_tile(system, i, j)
        solve_sums(system, width, i)


@kernel(error_model="numpy")
def substitute(system, width, noise, row, solution):
    """The solution out of a factored system: the bias first, then the factors backwards.

    With R the Cholesky factor and y = R⁻ᵀ rhs it is R⁻¹ y; with the row's noise z, R⁻¹ (y + z).
    Returns whether there is one; a precision of 0 divides to infinity or NaN, without an error.
    """
    last = width + 1
    precision = system[width, width] - dot(system, width, 0, system, width, 0, width)
    bias = (system[last, width] - dot(system, last, 0, system, width, 0, width)) / precision
    drawn, n_factors = row < len(noise), noise.shape[1] - 1
    if drawn:
        bias += noise[row, n_factors] / np.sqrt(precision)
    for i in range(width):
        solution[0, i] = system[last, i] - bias * system[width, i]
    if drawn:
        for i in range(n_factors):
            solution[0, i] += noise[row, i]
    for i in range(width - LANES, -1, -LANES):
        substitute_back(system, i, width, solution)
    solution[0, width] = bias
    return precision > 0


@kernel
def solve_run(
    first,
    last,
    indptr,
    indices,
    values,
    fixed_factors,
    fixed_biases,
    global_mean,
    prior_system,
    prior_per_rating,
    noise,
    same_noise,
    factors,
    biases,
):
    """Solve rows first … last − 1, one after the other."""
    width = fixed_factors.shape[1]
    block = np.empty((BLOCK, width), fixed_factors.dtype)
    weights = np.ones((2, BLOCK), fixed_factors.dtype)
    system = np.empty_like(prior_system)
    solution = np.empty((1, width + 1), fixed_factors.dtype)
    for row in range(first, last):
        start, stop = indptr[row], indptr[row + 1]
        before = prior_system
        for first in range(start, max(stop, start + 1), BLOCK):
            n = min(BLOCK, stop - first)
            gather(
                block,
                weights,
                indices,
                values,
                first,
                n,
                fixed_factors,
                fixed_biases,
                global_mean,
            )
            later = first + n
            add_ratings(system, before, block, weights, n, fixed_factors, indices, later)
            before = system
        for i in range(width + 1):
            system[i, i] += (stop - start) * prior_per_rating[i]
        factor(system, width)
        for draw in range(factors.shape[1]):
            positive = substitute(system, width, noise, draw if same_noise else row, solution)
            for i in range(factors.shape[2]):
                factors[row, draw, i] = solution[0, i]
            biases[row, draw] = solution[0, width] if positive else np.nan


@kernel(parallel=True, nogil=True)  # a block is read meanwhile
def solve_rows(runs, *arguments):
    """Solve all rows, runs[k] … runs[k + 1] − 1 by one thread; no row depends on another.

    arguments: indptr, indices, values: the rows' ratings as CSR.
    fixed_factors (n_fixed, width), fixed_biases (n_fixed,): the side held fixed, padded.
    global_mean: a scalar of their dtype.
    prior_system (width + 2, width + TILE): the system of a row without ratings.
    prior_per_rating (width + 1,): what the diagonal of P gains with each rating.
    noise (n_rows or 0, n_factors + 1): what is drawn about the mean, before R⁻¹; or nothing.
    same_noise: whether draw k of every row has noise k; otherwise each row has its own.
    factors (n_rows, n_draws, n_factors), biases (n_rows, n_draws): written. A row that has no
    solution, since its matrix is not positive definite, gets NaN as its bias.
    """
    for run in prange(len(runs) - 1):
        solve_run(runs[run], runs[run + 1], *arguments)
