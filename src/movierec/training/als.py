"""Alternating least squares: solve all users, then all items, and repeat.

The objective, with the symbols λ, τ and γ (docs/model.md):

    ½ λ Σ (r − r̂)²  +  ½ Σ_rows (τ + τₙ n) |factors|²  +  ½ Σ_rows (γ + γₙ n) bias²

n is the row's number of ratings. Each half epoch minimises the objective exactly over one side, so
it never rises. Zhou et al., "Large-scale parallel collaborative filtering for the Netflix Prize"
(AAIM 2008), section 3, is the count-scaled case (τ = 0). Where rows have features, the penalty is
on a row's deviation from its prior mean, and the features' weights have a ridge of their own: ρ
times the penalty of a row with one rating (model/features.py).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from movierec.core.errors import MovierecError
from movierec.core.params import TrainParams
from movierec.data.rating_arrays import Array
from movierec.metrics.measures import Errors
from movierec.model.features import Features
from movierec.model.solver import Prior
from movierec.training import row_ops
from movierec.training.early_stopping import Epoch, Trainer, TrainingState
from movierec.training.training_data import SIDES, M, Start, TrainingData

# Conjugate gradient steps an epoch. Each lowers the objective, and the next epoch continues there:
# ml-100k needs 21 at most; at ml-25m's size 90 steps ended no better.
WEIGHT_STEPS = 25


@dataclass(frozen=True)
class RatingEpoch(Epoch):
    """RMSEs are of predictions clipped to the scale, in stars.

    noise_precision: λ, drawn by Gibbs sampling and constant in ALS.
    """

    train_rmse: float
    validation_rmse: float | None
    noise_precision: float


RatingState = TrainingState[M, RatingEpoch, Errors]


def initial_model(data: TrainingData[M], params: TrainParams, seed: int) -> M:
    """The model before its first epoch: small random item factors, all else 0."""
    dtype, stream = np.dtype(params.dtype), "train/item_factors"
    start = params.n_factors_used, dtype, params.init_scale, seed, stream, data.mean_rating
    return data.initial_model(Start(*start))


def run_epoch(model: M, data: TrainingData[M], params: TrainParams) -> M:
    """Solve every user, then every item; after each side, its features' weights."""
    prior = Prior.from_params(params, model.n_factors)
    for side in SIDES:
        model = data.solve(model, side, prior)
        if features := data.features(side):
            weights = solve_weights(model, data, side, features, prior, params.feature_ridge)
            model = model.changed(side, weights=weights)
    return model


def solve_weights(
    model: M, data: TrainingData[M], side: str, features: Features, prior: Prior, ridge: float
) -> Array:
    """The weights of one side's features while its rows are fixed; ridge: in rows' priors."""
    rhs = data.sum_features(model, side, partial(row_ops.weighted, prior))
    precision, counts = np.diag(prior.precision), data.counts(side)
    ridges, start = ridge * prior.of_one_rating, model.weights(side)
    return features.solve(rhs, precision, prior.per_rating, counts, ridges, start, WEIGHT_STEPS)


def objective(
    model: M, data: TrainingData[M], params: TrainParams, scale: tuple[float, float]
) -> tuple[float, float]:
    """The objective, and the RMSE on the training ratings, clipped to the rating scale."""
    prior = Prior.from_params(params, model.n_factors)
    sums, penalties = data.losses(model, scale, partial(row_ops.penalty, prior, None))
    penalty = sum(penalties)
    for side in SIDES:
        if data.features(side):
            squares = np.square(model.weights(side), dtype=np.float64).sum(axis=0)
            penalty += float(params.feature_ridge * squares @ prior.of_one_rating)
    value = 0.5 * params.rating_precision * (sums[0] + penalty)
    return float(value), float((sums[1] / data.n_ratings) ** 0.5)


@dataclass
class RatingTrainer(Trainer[M, RatingEpoch, Errors]):
    """A trainer of predicted ratings, best where the validation RMSE is lowest.

    scale: the lowest and the highest rating.
    Raises MovierecError where the data allow fewer factors than params ask for.
    """

    data: TrainingData[M]
    params: TrainParams
    seed: int
    scale: tuple[float, float]

    epoch_type = RatingEpoch
    quality_type = Errors

    def __post_init__(self) -> None:
        n_users, n_items = self.data.n_users, self.data.n_items
        if self.params.n_factors_used > min(n_users, n_items):
            raise MovierecError(
                f"train.n_factors: {self.params.n_factors} is more than the data allows: {n_users}"
                f" users and {n_items} items have at most {min(n_users, n_items)}"
            )

    def initial_model(self) -> M:
        return initial_model(self.data, self.params, self.seed)

    def is_better(self, quality: Errors, best: Errors) -> bool:
        return quality.rmse < best.rmse - self.params.min_improvement

    def measure(self, state: RatingState[M], model: M) -> RatingState[M]:
        """The state after an epoch that led to this model."""
        value, train_rmse = objective(model, self.data, self.params, self.scale)
        errors = self.data.validation_errors(model, self.scale)
        rmse, number = errors.rmse if errors else None, len(state.epochs) + 1
        epoch = RatingEpoch(number, value, train_rmse, rmse, self.params.rating_precision)
        return self.advance(state, model, epoch, errors)


class AlsTrainer(RatingTrainer[M]):
    def next_epoch(self, state: RatingState[M]) -> RatingState[M]:
        return self.measure(state, run_epoch(state.last, self.data, self.params))
