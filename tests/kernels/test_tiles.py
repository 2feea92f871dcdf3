"""Steps on tiles equal the reference implementations, and change only their tile."""

import numpy as np
import pytest

from movierec.kernels import tiles
from movierec.kernels.compilation import kernel
from movierec.kernels.tiles import HALF, LANES, TILE
from tests.helpers import reference_kernels

TOLERANCE = {"float32": 2e-4, "float64": 1e-11}
SOME = np.array([0, 39, 7], np.int32)  # rows to fetch, fewer than are asked for
pytestmark = pytest.mark.parametrize("dtype", TOLERANCE)


@kernel
def add_product(out, start, i, j, left, a, right, b, n):
    tiles.add_product(out, start, i, j, left, a, right, b, n)


@kernel
def subtract_product(out, start, i, j, left, a, right, b, n):
    tiles.subtract_product(out, start, i, j, left, a, right, b, n)


@kernel
def add_upper(out, start, i, j, left, a, right, b, n):
    tiles.add_upper(out, start, i, j, left, a, right, b, n)


@kernel
def add_corner(out, start, i, j, left, a, right, b, n):
    tiles.add_corner(out, start, i, j, left, a, right, b, n)


@kernel
def subtract_upper(out, start, i, j, left, a, right, b, n):
    tiles.subtract_upper(out, start, i, j, left, a, right, b, n)


@kernel
def subtract_corner(out, start, i, j, left, a, right, b, n):
    tiles.subtract_corner(out, start, i, j, left, a, right, b, n)


@kernel
def add_product_fetching(out, start, i, j, left, a, right, b, n):
    tiles.add_product_fetching(out, start, i, j, left, a, right, b, n, right, 1, SOME, 3)


@kernel
def add_upper_fetching(out, start, i, j, left, a, right, b, n):
    tiles.add_upper_fetching(out, start, i, j, left, a, right, b, n, right, 1, SOME, 3)


@kernel
def subtract_sums(out, start, i, j, left, a, right, b, n):
    tiles.subtract_sums(out, start, i, j, left, a, right, b, n)


@kernel
def add_sums(out, start, i, j, left, a, right, b, n):
    tiles.add_sums(out, start, i, j, left, a, right, b, n)


@kernel
def add_wide_sums(out, start, i, j, left, a, right, b, n):
    tiles.add_wide_sums(out, start, i, j, left, a, right, b, n)


@kernel
def gather_row(block, k, fixed, row, later):
    tiles.gather_row(block, k, fixed, row, later)


@kernel
def factor_tile(matrix, i):
    tiles.factor_tile(matrix, i)


@kernel
def solve_tile(matrix, i, j):
    tiles.solve_tile(matrix, i, j)


@kernel
def solve_sums(matrix, row, i):
    tiles.solve_sums(matrix, row, i)


@kernel
def substitute_back(matrix, i, n, solution):
    tiles.substitute_back(matrix, i, n, solution)


@kernel
def any_above(matrix, i, j, bound):
    return tiles.any_above(matrix, i, j, bound)


@kernel
def dot(left, i, a, right, j, b, n):
    return tiles.dot(left, i, a, right, j, b, n)


def normal(seed, shape, dtype):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def positive_definite(n, dtype):
    root = normal(5, (n, n), np.float64)
    return (root @ root.T + n * np.eye(n)).astype(dtype)


@pytest.mark.parametrize("n", [0, 1, 2, 37])
@pytest.mark.parametrize(
    ("step", "sign", "rows", "columns"),
    [
        (add_product, 1, TILE, TILE),
        (add_product_fetching, 1, TILE, TILE),
        (subtract_product, -1, TILE, TILE),
        (add_upper, 1, HALF, TILE),
        (add_upper_fetching, 1, HALF, TILE),
        (subtract_upper, -1, HALF, TILE),
        (add_corner, 1, HALF, HALF),
        (subtract_corner, -1, HALF, HALF),
        (add_sums, 1, 2, TILE),
        (subtract_sums, -1, 2, TILE),
        (add_wide_sums, 1, 2, 4 * TILE),
    ],
)
def test_product_is_added_to_one_tile(step, sign, rows, columns, n, dtype):
    out, start = (normal(seed, (TILE + 5, 4 * TILE + 3), dtype) for seed in (0, 4))
    left, right = normal(1, (37, TILE + 2), dtype), normal(2, (40, 4 * TILE + 7), dtype)
    across = "sums" not in step.__name__
    if not across:
        left = np.ascontiguousarray(left.T)
    if step.__name__.startswith("add") and not across:
        left[1] = 1  # counts as 1 whatever it is; here it is
    place = slice(4, 4 + rows), slice(2, 2 + columns)
    summed = reference_kernels.add_product(
        start, 4, 2, left, 1, right, 6, n, (rows, columns), sign, across
    )
    expected = out.copy()
    expected[place] = summed[place]
    step(out, start, 4, 2, left, 1, right, 6, n)
    np.testing.assert_allclose(out, expected, atol=TOLERANCE[dtype] * 10)


