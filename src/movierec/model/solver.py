"""Solve for every row of one side under a Gaussian prior, while the other side is fixed.

    precision  P = Λ + λ FᵀF        mean  m = P⁻¹ (Λ m₀ + λ Fᵀ r)

ALS takes the mean; Gibbs sampling draws from the posterior. Scoring a new user solves for one more
row. See docs/model.md.
"""

from dataclasses import dataclass

import numpy as np

from movierec.core.errors import MovierecError
from movierec.core.params import TrainParams
from movierec.data.rating_arrays import Array, Csr
from movierec.kernels.reductions import quadratic_forms
from movierec.kernels.row_solver import solve_rows
from movierec.kernels.scheduling import RUNS
from movierec.kernels.scoring import residuals_by_row
from movierec.kernels.tiles import LANES, TILE
from movierec.model.third_side import ThirdSide

CACHE_LINE = 64  # bytes


@dataclass(frozen=True)
class Prior:
    """The precision Λ of a Gaussian prior on the rows of one side, in units of λ.

    λ is the precision of the rating noise. precision (n_factors + 1, n_factors + 1), bias last.
    per_rating (n_factors + 1,): added to the diagonal for each rating of a row.
    """

    precision: Array
    per_rating: Array

    @classmethod
    def from_params(cls, params: TrainParams, n_factors: int) -> "Prior":
        """The prior in params: one precision for all factors, and one for the bias."""
        scale = 1 / params.rating_precision
        diagonal = np.full(n_factors + 1, scale * params.factor_precision)
        per_rating = np.full(n_factors + 1, scale * params.factor_precision_per_rating)
        diagonal[-1] = scale * params.bias_precision
        per_rating[-1] = scale * params.bias_precision_per_rating
        return cls(np.diag(diagonal), per_rating)

    @property
    def of_one_rating(self) -> Array:
        """The diagonal of the precision of a row with one rating (n_factors + 1,)."""
        return np.diag(self.precision) + self.per_rating

    def penalties(self, counts: Array, deviations: Array) -> Array:
        """dᵀ (Λ + n · per_rating) d for each row: twice its penalty in the objective, over λ.

        deviations d (n_rows, n_factors + 1): the rows minus their prior means.
        """
        deviations = np.ascontiguousarray(deviations)
        return np.asarray(quadratic_forms(deviations, counts, self.precision, self.per_rating))

    def system(self, width: int, dtype: np.dtype) -> tuple[Array, Array]:
        """The system of a row without ratings, and per_rating, in the layout of row_solver.py."""
        f = len(self.per_rating) - 1
        system = np.zeros((width + 2, width + TILE), dtype)
        system[:f, :f] = np.triu(self.precision[:f, :f])
        np.fill_diagonal(system[f:width, f:width], 1)
        system[width, :f], system[width, width] = self.precision[f, :f], self.precision[f, f]
        per_rating = np.zeros(width + 1, dtype)
        per_rating[:f], per_rating[width] = self.per_rating[:f], self.per_rating[f]
        return system, per_rating


def half_epoch(
    ratings: Csr,
    fixed_factors: Array,
    fixed_biases: Array,
    global_mean: float,
    prior: Prior,
    side: str = "row",
    prior_mean: Array | None = None,
    noise: Array | None = None,
    first: int = 0,
    third: ThirdSide | None = None,
) -> tuple[Array, Array]:
    """Solve for every row of one side exactly, while the other side is fixed.

    ratings: CSR whose rows are the side to solve for, with indices of the fixed side.
    fixed_factors (n_fixed, n_factors), fixed_biases (n_fixed,).
    prior_mean (n_rows, n_factors + 1): m₀ of each row, bias last; 0 by default.
    noise (n_rows, n_factors + 1): standard normal numbers / √λ, to sample rows from their posterior
    instead of taking its mean.
    side, first: the name of the side and the number of the first row, for errors.
    third: a third side, which is fixed as well.
    Returns factors (n_rows, n_factors) and biases (n_rows,) in the dtype of fixed_factors.
    Raises MovierecError if a row's matrix is not positive definite.
    """
    dtype, n_factors = fixed_factors.dtype, fixed_factors.shape[1]
    if prior_mean is not None or third is not None:
        ratings = _deviations(ratings, fixed_factors, prior_mean, third)
    own_noise = np.empty((0, n_factors + 1), dtype) if noise is None else noise
    fixed = fixed_factors, fixed_biases, global_mean
    drawn = _draw(ratings, fixed, prior, own_noise, third=third)
    factors, biases = (part[:, 0] for part in drawn)
    _check_solved(biases, side, first)
    if prior_mean is not None:
        factors += prior_mean[:, :-1]
        biases += prior_mean[:, -1]
    return factors, biases


