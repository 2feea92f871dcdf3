"""The row solver: each row solves its own normal equations."""

import numpy as np
import pytest

from movierec.kernels.row_solver import BLOCK, add_ratings, factor, gather, solve_rows, substitute
from movierec.kernels.tiles import LANES, TILE
from tests.helpers import reference_kernels
from tests.helpers.random_data import csr_of_counts
from tests.helpers.threads import needs_two_threads, results_by_threads

N_FIXED = 2 * BLOCK + 20
COUNTS = np.array([0, 1, 2, 5, BLOCK - 1, BLOCK, BLOCK + 1, 0, 2 * BLOCK + 7])
GLOBAL_MEAN = 3.25
NO_THIRD = np.zeros(0, np.int32)
N_FACTORS = [0, 1, TILE - 1, TILE, TILE + 1, 40]
TOLERANCE = {"float32": 1e-3, "float64": 1e-10}


class Problem:
    """Random rows to solve, with a full precision matrix and a non-zero mean as prior."""

    def __init__(self, n_factors, dtype="float64", counts=COUNTS):
        rng = np.random.default_rng(n_factors)
        self.dtype, self.n_factors = np.dtype(dtype), n_factors
        self.width = -(-n_factors // LANES) * LANES
        self.ratings = csr_of_counts(n_factors, counts, N_FIXED)
        self.factors = rng.normal(0, 0.7, (N_FIXED, n_factors)).astype(dtype)
        self.biases = rng.normal(0, 0.5, N_FIXED).astype(dtype)
        root = rng.normal(0, 0.3, (n_factors + 1, n_factors + 1))
        self.precision = root @ root.T + 2 * np.eye(n_factors + 1)
        self.prior_mean = rng.normal(size=n_factors + 1)
        self.per_rating = rng.uniform(0, 0.1, n_factors + 1)

    @property
    def padded(self):
        return np.pad(self.factors, ((0, 0), (0, self.width - self.n_factors)))

    def prior_system(self):
        """The prior in the layout of the solver."""
        f, width = self.n_factors, self.width
        rhs = self.precision @ self.prior_mean
        system = np.zeros((width + 2, width + TILE), self.dtype)
        system[:f, :f] = np.triu(self.precision[:f, :f])
        system[range(f, width), range(f, width)] = 1
        system[width, :f], system[width, width] = self.precision[f, :f], self.precision[f, f]
        system[width + 1, :f], system[width + 1, width] = rhs[:f], rhs[f]
        return system

    def unpack(self, system):
        """P (n_factors + 1, n_factors + 1) and b of a system."""
        f, width = self.n_factors, self.width
        matrix = np.zeros((f + 1, f + 1))
        matrix[:f, :f] = np.triu(system[:f, :f]) + np.triu(system[:f, :f], 1).T
        matrix[f, :f] = matrix[:f, f] = system[width, :f]
        matrix[f, f] = system[width, width]
        return matrix, np.append(system[width + 1, :f], system[width + 1, width])

    def solve(self, runs=None, noise=None):
        rows, width = self.ratings.n_rows, self.width
        per_rating = np.zeros(width + 1, self.dtype)
        per_rating[: self.n_factors], per_rating[width] = self.per_rating[:-1], self.per_rating[-1]
        factors = np.full((rows, 1, self.n_factors), 99, self.dtype)
        biases = np.full((rows, 1), 99, self.dtype)
        solve_rows(
            np.arange(rows + 1) if runs is None else np.array(runs),
            self.ratings.indptr,
            self.ratings.indices,
            self.ratings.values,
            self.padded,
            self.biases,
            self.dtype.type(GLOBAL_MEAN),
            NO_THIRD,
            self.padded[:0],
            self.prior_system(),
            per_rating,
            np.empty((0, self.n_factors + 1), self.dtype) if noise is None else noise,
            False,
            factors,
            biases,
        )
        return np.column_stack((factors[:, 0], biases))

    def expected(self):
        return reference_kernels.solve_rows(
            self.ratings,
            self.factors,
            self.biases,
            GLOBAL_MEAN,
            self.precision,
            self.per_rating,
            self.prior_mean,
        )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n_factors", N_FACTORS)
def test_each_row_solves_its_normal_equations(n_factors, dtype):
    problem = Problem(n_factors, dtype)
    solved = problem.solve()
    assert solved.dtype == dtype
    np.testing.assert_allclose(solved, problem.expected(), atol=TOLERANCE[dtype])


@pytest.mark.parametrize("n_factors", [0, 3, TILE + 1])
def test_each_row_is_a_ridge_regression(n_factors):
    """The prior becomes additional rows of a least-squares problem."""
    problem = Problem(n_factors, counts=np.array([0, 1, 3, BLOCK + 1]))
    problem.per_rating[:] = 0
    ratings, root = problem.ratings, np.linalg.cholesky(problem.precision).T
    for row, solved in enumerate(problem.solve()):
        places = slice(ratings.indptr[row], ratings.indptr[row + 1])
        fixed, n = ratings.indices[places], ratings.counts[row]
        features = np.vstack((np.column_stack((problem.factors[fixed], np.ones(n))), root))
        residuals = ratings.values[places] - GLOBAL_MEAN - problem.biases[fixed]
        targets = np.append(residuals, root @ problem.prior_mean)
        expected = np.linalg.lstsq(features, targets)[0]
        np.testing.assert_allclose(solved, expected, atol=1e-10)


def test_a_row_without_ratings_is_the_prior_mean():
    problem = Problem(5, counts=np.array([0, 4, 0]))
    solved = problem.solve()
    np.testing.assert_allclose(solved[[0, 2]], [problem.prior_mean] * 2, atol=1e-12)
    assert not np.allclose(solved[1], problem.prior_mean, atol=1e-3)


def test_a_row_does_not_depend_on_the_run_it_is_in():
    problem = Problem(TILE + 1)
    alone = problem.solve()
    np.testing.assert_array_equal(problem.solve([0, len(COUNTS)]), alone)
    np.testing.assert_array_equal(problem.solve([0, 4, 5, len(COUNTS)]), alone)


def test_rows_outside_the_runs_are_left_alone():
    problem = Problem(2)
    solved = problem.solve([2, 5])
    np.testing.assert_array_equal(solved[[0, 1, 5, 6, 7, 8]], 99)
    np.testing.assert_allclose(solved[2:5], problem.expected()[2:5], atol=1e-10)


@needs_two_threads
def test_the_bits_do_not_depend_on_the_threads():
    problem = Problem(TILE + 1, "float32", np.arange(150))
    np.testing.assert_array_equal(*results_by_threads(problem.solve))


@pytest.mark.parametrize("n_factors", [0, 3, TILE + 1])
def test_a_matrix_that_is_not_positive_definite_gives_nan(n_factors):
    """For any bad entry of its diagonal, including the bias; other rows are unaffected."""
    for place in range(n_factors + 1):
        problem = Problem(n_factors, counts=np.array([3, 0, 3]))
        good = problem.solve()
        problem.per_rating[place] = -50  # spoils the rows with ratings
        solved = problem.solve()
        assert np.isnan(solved[[0, 2], -1]).all()
        np.testing.assert_array_equal(solved[1], good[1])


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # with the JIT off
@pytest.mark.parametrize("n_factors", [0, 3, TILE + 1])
def test_a_singular_matrix_gives_nan(n_factors):
    for place in range(n_factors + 1):
        problem = Problem(n_factors, counts=np.array([0, 0]))
        problem.precision = np.diag(np.arange(n_factors + 1) != place).astype(float)
        assert np.isnan(problem.solve()[:, -1]).all()


@pytest.mark.parametrize("n_factors", [0, 1, TILE, TILE + 1])
@pytest.mark.parametrize("n", [0, 1, BLOCK, 2 * BLOCK + 7])
def test_the_steps_of_one_row(n_factors, n):
    """Add ratings, factor, substitute: each compared with NumPy."""
    problem = Problem(n_factors, counts=np.array([n]))
    width, f = problem.width, n_factors
    prior_system = problem.prior_system()
    system, before = np.full_like(prior_system, 99), prior_system
    block, weights = np.empty((BLOCK, width)), np.ones((2, BLOCK))
    for start in range(0, max(n, 1), BLOCK):
        in_block = min(BLOCK, n - start)
        gather(
            block,
            weights,
            problem.ratings.indices,
            problem.ratings.values,
            start,
            in_block,
            problem.padded,
            problem.biases,
            GLOBAL_MEAN,
            NO_THIRD,
            problem.padded[:0],
        )
        columns = problem.ratings.indices[start : start + in_block]
        np.testing.assert_array_equal(block[:in_block], problem.padded[columns])
        later, indices = start + in_block, problem.ratings.indices
        add_ratings(system, before, block, weights, in_block, problem.padded, indices, later)
        before = system
    matrix, rhs = problem.unpack(system)
    expected = reference_kernels.row_system(
        problem.ratings.indices,
        problem.ratings.values,
        problem.factors,
        problem.biases,
        GLOBAL_MEAN,
        problem.precision,
        problem.prior_mean,
    )
    np.testing.assert_allclose(matrix, expected[0], atol=1e-10)
    np.testing.assert_allclose(rhs, expected[1], atol=1e-10)

    factor(system, width)
    upper = reference_kernels.cholesky(matrix[:f, :f])
    sums = reference_kernels.solve_transposed(upper, np.column_stack((matrix[:f, f], rhs[:f]))).T
    np.testing.assert_allclose(1 / np.diagonal(system)[:f], np.diagonal(upper), atol=1e-10)
    np.testing.assert_allclose(np.triu(system[:f, :f], 1), np.triu(upper, 1), atol=1e-10)
    np.testing.assert_allclose(system[width:, :f], sums, atol=1e-10)

    solution = np.empty((1, width + 1))
    no_noise = np.empty((0, f + 1))
    assert substitute(system, width, no_noise, 0, solution)
    solved = np.append(solution[0, :f], solution[0, width])
    np.testing.assert_allclose(solved, np.linalg.solve(matrix, rhs), atol=1e-10)
    assert not solution[0, f:width].any()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n_factors", N_FACTORS)
def test_noise_moves_a_row_by_the_inverse_of_its_cholesky_factor(n_factors, dtype):
    """With standard normal noise, the covariance of the row is then P⁻¹."""
    problem = Problem(n_factors, dtype)
    noise = np.random.default_rng(1).normal(size=(len(COUNTS), n_factors + 1)).astype(dtype)
    moves = problem.solve(noise=noise).astype(np.float64) - problem.solve()
    for row, move in enumerate(moves):
        places = slice(problem.ratings.indptr[row], problem.ratings.indptr[row + 1])
        matrix, _ = reference_kernels.row_system(
            problem.ratings.indices[places],
            problem.ratings.values[places],
            problem.factors,
            problem.biases,
            GLOBAL_MEAN,
            problem.precision,
            problem.prior_mean,
        )
        matrix += problem.ratings.counts[row] * np.diag(problem.per_rating)
        np.testing.assert_allclose(reference_kernels.cholesky(matrix) @ move, noise[row], atol=2e-3)
