"""Alternating least squares: solve all users, then all items, again and again.

The objective, with the seed's symbols λ, τ and γ (docs/model.md):

    ½ λ Σ (r − r̂)²  +  ½ Σ_rows (τ + τₙ n) |factors|²  +  ½ Σ_rows (γ + γₙ n) bias²

n being the row's number of ratings. Each half epoch minimises it exactly over one side, so it
never rises. Zhou et al., "Large-scale parallel collaborative filtering for the Netflix Prize"
(AAIM 2008), section 3, is the count-scaled case (τ = 0).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from movierec import seeds
from movierec.errors import MovierecError
from movierec.kernels.rows import solve_rows
from movierec.kernels.scoring import squared_errors_by_row
from movierec.kernels.tiles import LANES, TILE
from movierec.metrics import Errors, errors_of
from movierec.model import Model
from movierec.params import TrainParams
from movierec.sparse import Array, Csr, Ratings

RUNS = 512  # runs of rows handed to threads: enough that none waits long for the last


@dataclass(frozen=True)
class Prior:
    """A Gaussian prior of mean 0 on the rows of one side, in units of the rating precision λ.

    A row with n ratings has precision `factor + factor_per_rating · n` on each of its factors and
    `bias + bias_per_rating · n` on its bias.
    """

    factor: float
    factor_per_rating: float
    bias: float
    bias_per_rating: float

    @classmethod
    def of(cls, params: TrainParams) -> "Prior":
        scale = 1 / params.rating_precision
        return cls(
            scale * params.factor_precision,
            scale * params.factor_precision_per_rating,
            scale * params.bias_precision,
            scale * params.bias_precision_per_rating,
        )

    def penalty(self, counts: Array, factors: Array, biases: Array) -> float:
        """Σ_rows precision · row², which is twice what the objective gains from it, over λ."""
        of_factors = np.einsum("rf,rf->r", factors, factors, dtype=np.float64)
        of_biases = np.square(biases, dtype=np.float64)
        return float(
            np.sum((self.factor + self.factor_per_rating * counts) * of_factors)
            + np.sum((self.bias + self.bias_per_rating * counts) * of_biases)
        )


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to. RMSEs are of ratings clipped to the scale, in stars."""

    epoch: int
    objective: float
    train_rmse: float
    validation_rmse: float | None


@dataclass(frozen=True)
class Fit:
    """Training as far as it has come.

    model: that of the best epoch; validation: its errors there. last: that of the last epoch, with
    which training goes on.
    """

    model: Model
    last: Model
    epochs: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    validation: Errors | None = None