@pytest.mark.parametrize("place", [None, 0, TILE - 1])
def test_any_above_looks_at_one_vector(place, dtype):
    matrix = np.full((2, TILE + 4), 9, dtype)
    matrix[1, 3 : 3 + TILE] = -np.inf
    matrix[1, 4] = 1
    if place is not None:
        matrix[1, 3 + place] = 1.5
    assert any_above(matrix, 1, 3, matrix.dtype.type(1)) == (place is not None)


@pytest.mark.parametrize("width", [0, LANES, 3 * LANES])
def test_gather_copies_one_row(width, dtype):
    block, fixed = normal(0, (3, width), dtype), normal(1, (5, width), dtype)
    expected = block.copy()
    expected[1] = fixed[4]
    gather_row(block, 1, fixed, 4, 0)
    np.testing.assert_array_equal(block, expected)


def test_product_may_read_the_matrix_it_writes(dtype):
    """The row solver does so: a tile row reads earlier tile rows of the same matrix."""
    system = normal(3, (2 * TILE, 2 * TILE), dtype)
    expected = reference_kernels.add_product(
        system, TILE, TILE, system, TILE, system, TILE, TILE, (TILE, TILE), -1
    )
    subtract_product(system, system, TILE, TILE, system, TILE, system, TILE, TILE)
    np.testing.assert_allclose(system, expected, atol=TOLERANCE[dtype] * 10)


def test_factor_reads_the_upper_triangle_alone_and_inverts_the_diagonal(dtype):
    matrix = np.zeros((2 * TILE, 2 * TILE), dtype)
    tile = positive_definite(TILE, dtype)
    expected = reference_kernels.cholesky(tile)
    np.fill_diagonal(expected, 1 / np.diagonal(expected))
    tile[np.tril_indices(TILE, -1)] = 99
    matrix[TILE:, TILE:] = tile
    factor_tile(matrix, TILE)
    factored = np.triu(matrix[TILE:, TILE:])
    np.testing.assert_allclose(factored, expected, atol=TOLERANCE[dtype] * 10)
    assert not matrix[:TILE].any()
    assert not matrix[:, :TILE].any()


@pytest.mark.parametrize("place", [0, TILE // 2, TILE - 1])
def test_factor_of_a_tile_that_is_not_positive_definite_is_nan(place, dtype):
    tile = np.eye(TILE, dtype=dtype)
    tile[place, place] = -1
    factor_tile(tile, 0)
    assert np.isnan(tile[place, place])


def test_solve_replaces_a_tile(dtype):
    matrix = np.zeros((TILE, 3 * TILE), dtype)
    matrix[:, :TILE] = positive_definite(TILE, dtype)
    matrix[:, 2 * TILE :] = right = normal(6, (TILE, TILE), dtype)
    expected = reference_kernels.solve_transposed(
        reference_kernels.cholesky(matrix[:, :TILE]), right
    )
    factor_tile(matrix, 0)
    solve_tile(matrix, 0, 2 * TILE)
    np.testing.assert_allclose(matrix[:, 2 * TILE :], expected, atol=TOLERANCE[dtype])
    assert not matrix[:, TILE : 2 * TILE].any()


def test_solve_replaces_two_sums(dtype):
    tile = positive_definite(TILE, dtype)
    square = np.zeros((2 * TILE, 2 * TILE), dtype)
    square[TILE:, TILE:] = tile
    factor_tile(square, TILE)
    matrix = np.vstack((square, normal(6, (4, 2 * TILE), dtype)))
    expected = matrix.copy()
    sums = matrix[-3:-1, TILE:]
    expected[-3:-1, TILE:] = reference_kernels.solve_transposed(
        reference_kernels.cholesky(tile), sums.T
    ).T
    solve_sums(matrix, 2 * TILE + 1, TILE)
    np.testing.assert_allclose(matrix, expected, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("n_blocks", [1, 2, 4])
def test_substitution_goes_back_block_by_block(n_blocks, dtype):
    n = n_blocks * LANES
    upper = reference_kernels.cholesky(positive_definite(n, dtype)).astype(dtype)
    factored = upper + np.tril(np.full((n, n), 99, dtype), -1)
    np.fill_diagonal(factored, 1 / np.diagonal(upper))
    solution = normal(9, (1, n + 3), dtype)
    rest = solution[0, n:].copy()
    expected = reference_kernels.solve_upper(upper, solution[0, :n])
    for i in range(n - LANES, -1, -LANES):
        substitute_back(factored, i, n, solution)
    np.testing.assert_allclose(solution[0, :n], expected, atol=TOLERANCE[dtype])
    np.testing.assert_array_equal(solution[0, n:], rest)


@pytest.mark.parametrize("n", [0, 1, LANES - 1, LANES, LANES + 1, 3 * LANES + 5])
def test_dot_of_a_part_of_two_rows(n, dtype):
    left, right = normal(7, (3, n + 4), dtype), normal(8, (2, n + 9), dtype)
    expected = reference_kernels.dot(left[2, 3 : 3 + n], right[1, 5 : 5 + n])
    assert dot(left, 2, 3, right, 1, 5, n) == pytest.approx(expected, abs=TOLERANCE[dtype])
