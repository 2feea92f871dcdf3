"""Training by params.model and params.method."""

import numpy as np
import pytest
from pydantic import ValidationError

from movierec.core.errors import MovierecError
from movierec.metrics import measures
from movierec.model import baselines
from movierec.model.prediction_intervals import PredictionIntervals
from movierec.training import als, early_stopping, gibbs, rating_model
from movierec.training.in_memory import InMemoryData
from tests.helpers.random_data import (
    SCALE,
    csr_of_counts,
    random_csrs,
    random_ratings,
    train_params,
)


def test_damped_biases_are_the_baseline_s():
    csrs, seen = random_csrs(1), []
    params = train_params(model="damped_biases", bias_precision=6, rating_precision=2)
    validation = random_ratings(2)
    fit = rating_model.fit(
        InMemoryData(*csrs, validation=validation), params, 0, SCALE, seen.append
    )
    expected = baselines.damped_biases(*csrs, damping=3)
    np.testing.assert_array_equal(fit.model.item_biases, expected.item_biases)
    np.testing.assert_array_equal(fit.model.user_biases, expected.user_biases)
    assert (fit.best_epoch, len(fit.epochs), seen) == (1, 1, [fit])
    assert fit.validation.rmse == fit.epochs[0].validation_rmse
    assert (
        rating_model.fit(InMemoryData(*csrs, validation=validation), params, 0, SCALE, state=fit)
        is fit
    )


def test_biases_have_no_factors():
    data = InMemoryData(*random_csrs(1))
    params = train_params(model="biases", n_factors=5)
    model = rating_model.fit(data, params, 0, SCALE).model
    expected = rating_model.fit(data, train_params(n_factors=0), 0, SCALE).model
    assert model.n_factors == 0
    np.testing.assert_array_equal(model.item_biases, expected.item_biases)


@pytest.mark.parametrize(
    ("method", "trainer"), [("als", als.AlsTrainer), ("gibbs", gibbs.GibbsTrainer)]
)
@pytest.mark.parametrize("kind", ["biases", "mf", "genre_mf", "svdpp"])
def test_each_model_is_trained_by_either_method(kind, method, trainer):
    params = train_params(model=kind, method=method)
    data = InMemoryData.from_params(
        *random_csrs(1), params, csr_of_counts(1, [1, 2, 0, 3, 1, 1, 2], 4), random_ratings(2)
    )
    fit = rating_model.fit(data, params, 3, SCALE)
    expected = early_stopping.fit(trainer(data, params, 3, SCALE))
    np.testing.assert_array_equal(fit.model.item_biases, expected.model.item_biases)
    assert fit.epochs == expected.epochs
    assert len(fit.epochs) <= params.n_epochs


@pytest.mark.parametrize("method", ["als", "gibbs"])
def test_prediction_intervals_are_of_the_errors_on_validation(method, monkeypatch):
    monkeypatch.setattr(als, "MAX_INTERVAL_RATINGS", 11)
    (by_user, by_item), params = random_csrs(1), train_params(method=method)
    validation = random_ratings(2)
    data = InMemoryData(by_user, by_item, validation=validation)
    trainer = rating_model.make_trainer(data, params, 3, SCALE)
    state = early_stopping.fit(trainer)
    sampled = validation.take(np.array([0, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29]))
    errors = sampled.rating - np.clip(measures.predict(state.model, sampled), *SCALE)
    expected = PredictionIntervals.fit(errors, sampled, (by_user.counts, by_item.counts))
    assert trainer.prediction_intervals(state) == expected


def test_prediction_intervals_without_validation_are_normal():
    data = InMemoryData(*random_csrs(1), validation=random_ratings(2, n_ratings=0))
    trainer = rating_model.make_trainer(data, train_params(), 3, SCALE)
    state = early_stopping.fit(trainer)
    expected = PredictionIntervals.normal(state.epochs[-1].train_rmse)
    assert trainer.prediction_intervals(state) == expected


def test_damped_biases_cannot_be_sampled():
    with pytest.raises(ValidationError, match="has no posterior to sample: set method to als"):
        train_params(model="damped_biases", method="gibbs")


def test_genres_must_be_given():
    with pytest.raises(MovierecError, match="genre_mf needs the movies' genres"):
        InMemoryData.from_params(*random_csrs(1), train_params(model="genre_mf"), None)
