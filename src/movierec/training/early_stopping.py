"""The training loop of all models, with early stopping on validation ratings."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

import numpy as np

from movierec.core.errors import MovierecError
from movierec.core.params import ImplicitParams, TrainParams
from movierec.data.rating_arrays import Array
from movierec.metrics.measures import Errors, Ranking
from movierec.model.biased_mf import Model
from movierec.model.prediction_intervals import PredictionIntervals
from movierec.training.training_data import M, TrainingData


@dataclass(frozen=True)
class Epoch:
    """The result of an epoch. epoch: its number, from 1."""

    epoch: int
    objective: float


E = TypeVar("E", bound=Epoch)
Q = TypeVar("Q", Errors, Ranking)  # the quality of a model on the validation ratings


@dataclass(frozen=True)
class TrainingState(Generic[M, E, Q]):
    """The state of training after some epochs.

    model: the model of the best epoch. validation: its quality. last: the model of the last epoch,
    from which training continues. samples: the models stored by Gibbs sampling; in the end, `model`
    is their mean.
    """

    model: M | Model
    last: M
    epochs: tuple[E, ...] = ()
    best_epoch: int = 0
    validation: Q | None = None
    samples: tuple[M, ...] = ()


class Trainer(ABC, Generic[M, E, Q]):
    """How a model is trained: its initial model, its epochs, and its measure of quality.

    item_factors: those to start from; None: random ones.
    """

    epoch_type: type[E]
    quality_type: type[Q]
    data: TrainingData[M]
    params: TrainParams | ImplicitParams
    item_factors: Array | None = None

    @property
    def max_epochs(self) -> int:
        return self.params.n_epochs

    @property
    def patience(self) -> int:
        """The number of epochs without an improvement after which training stops."""
        return self.params.patience

    @abstractmethod
    def initial_model(self) -> M: ...

    def prepare(self, state: TrainingState[M, E, Q]) -> None:
        """Called once, before the first epoch of a new or resumed training."""

    @abstractmethod
    def next_epoch(self, state: TrainingState[M, E, Q]) -> TrainingState[M, E, Q]: ...

    @abstractmethod
    def is_better(self, quality: Q, best: Q) -> bool:
        """Whether a quality is better than the best so far by more than min_improvement."""

    @abstractmethod
    def fold_in(self, model: M, held_out: TrainingData[M], epoch: int) -> M:
        """The model of an epoch with users' rows solved from held_out, while the items' are fixed.

        It is the row solve of training, so a held-out user gets the row of a user of their ratings.
        """

    def judged(self, model: M, epoch: int) -> M:
        """The model of an epoch as it is judged: with the rows of held-out users, if there are any.

        Training goes on with `model`, which these users have no part in.
        """
        return self.fold_in(model, self.data.held_out, epoch) if self.data.held_out else model

    def finish(self, state: TrainingState[M, E, Q]) -> TrainingState[M, E, Q]:
        return state

    def final_model(self, state: TrainingState[M, E, Q]) -> Model:
        """The model of a finished state, with the rows of all users."""
        model = self.data.finish(state.model)
        if self.data.held_out is None:
            return model
        users = np.flatnonzero(self.data.held_out.counts("user"))
        return model.with_users_of(self.final_fold_in(state, self.data.held_out), users)

    def final_fold_in(self, state: TrainingState[M, E, Q], held_out: TrainingData[M]) -> Model:
        """The final model, of which only the rows of held-out users count."""
        return held_out.finish(self.fold_in(cast(M, state.model), held_out, state.best_epoch))

    def prediction_intervals(self, state: TrainingState[M, E, Q]) -> PredictionIntervals | None:
        """Those of a finished state's model, if it predicts ratings."""
        return None

    def advance(
        self, state: TrainingState[M, E, Q], model: M, epoch: E, quality: Q | None
    ) -> TrainingState[M, E, Q]:
        """The state after one more epoch; without validation, the last epoch is the best."""
        state, best = replace(state, last=model, epochs=(*state.epochs, epoch)), state.validation
        if quality is None or best is None or self.is_better(quality, best):
            return replace(state, model=model, best_epoch=epoch.epoch, validation=quality)
        return state


def fit(
    trainer: Trainer[M, E, Q],
    on_epoch: Callable[[TrainingState[M, E, Q]], None] = lambda state: None,
    state: TrainingState[M, E, Q] | None = None,
) -> TrainingState[M, E, Q]:
    """Train until validation has not improved for trainer.patience epochs.

    The best model is at most min_improvement worse than by any rule with at most half the patience
    and at least this min_improvement.
    on_epoch: called with the state after each epoch. state: one of these states, to resume from;
    the result is then bit-identical.
    Raises MovierecError if there are no ratings to train on.
    """
    if not trainer.data.n_ratings:
        raise MovierecError("no ratings to train on")
    if state is None:
        model = trainer.initial_model()
        state = TrainingState(model, model)
    trainer.prepare(state)
    while len(state.epochs) < min(trainer.max_epochs, state.best_epoch + trainer.patience):
        state = trainer.next_epoch(state)
        on_epoch(state)
    return trainer.finish(state)
