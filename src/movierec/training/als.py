"""Alternating least squares (ALS): solve for all users, then for all items, and repeat.

The objective, in the notation of docs/model.md:

    ½ λ Σ (r − r̂)²  +  ½ Σ_rows (τ + τₙ n) |factors|²  +  ½ Σ_rows (γ + γₙ n) bias²

n is the row's number of ratings. Each half epoch minimises the objective exactly over one side, so
it never rises. The case τ = 0 is Zhou et al., "Large-scale parallel collaborative filtering for the
Netflix Prize" (AAIM 2008), section 3. If rows have features, the penalty is on a row's deviation
from its prior mean, and the features' weights have a ridge penalty: ρ times that of a row with one
rating (model/features.py).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from movierec.core.errors import MovierecError
from movierec.core.params import TrainParams
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array
from movierec.metrics import measures
from movierec.metrics.measures import Errors
from movierec.model.features import FeatureMatrix
from movierec.model.prediction_intervals import PredictionIntervals
from movierec.model.solver import Prior
from movierec.training import row_ops
from movierec.training.early_stopping import Epoch, Trainer, TrainingState
from movierec.training.training_data import SIDES, M, Start, TrainingData

# The precision of a day's factors, relative to that of users' and items'. On ml-100k, validation
# RMSE is 0.9114 without days, and with them 0.9265 at 1, 0.9101 at 10, and 0.9084 at 30.
DAY_PRECISION = 30.0

# Conjugate gradient steps per epoch. Each lowers the objective, and the next epoch continues from
# there. ml-100k needs at most 21; at the size of ml-25m, 90 steps gave no better result.
WEIGHT_STEPS = 25
MAX_INTERVAL_RATINGS = 200_000  # validation ratings to fit prediction intervals to


@dataclass(frozen=True)
class RatingEpoch(Epoch):
    """The result of an epoch. RMSEs are in stars, of predictions clipped to the scale.

    noise_precision: λ, sampled by Gibbs sampling and constant in ALS.
    """

    train_rmse: float
    validation_rmse: float | None
    noise_precision: float


RatingState = TrainingState[M, RatingEpoch, Errors]


def initial_model(data: TrainingData[M], params: TrainParams, seed: int) -> M:
    """The model before the first epoch: small random item factors, and 0 for the rest."""
    dtype, stream = np.dtype(params.dtype), "train/item_factors"
    start = params.n_factors_used, dtype, params.init_scale, seed, stream, data.mean_rating
    return data.initial_model(Start(*start))


def run_epoch(model: M, data: TrainingData[M], params: TrainParams) -> M:
    """Solve for every user, then every item; after each side, for its features' weights."""
    for side in data.sides:
        prior = prior_of(side, params, model.n_factors)
        model = data.solve(model, side, prior)
        if features := data.features(side):
            weights = solve_weights(model, data, side, features, prior, params.feature_ridge)
            model = model.changed(side, weights=weights)
    return model


def prior_of(side: str, params: TrainParams, n_factors: int) -> Prior:
    """The prior of a side's rows."""
    if side == "day":
        params = params.model_copy(
            update={"factor_precision": DAY_PRECISION * params.factor_precision}
        )
    return Prior.from_params(params, n_factors)


def solve_weights(
    model: M, data: TrainingData[M], side: str, features: FeatureMatrix, prior: Prior, ridge: float
) -> Array:
    """Solve for the weights of one side's features while its rows are fixed.

    ridge: ρ, relative to the prior precision of a row with one rating.
    """
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
    for side in data.sides:
        if side == "day":
            of_days = prior_of(side, params, model.n_factors)
            penalty += float(data.sum_rows(model, side, partial(row_ops.penalty, of_days, None)))
        if data.features(side):
            squares = np.square(model.weights(side), dtype=np.float64).sum(axis=0)
            penalty += float(params.feature_ridge * squares @ prior.of_one_rating)
    value = 0.5 * params.rating_precision * (sums[0] + penalty)
    return float(value), float((sums[1] / data.n_ratings) ** 0.5)


@dataclass
class RatingTrainer(Trainer[M, RatingEpoch, Errors]):
    """Base of the trainers of rating models; the best epoch has the lowest validation RMSE.

    params: from TrainParams.on_scale.
    Raises MovierecError if params ask for more factors than there are users or items.
    """

    data: TrainingData[M]
    params: TrainParams
    seed: int
    scale: Scale

    epoch_type = RatingEpoch
    quality_type = Errors

    def __post_init__(self) -> None:
        n_users, n_items = self.data.n_users, self.data.n_items
        if self.params.n_factors_used > min(n_users, n_items):
            raise MovierecError(
                f"train.n_factors: {self.params.n_factors} is too many for {n_users} users and"
                f" {n_items} items; set it to at most {min(n_users, n_items)}"
            )

    def initial_model(self) -> M:
        return initial_model(self.data, self.params, self.seed)

    def is_better(self, quality: Errors, best: Errors) -> bool:
        return quality.rmse < best.rmse - self.params.min_improvement

    def fold_in(self, model: M, held_out: TrainingData[M], epoch: int) -> M:
        return held_out.solve(model, "user", Prior.from_params(self.params, model.n_factors))

    def prediction_intervals(self, state: RatingState[M]) -> PredictionIntervals:
        """By validation; without it normal ones, too narrow, by the RMSE on train."""
        held_out, given = self.data.judge.validation, self.data.held_out
        if held_out is None or not len(held_out):
            return PredictionIntervals.normal(state.epochs[state.best_epoch - 1].train_rmse)
        n = len(held_out)
        held_out = held_out.take(np.linspace(0, n - 1, min(n, MAX_INTERVAL_RATINGS)).astype(int))
        predicted = measures.predict(self.final_model(state), held_out)
        errors = held_out.rating - np.clip(predicted, *self.scale)
        by_user, by_item = (self.data.counts(side) for side in SIDES)
        counts = by_user + given.counts("user") if given else by_user, by_item
        return PredictionIntervals.fit(errors, held_out, counts)

    def measure(self, state: RatingState[M], model: M) -> RatingState[M]:
        """The state after an epoch with this model as its result."""
        value, train_rmse = objective(model, self.data, self.params, self.scale)
        number = len(state.epochs) + 1
        errors = self.data.judge.validation_errors(self.judged(model, number), self.scale)
        rmse = errors.rmse if errors else None
        epoch = RatingEpoch(number, value, train_rmse, rmse, self.params.rating_precision)
        return self.advance(state, model, epoch, errors)


class AlsTrainer(RatingTrainer[M]):
    def next_epoch(self, state: RatingState[M]) -> RatingState[M]:
        return self.measure(state, run_epoch(state.last, self.data, self.params))
