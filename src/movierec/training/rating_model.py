"""The rating model of the train stage: choose the trainer for params.model and params.method."""

from collections.abc import Callable
from typing import cast

import numpy as np

from movierec.core.params import TrainParams
from movierec.core.rating_scale import Scale
from movierec.model import baselines
from movierec.model.biased_mf import Model
from movierec.model.solver import Prior
from movierec.training import early_stopping
from movierec.training.als import AlsTrainer, RatingState, RatingTrainer
from movierec.training.gibbs import GibbsTrainer
from movierec.training.in_memory import InMemoryData
from movierec.training.training_data import M, TrainingData


class DampedBiasesTrainer(RatingTrainer[Model]):
    """Trains damped biases, in one pass without a solver; the damping is γ / λ ratings."""

    def initial_model(self) -> Model:
        data = cast(InMemoryData, self.data)  # loading.load allows no other
        damping = self.params.bias_precision / self.params.rating_precision
        return baselines.damped_biases(data.by_user, data.by_item, damping)

    def fold_in(self, model: Model, held_out: TrainingData[Model], epoch: int) -> Model:
        damping = self.params.bias_precision / self.params.rating_precision
        return held_out.solve(model, "user", Prior(np.array([[damping]]), np.zeros(1)))

    def next_epoch(self, state: RatingState[Model]) -> RatingState[Model]:
        return self.measure(state, state.last)


def make_trainer(
    data: TrainingData[M], params: TrainParams, seed: int, scale: Scale
) -> RatingTrainer[M]:
    """The trainer for these params, which are in stars."""
    params = params.on_scale(scale)
    if params.model == "damped_biases":
        return DampedBiasesTrainer(data, params, seed, scale)  # type: ignore[return-value,arg-type]
    trainer = GibbsTrainer if params.method == "gibbs" else AlsTrainer
    return trainer(data, params, seed, scale)


def fit(
    data: TrainingData[M],
    params: TrainParams,
    seed: int,
    scale: Scale,
    on_epoch: Callable[[RatingState[M]], None] = lambda state: None,
    state: RatingState[M] | None = None,
) -> RatingState[M]:
    """Train by params.model and params.method; on_epoch, state: as in early_stopping.fit."""
    return early_stopping.fit(make_trainer(data, params, seed, scale), on_epoch, state)
