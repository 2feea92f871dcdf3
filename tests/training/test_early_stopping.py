"""Early stopping by patience and min_improvement, on validation curves given as numbers."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.params import load_params
from movierec.metrics.measures import Errors
from movierec.training import early_stopping
from movierec.training.als import RatingEpoch, RatingTrainer
from movierec.training.early_stopping import TrainingState
from tests.helpers.clone import ROOT
from tests.helpers.random_data import SCALE, train_params

TRAIN = load_params(ROOT / "params.yaml").train
EARLIER = {"patience": 4, "min_improvement": 0.0001}
EPOCHS = np.arange(60)
ROUNDING = 1e-12


class Replay(RatingTrainer):
    """Trains nothing: the validation RMSE of each epoch is given."""

    def __init__(self, curve, **rule):
        self.data = SimpleNamespace(n_ratings=1, held_out=None)
        self.params = train_params(max_epochs=len(curve), **rule)
        self.curve, self.scale = curve, SCALE

    def initial_model(self):
        return None

    def next_epoch(self, state: TrainingState) -> TrainingState:
        number, rmse = len(state.epochs) + 1, float(self.curve[len(state.epochs)])
        epoch = RatingEpoch(number, 0.0, 0.0, rmse, 1.0)
        return self.advance(state, None, epoch, Errors(rmse, 0.0, 0.0))


def stop(curve, patience=TRAIN.patience, min_improvement=TRAIN.min_improvement):
    return early_stopping.fit(Replay(curve, patience=patience, min_improvement=min_improvement))


STEPS = st.lists(st.sampled_from([-3e-4, -6e-5, -2e-5, -4e-6, 0.0, 5e-6, 4e-5]), max_size=59)


@given(steps=STEPS, patience=st.integers(1, 5), finer=st.sampled_from([0.0, 1e-5, 1e-4]))
def test_twice_the_patience_never_loses_more_than_min_improvement(steps, patience, finer):
    """On any curve, against a rule whose min_improvement is at least as large."""
    curve = 0.9 + np.cumsum([0.0, *steps])
    hasty, patient = stop(curve, patience, 1e-4), stop(curve, 2 * patience, finer)
    assert patient.validation.rmse <= hasty.validation.rmse + finer + ROUNDING
    assert len(patient.epochs) >= hasty.best_epoch


@given(steps=STEPS)
def test_the_best_epoch_is_kept_and_training_ends_after_patience(steps):
    curve = 0.9 + np.cumsum([0.0, *steps])
    state = stop(curve)
    ran = curve[: len(state.epochs)]
    assert state.validation.rmse == curve[state.best_epoch - 1]
    assert state.validation.rmse <= ran.min() + TRAIN.min_improvement + ROUNDING
    assert len(ran) == min(len(curve), state.best_epoch + TRAIN.patience)


def test_a_plateau_does_not_end_training():
    """0.000015 an epoch for 25 epochs, then a fall of 0.001."""
    curve = 0.857 - 1.5e-5 * EPOCHS - 0.001 / (1 + np.exp(30 - EPOCHS))
    assert len(stop(curve, **EARLIER).epochs) < 25
    assert stop(curve).validation.rmse == pytest.approx(curve.min(), abs=2e-5)


@pytest.mark.parametrize("length", [5, 14])
def test_nor_does_a_short_rise(length):
    rise = 0.0005 * np.sin(np.pi * np.minimum(EPOCHS, length) / length)
    curve = 0.87 + rise - 0.0002 * np.maximum(EPOCHS - length, 0)
    assert stop(curve, **EARLIER).best_epoch == 1
    assert stop(curve).best_epoch == len(curve)


def test_a_rise_costs_the_patience():
    curve = 0.8545 + 0.0001 * np.abs(EPOCHS - 3)
    state = stop(curve)
    assert (state.best_epoch, len(state.epochs)) == (4, 4 + TRAIN.patience)


def test_noise_below_min_improvement_is_no_improvement():
    noise = np.random.default_rng(0).uniform(-4e-6, 4e-6, len(EPOCHS))
    assert len(stop(0.9 + noise).epochs) == 1 + TRAIN.patience