def half_epoch(
    ratings: Csr,
    fixed_factors: Array,
    fixed_biases: Array,
    global_mean: float,
    prior: Prior,
    side: str = "row",
) -> tuple[Array, Array]:
    """Solve every row of one side exactly, the other side held fixed.

    ratings: CSR whose rows are the side to solve, indices the fixed side's rows.
    fixed_factors (n_fixed, n_factors), fixed_biases (n_fixed,).
    Returns factors (n_rows, n_factors) and biases (n_rows,) in the dtype of fixed_factors.
    Raises MovierecError where a row's matrix is not positive definite; `side` names the rows.
    """
    dtype, n_factors = fixed_factors.dtype, fixed_factors.shape[1]
    width = -(-n_factors // LANES) * LANES
    prior_system = np.zeros((width + 2, width + TILE), dtype)
    np.fill_diagonal(prior_system[:n_factors, :n_factors], prior.factor)
    np.fill_diagonal(prior_system[n_factors:width, n_factors:width], 1)
    prior_system[width, width] = prior.bias
    per_rating = np.zeros(width + 1, dtype)
    per_rating[:n_factors] = prior.factor_per_rating
    per_rating[width] = prior.bias_per_rating
    factors = np.empty((ratings.n_rows, n_factors), dtype)
    biases = np.empty(ratings.n_rows, dtype)
    solve_rows(
        _runs(ratings.indptr, width),
        ratings.indptr,
        ratings.indices,
        ratings.values,
        np.pad(fixed_factors, ((0, 0), (0, width - n_factors))),
        fixed_biases,
        dtype.type(global_mean),
        prior_system,
        per_rating,
        factors,
        biases,
    )
    unsolved = np.flatnonzero(~np.isfinite(biases))
    if len(unsolved):
        raise MovierecError(
            f"the matrix of {side}_index {unsolved[0]} is not positive definite"
            f" ({len(unsolved)} such {side}s): raise train.factor_precision or"
            " train.bias_precision, or lower train.n_factors"
        )
    return factors, biases


def _runs(indptr: Array, width: int) -> Array:
    """Bounds of runs of rows of about equal cost: ratings' products and a Cholesky per row."""
    rows = np.arange(len(indptr))
    cost = indptr * (width * width / 2 + 8 * width + 16.0) + rows * (width**3 / 3 + 20.0 * width)
    shares = np.searchsorted(cost, np.linspace(0, cost[-1], RUNS + 1))
    return np.unique(np.concatenate(([0], shares, [len(rows) - 1])))


def start(by_user: Csr, n_items: int, params: TrainParams, seed: int) -> Model:
    """A model before its first epoch: small random item factors, all else zero.

    The factors' standard deviation is init_scale / √n_factors, so that a row's expected length is
    init_scale whatever n_factors.
    """
    dtype = np.dtype(params.dtype)
    draws = seeds.stream(seed, "train/item_factors").standard_normal((n_items, params.n_factors))
    scale = params.init_scale / max(1, params.n_factors) ** 0.5
    return Model(
        global_mean=float(dtype.type(by_user.values.mean(dtype=np.float64))),
        user_factors=np.zeros((by_user.n_rows, params.n_factors), dtype),
        item_factors=(draws * scale).astype(dtype),
        user_biases=np.zeros(by_user.n_rows, dtype),
        item_biases=np.zeros(n_items, dtype),
    )


def run_epoch(model: Model, by_user: Csr, by_item: Csr, prior: Prior) -> Model:
    """One epoch: every user, then every item."""
    users = half_epoch(
        by_user, model.item_factors, model.item_biases, model.global_mean, prior, "user"
    )
    items = half_epoch(by_item, *users, model.global_mean, prior, "item")
    return replace(
        model,
        user_factors=users[0],
        user_biases=users[1],
        item_factors=items[0],
        item_biases=items[1],
    )


def objective(
    model: Model, by_user: Csr, by_item: Csr, params: TrainParams, scale: tuple[float, float]
) -> tuple[float, float]:
    """The objective and the RMSE on the training ratings, clipped to the rating scale."""
    dtype = model.user_factors.dtype.type
    sums = squared_errors_by_row(
        by_user.indptr,
        by_user.indices,
        by_user.values,
        dtype(model.global_mean),
        model.user_factors,
        model.item_factors,
        model.user_biases,
        model.item_biases,
        dtype(scale[0]),
        dtype(scale[1]),
    ).sum(axis=0)
    prior = Prior.of(params)
    penalty = prior.penalty(by_user.counts, model.user_factors, model.user_biases)
    penalty += prior.penalty(by_item.counts, model.item_factors, model.item_biases)
    value = 0.5 * params.rating_precision * (sums[0] + penalty)
    return float(value), float((sums[1] / len(by_user.values)) ** 0.5)


def fit(
    by_user: Csr,
    by_item: Csr,
    params: TrainParams,
    seed: int,
    scale: tuple[float, float],
    validation: Ratings | None = None,
    on_epoch: Callable[[Fit], None] = lambda fit: None,
    so_far: Fit | None = None,
) -> Fit:
    """Train until the RMSE on validation has not improved for `params.patience` epochs, by more
    than `params.min_improvement`.

    Without validation ratings all `params.max_epochs` are run, and the last is the best.
    scale: the least and the greatest rating. on_epoch is called after each epoch. so_far: what it
    was called with before an interruption; training then goes on to the very same bits.
    Raises MovierecError if there is nothing to train on, or nothing to solve.
    """
    _check(by_user, by_item, params)
    if so_far is None:
        first = start(by_user, by_item.n_rows, params, seed)
        so_far = Fit(first, first)
    while len(so_far.epochs) < min(params.max_epochs, so_far.best_epoch + params.patience):
        so_far = _next_epoch(so_far, by_user, by_item, params, scale, validation)
        on_epoch(so_far)
    return so_far


def _next_epoch(
    so_far: Fit,
    by_user: Csr,
    by_item: Csr,
    params: TrainParams,
    scale: tuple[float, float],
    validation: Ratings | None,
) -> Fit:
    number = len(so_far.epochs) + 1
    model = run_epoch(so_far.last, by_user, by_item, Prior.of(params))
    value, train_rmse = objective(model, by_user, by_item, params, scale)
    errors = errors_of(model, validation, scale) if validation is not None else None
    epoch = Epoch(number, value, train_rmse, errors.rmse if errors else None)
    so_far = replace(so_far, last=model, epochs=(*so_far.epochs, epoch))
    best = so_far.validation.rmse - params.min_improvement if so_far.validation else np.inf
    if errors is None or errors.rmse < best:
        return replace(so_far, model=model, best_epoch=number, validation=errors)
    return so_far


def _check(by_user: Csr, by_item: Csr, params: TrainParams) -> None:
    if not len(by_user.values):
        raise MovierecError("no ratings to train on: lower split.test_fraction or bring more data")
    allowed = min(by_user.n_rows, by_item.n_rows)
    if params.n_factors > allowed:
        raise MovierecError(
            f"train.n_factors: {params.n_factors} is more than the data allows: {by_user.n_rows}"
            f" users and {by_item.n_rows} items have at most {allowed}"
        )


def fold_in(
    model: Model, item_index: Array, rating: Array, params: TrainParams
) -> tuple[Array, float]:
    """Factors (n_factors,) and bias of a new user with these ratings: the same row solve.

    item_index (n,) int32; rating (n,) in stars. A user of the training data folds in to the row
    that the next half epoch would give him, which is his own once training has converged.
    """
    order = np.argsort(item_index)
    indptr = np.array([0, len(item_index)])
    values = np.asarray(rating, model.item_factors.dtype)[order]
    ratings = Csr(indptr, np.asarray(item_index, np.int32)[order], values)
    factors, biases = half_epoch(
        ratings, model.item_factors, model.item_biases, model.global_mean, Prior.of(params), "user"
    )
    return factors[0], float(biases[0])
