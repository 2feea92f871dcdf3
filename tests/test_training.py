"""Training on planted data: how good it is, when it stops, and how it goes on."""

import numpy as np
import pytest

from movierec import als, split
from movierec.metrics import errors_of
from movierec.params import SplitParams
from movierec.sparse import Ratings
from tests.random_data import train_params


def assert_same(one, other):
    """Two models, bit by bit."""
    for name in ("user_factors", "user_biases", "item_factors", "item_biases"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


class Planted:
    """Ratings of known factors plus noise, divided into train, validation and test."""

    NOISE = 0.5

    def __init__(self):
        rng = np.random.default_rng(0)
        pairs = np.sort(rng.choice(60 * 40, 1500, replace=False))
        users, items = pairs // 40, pairs % 40
        factors = rng.normal(size=(60, 2)), rng.normal(0, 0.8, (40, 2))
        biases = rng.normal(0, 0.4, 60), rng.normal(0, 0.6, 40)
        expected = 3.5 + biases[0][users] + biases[1][items]
        expected += (factors[0][users] * factors[1][items]).sum(axis=1)
        self.ratings = Ratings(
            users.astype(np.int32),
            items.astype(np.int32),
            (expected + rng.normal(0, self.NOISE, 1500)).astype(np.float32),
            np.zeros(1500, np.int64),
        )
        params = SplitParams(protocol="per_user_random", test_fraction=0.2, validation_fraction=0.1)
        self.train, self.validation, self.test = split.split(self.ratings, 60, params, 0)

    def fit(self, validation=None, **changes):
        return self.fit_to(self.train, self.train, validation, **changes)

    def fit_to(
        self,
        of_users,
        of_items,
        validation=None,
        on_epoch=lambda fit: None,
        so_far=None,
        **changes,
    ):
        """Train on these ratings by user and those by item; params near the planted truth."""
        by_user, by_item = of_users.by_user(60), of_items.by_user(60).transpose(40)
        truth = {"rating_precision": self.NOISE**-2, "factor_precision": 1, "bias_precision": 3}
        flat = {"factor_precision_per_rating": 0, "bias_precision_per_rating": 0}
        params = train_params(**({"n_factors": 2, "dtype": "float32"} | truth | flat | changes))
        return als.fit(by_user, by_item, params, 0, (-10, 20), validation, on_epoch, so_far)

    def test_rmse(self, fit):
        return errors_of(fit.model, self.test, (-10, 20)).rmse


PLANTED = Planted()


def test_rmse_on_planted_data_is_in_a_band():
    """Above the noise by what 15 ratings a user leave unknown, no more and no less."""
    low, high = 1.15 * PLANTED.NOISE, 1.35 * PLANTED.NOISE
    assert low < PLANTED.test_rmse(PLANTED.fit(max_epochs=12)) < high
    assert PLANTED.test_rmse(PLANTED.fit(n_factors=0)) > high


@pytest.mark.parametrize(("of_users", "of_items"), [(1, 1), (1, 0), (0, 1)])
def test_a_leak_falls_out_of_the_band(of_users, of_items):
    """Test ratings in both training indices or in one."""
    parts = PLANTED.train, PLANTED.ratings
    leaky = PLANTED.fit_to(parts[of_users], parts[of_items], max_epochs=12)
    assert PLANTED.test_rmse(leaky) < 1.15 * PLANTED.NOISE


@pytest.mark.parametrize(("patience", "min_improvement"), [(1, 0.0), (3, 0.0), (2, 0.01)])
def test_training_stops_when_validation_no_longer_improves(patience, min_improvement):
    weak = {"factor_precision": 0.02, "n_factors": 6}
    stopping = {"patience": patience, "min_improvement": min_improvement}
    fit = PLANTED.fit(validation=PLANTED.validation, max_epochs=40, **weak, **stopping)
    curve = [epoch.validation_rmse for epoch in fit.epochs]
    best = 0
    for place, rmse in enumerate(curve):
        if rmse < curve[best] - min_improvement:
            best = place
        assert place - best < patience or place == len(curve) - 1
    assert len(curve) == fit.best_epoch + patience < 40
    assert fit.best_epoch == best + 1


def test_the_model_is_that_of_the_best_epoch():
    """Not of the last: as if training had been told to stop there."""
    weak = {"factor_precision": 0.02, "n_factors": 6}
    fit = PLANTED.fit(validation=PLANTED.validation, max_epochs=40, patience=3, **weak)
    assert fit.best_epoch == len(fit.epochs) - 3
    told = PLANTED.fit(max_epochs=fit.best_epoch, **weak)
    assert_same(fit.model, told.model)
    errors = errors_of(fit.model, PLANTED.validation, (-10, 20))
    assert fit.validation == errors
    assert fit.epochs[fit.best_epoch - 1].validation_rmse == errors.rmse


@pytest.mark.parametrize("place", [0, 2, -2, -1])
def test_training_goes_on_after_an_interruption_to_the_same_bits(place):
    """From the first epoch, one before the best, one after it and the last."""
    calls, weak = [], {"factor_precision": 0.02, "n_factors": 6, "max_epochs": 40, "patience": 3}
    fit = PLANTED.fit(validation=PLANTED.validation, on_epoch=calls.append, **weak)
    again = PLANTED.fit(validation=PLANTED.validation, so_far=calls[place], **weak)
    assert_same(again.model, fit.model)
    assert (again.epochs, again.best_epoch) == (fit.epochs, fit.best_epoch)
    assert again.validation == fit.validation


def test_without_an_improvement_ever_the_first_epoch_is_the_best():
    fit = PLANTED.fit(validation=PLANTED.validation, max_epochs=9, patience=4, min_improvement=99)
    assert (fit.best_epoch, len(fit.epochs)) == (1, 5)


def test_training_ends_at_max_epochs():
    fit = PLANTED.fit(validation=PLANTED.validation, max_epochs=2, patience=4)
    assert len(fit.epochs) == 2
