"""Solve for the posterior mean of many rows (users or items) while the other side is fixed.

A row is its factors followed by its bias. Its ratings are modelled as

    r = global_mean + fixed_bias + row · (fixed_factors, 1)

With a third side, fixed_factors are the sum of the fixed row and of the third one; `values` are
then residuals of everything but row · (fixed_factors, 1).

With a Gaussian prior, the row's posterior is Gaussian:

    precision  P = Λ + Σ f fᵀ        f = (fixed_factors, 1), summed over the row's ratings
    rhs        b = Λ m₀ + Σ f (r − global_mean − fixed_bias)
    mean       m = P⁻¹ b

in units of the rating precision λ. P and b are stored together as the *system*:

    rows 0 … width−1    the factors' part of P (upper triangle)
    row  width          the bias row of P: Σ factors, and at column `width` its diagonal
    row  width+1        b: Σ f residual, and at column `width` the bias' entry

`width` is n_factors rounded up to a multiple of LANES; the padding factors are 0, with precision 1.
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

# Ratings gathered at a time. 128 rows of 64 floats are 32 kB and fit the first-level cache.
BLOCK = 128
# How many ratings ahead the fixed rows are prefetched.
AHEAD = 16


@kernel
def gather(
    block,
    weights,
    indices,
    values,
    start,
    n,
    fixed_factors,
    fixed_biases,
    global_mean,
    third,
    third_factors,
):
    """Copy the fixed rows of n ratings into `block`, and their residuals into weights[1].

    The rows of the third side, if there is one, are added.
    """
    last = len(indices) - 1
    for k in range(n):
        column = indices[start + k]
        gather_row(block, k, fixed_factors, column, indices[min(start + k + AHEAD, last)])
        weights[1, k] = values[start + k] - global_mean - fixed_biases[column]
    if len(third):
        for k in range(n):
            row = third[start + k]
            if row >= 0:
                for c in range(block.shape[1]):
                    block[k, c] += third_factors[row, c]


@kernel
def add_ratings(system, start, block, weights, n, fixed, indices, later):
    """Write `start` plus the contributions of n gathered ratings to a row's system.

    Meanwhile the first tile row prefetches the fixed rows of the n ratings from `later` on.
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
    """Cholesky-factor the factors' part into U, in place, and multiply the last two rows by U⁻¹.

    Left-looking: a tile row subtracts all earlier tile rows, then is solved in registers.
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
    """Solve a factored system by back substitution: the bias first, then the factors.

    The solution is R⁻¹ y, with R the Cholesky factor and y = R⁻ᵀ b, or R⁻¹ (y + z) with noise z.
    Returns whether there is a solution. Division by a precision of 0 gives infinity or NaN.
    """
    last = width + 1
    precision = system[width, width] - dot(system, width, 0, system, width, 0, width)
    bias = (system[last, width] - dot(system, last, 0, system, width, 0, width)) / precision
    has_noise, n_factors = row < len(noise), noise.shape[1] - 1
    if has_noise:
        bias += noise[row, n_factors] / np.sqrt(precision)
    for i in range(width):
        solution[0, i] = system[last, i] - bias * system[width, i]
    if has_noise:
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
    third,
    third_factors,
    prior_system,
    prior_per_rating,
    noise,
    same_noise,
    factors,
    biases,
):
    """Solve rows first … last − 1, one after the other. Arguments: as of solve_rows."""
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
                third,
                third_factors,
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


@kernel(parallel=True, nogil=True)  # so that the next block can be read meanwhile
def solve_rows(runs, *arguments):
    """Solve all rows in parallel; one thread solves rows runs[k] … runs[k + 1] − 1.

    arguments: indptr, indices, values: the rows' ratings as CSR.
    fixed_factors (n_fixed, width), fixed_biases (n_fixed,): the side held fixed, padded.
    global_mean: a scalar of their dtype.
    third (n_ratings or 0,), third_factors (n_third, width): of each rating, a row that is added to
    its fixed one, padded as well; −1: none.
    prior_system (width + 2, width + TILE): the system of a row without ratings.
    prior_per_rating (width + 1,): added to the diagonal of P for each rating.
    noise (n_rows or n_draws or 0, n_factors + 1): z, to sample instead of taking the mean.
    same_noise: whether draw k uses noise[k] for every row; otherwise row r uses noise[r].
    factors (n_rows, n_draws, n_factors), biases (n_rows, n_draws): written. A row whose matrix is
    not positive definite gets NaN as its bias.
    """
    for run in prange(len(runs) - 1):
        solve_run(runs[run], runs[run + 1], *arguments)
