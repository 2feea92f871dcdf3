"""Alternating least squares: solve all users, then all items, again and again.

The objective, with the seed's symbols λ, τ and γ (docs/model.md):

    ½ λ Σ (r − r̂)²  +  ½ Σ_rows (τ + τₙ n) |factors|²  +  ½ Σ_rows (γ + γₙ n) bias²

n being the row's number of ratings. Each half epoch minimises it exactly over one side, so it
never rises. Zhou et al., "Large-scale parallel collaborative filtering for the Netflix Prize"
(AAIM 2008), section 3, is the count-scaled case (τ = 0). Where rows have features, the penalty is
on what is left of a row after its prior mean, and a ridge on the features' weights comes to it, ρ
times what a row with one rating has (features.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from movierec.core.errors import MovierecError
from movierec.core.params import TrainParams
from movierec.data.rating_arrays import Array, Ratings
from movierec.metrics.measures import Errors
from movierec.model.biased_mf import Model
from movierec.model.features import Features
from movierec.model.solver import Prior
from movierec.training import row_ops
from movierec.training.in_memory import SIDES, InMemoryData

# Of conjugate gradients an epoch. Each lowers the objective, and the next epoch goes on from there:
# ml-100k needs 21 at most; at ml-25m's size 90 would find weights no better in the end.
WEIGHT_STEPS = 25


@dataclass(frozen=True)
class RatingEpoch:
    """What an epoch came to. RMSEs are of ratings clipped to the scale, in stars.

    noise_precision: λ, which Gibbs sampling draws, and ALS holds.
    """

    epoch: int
    objective: float
    train_rmse: float
    validation_rmse: float | None
    noise_precision: float


@dataclass(frozen=True)
class TrainingState:
    """Training as far as it has come.

    model: that of the best epoch; validation: its quality there, here an Errors. last: that of the
    last epoch, with which training goes on. epochs: what each came to, here an Epoch. samples: by
    Gibbs sampling the models kept so far; `model`, their mean, is made of them at the end.
    """

    model: Model
    last: Model
    epochs: tuple[Any, ...] = ()
    best_epoch: int = 0
    validation: Any = None
    samples: tuple[Model, ...] = ()


def start(data: InMemoryData, params: TrainParams, seed: int) -> Model:
    """A model before its first epoch: small random item factors, all else zero."""
    n_factors = params.n_factors_used
    return data.start(params, n_factors, seed, "train/item_factors", data.mean_rating)


def run_epoch(model: Model, data: InMemoryData, params: TrainParams) -> Model:
    """One epoch: every user, then every item; after each side's rows its features' weights."""
    prior = Prior.from_params(params, model.n_factors)
    for side in SIDES:
        model = data.solve(model, side, prior)
        if features := data.features(side):
            weights = solve_weights(model, data, side, features, prior, params.feature_ridge)
            model = model.changed(side, weights=weights)
    return model


def solve_weights(
    model: Model, data: InMemoryData, side: str, features: Features, prior: Prior, ridge: float
) -> Array:
    """The weights of one side's features, its rows held fixed: a ridge of `ridge` rows' priors."""
    right = data.collected(model, side, partial(row_ops.weighed, prior))
    precision, counts = np.diag(prior.precision), data.counts(side)
    begun, ridges = model.weights(side), ridge * prior.of_one_rating
    return features.solve(right, precision, prior.per_rating, counts, ridges, begun, WEIGHT_STEPS)


def objective(
    model: Model, data: InMemoryData, params: TrainParams, scale: tuple[float, float]
) -> tuple[float, float]:
    """The objective and the RMSE on the training ratings, clipped to the rating scale."""
    prior = Prior.from_params(params, model.n_factors)
    sums, penalties = data.losses(model, scale, partial(row_ops.penalty, prior, None))
    penalty = sum(penalties)
    for side in SIDES:
        if data.features(side):
            sizes = np.square(model.weights(side), dtype=np.float64).sum(axis=0)
            penalty += float(params.feature_ridge * sizes @ prior.of_one_rating)
    value = 0.5 * params.rating_precision * (sums[0] + penalty)
    return float(value), float((sums[1] / data.n_ratings) ** 0.5)


def fit(
    data: InMemoryData,
    params: TrainParams,
    seed: int,
    scale: tuple[float, float],
    validation: Ratings | None = None,
    on_epoch: Callable[[TrainingState], None] = lambda fit: None,
    so_far: TrainingState | None = None,
) -> TrainingState:
    """Train until the RMSE on validation has not improved for `params.patience` epochs, by more
    than `params.min_improvement`.

    Without validation ratings all `params.max_epochs` are run, and the last is the best.
    scale: the least and the greatest rating. on_epoch is called after each epoch. so_far: what it
    was called with before an interruption; training then goes on to the very same bits.
    Raises MovierecError if there is nothing to train on, or nothing to solve.
    """
    check(data, params)
    if so_far is None:
        first = start(data, params, seed)
        so_far = TrainingState(first, first)
    while len(so_far.epochs) < min(params.max_epochs, so_far.best_epoch + params.patience):
        so_far = _next_epoch(so_far, data, params, scale, validation)
        on_epoch(so_far)
    return so_far


def _next_epoch(
    so_far: TrainingState,
    data: InMemoryData,
    params: TrainParams,
    scale: tuple[float, float],
    validation: Ratings | None,
) -> TrainingState:
    number = len(so_far.epochs) + 1
    model = run_epoch(so_far.last, data, params)
    value, train_rmse = objective(model, data, params, scale)
    errors = None
    if validation is not None:
        errors = Errors.of_sums(data.errors(model, scale, validation), len(validation))
    epoch = RatingEpoch(
        number, value, train_rmse, errors.rmse if errors else None, params.rating_precision
    )
    so_far = replace(so_far, last=model, epochs=(*so_far.epochs, epoch))
    best = so_far.validation.rmse - params.min_improvement if so_far.validation else np.inf
    if errors is None or errors.rmse < best:
        return replace(so_far, model=model, best_epoch=number, validation=errors)
    return so_far


def check(data: InMemoryData, params: TrainParams) -> None:
    """Raise MovierecError unless there is something to train on."""
    n_users, n_items = data.n_users, data.n_items
    if not data.n_ratings:
        raise MovierecError("no ratings to train on: lower split.test_fraction or bring more data")
    allowed = min(n_users, n_items)
    if params.n_factors_used > allowed:
        raise MovierecError(
            f"train.n_factors: {params.n_factors} is more than the data allows: {n_users}"
            f" users and {n_items} items have at most {allowed}"
        )