def covariances(ratings: Csr, fixed_factors: Array, prior: Prior) -> Array:
    """P⁻¹ of each row, in units of 1/λ: (n_rows, n_factors + 1, n_factors + 1), bias last.

    ratings, fixed_factors, prior: as in half_epoch; the values of the ratings do not matter. Raises
    MovierecError if a row's matrix is not positive definite.
    """
    dtype, size = fixed_factors.dtype, fixed_factors.shape[1] + 1
    zeros = Csr(ratings.indptr, ratings.indices, np.zeros(len(ratings.indices), dtype))
    fixed = fixed_factors, np.zeros(len(fixed_factors), dtype), 0.0
    # For ratings of 0 a draw with unit noise is a column of R⁻¹, and P⁻¹ = R⁻¹ R⁻ᵀ.
    factors, biases = _draw(zeros, fixed, prior, np.eye(size, dtype=dtype), size)
    _check_solved(biases[:, -1], "row")
    roots = np.empty((ratings.n_rows, size, size), dtype)
    roots[:, :-1], roots[:, -1] = factors.transpose(0, 2, 1), biases
    del factors  # frees memory
    return np.asarray(np.einsum("rik,rjk->rij", roots, roots))


def _draw(
    ratings: Csr,
    fixed: tuple[Array, Array, float],
    prior: Prior,
    noise: Array,
    n_draws: int | None = None,
    third: ThirdSide | None = None,
) -> tuple[Array, Array]:
    """Solve for rows with noise: factors (n_rows, n_draws, n_factors), biases (n_rows, n_draws).

    fixed: factors, biases and the mean. noise: one row of numbers for each row; with n_draws, one
    for each draw, shared by all rows. A row without a solution gets a bias of NaN.
    """
    fixed_factors, fixed_biases, global_mean = fixed
    ratings.check_columns(min(len(fixed_factors), len(fixed_biases)))
    dtype, n_factors = fixed_factors.dtype, fixed_factors.shape[1]
    width = -(-n_factors // LANES) * LANES
    factors = np.empty((ratings.n_rows, n_draws or 1, n_factors), dtype)
    biases = np.empty(factors.shape[:2], dtype)
    third = third or ThirdSide.none(n_factors, dtype)
    solve_rows(
        _runs(ratings.indptr, width),
        ratings.indptr,
        ratings.indices,
        ratings.values,
        _padded(fixed_factors, width),
        fixed_biases,
        dtype.type(global_mean),
        third.index,
        _padded(third.factors, width),
        *prior.system(width, dtype),
        noise,
        n_draws is not None,
        factors,
        biases,
    )
    return factors, biases


def _check_solved(solutions: Array, side: str, first: int = 0) -> None:
    """Raise MovierecError, which names the first row without a solution, if there is any."""
    unsolved = np.flatnonzero(~np.isfinite(solutions))
    if len(unsolved):
        raise MovierecError(
            f"the matrix of {side}_index {first + unsolved[0]} is not positive definite"
            f" ({len(unsolved)} such {side}s): raise train.factor_precision or"
            " train.bias_precision, or lower train.n_factors"
        )


def _deviations(
    ratings: Csr, fixed_factors: Array, prior_mean: Array | None, third: ThirdSide | None
) -> Csr:
    """The ratings minus the predictions of the rows' prior means, so that m₀ becomes 0.

    What the third side explains is subtracted, too, except its product with the rows.
    """
    dtype, n_factors = fixed_factors.dtype, fixed_factors.shape[1]
    if prior_mean is None:
        prior_mean = np.zeros((ratings.n_rows, n_factors + 1), dtype)
    third = third or ThirdSide.none(n_factors, dtype)
    ratings.check_columns(len(fixed_factors))
    residuals = residuals_by_row(
        ratings.indptr,
        ratings.indices,
        ratings.values,
        np.ascontiguousarray(prior_mean[:, :-1], dtype),
        fixed_factors,
        np.ascontiguousarray(prior_mean[:, -1], dtype),
        *third.arrays,
    )
    return Csr(ratings.indptr, ratings.indices, residuals)


def _padded(factors: Array, width: int) -> Array:
    """The factors padded with zeros to a width, with every row aligned to cache lines."""
    n_rows, n_factors = factors.shape
    if n_factors == width and factors.flags.c_contiguous and not factors.ctypes.data % CACHE_LINE:
        return factors
    room = np.empty(n_rows * width + CACHE_LINE // factors.itemsize, factors.dtype)
    skipped = -room.ctypes.data % CACHE_LINE // factors.itemsize
    padded = room[skipped : skipped + n_rows * width].reshape(n_rows, width)
    padded[:, :n_factors] = factors
    padded[:, n_factors:] = 0
    return padded


def _runs(indptr: Array, width: int) -> Array:
    """Bounds of runs of rows of about equal cost: products for ratings, a Cholesky per row."""
    rows = np.arange(len(indptr))
    cost = indptr * (width * width / 2 + 8 * width + 16.0) + rows * (width**3 / 3 + 20.0 * width)
    shares = np.searchsorted(cost, np.linspace(0, cost[-1], RUNS + 1))
    return np.unique(np.concatenate(([0], shares, [len(rows) - 1])))
