"""Calibration and intervals of predictions whose errors are known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.evaluation import calibration
from tests.helpers.random_data import random_model, random_ratings

RNG = np.random.default_rng(0)
PREDICTED = RNG.normal(3.5, 0.6, 40_000)
RATING = PREDICTED + RNG.normal(0, 0.9, 40_000)


def test_predictions_that_are_right_on_average():
    report, bins = calibration.calibration(PREDICTED, RATING)
    assert report["slope"] == pytest.approx(1, abs=0.02)
    assert report["error"] < 0.03
    assert bins["n_test"].tolist() == [2000] * 20
    assert bins["predicted_rating"].is_monotonic_increasing


def test_predictions_that_are_half_a_star_off_or_spread_too_far():
    assert calibration.calibration(PREDICTED + 0.5, RATING)[0]["error"] == pytest.approx(
        0.5, abs=0.02
    )
    spread = 3.5 + 2 * (PREDICTED - 3.5)
    assert calibration.calibration(spread, RATING)[0]["slope"] == pytest.approx(0.5, abs=0.01)


@given(st.integers(0, 1000), st.integers(1, 60))
def test_bins_hold_every_rating_once(seed, n):
    rng = np.random.default_rng(seed)
    predicted, rating = rng.random(n), rng.random(n)
    _, bins = calibration.calibration(predicted, rating)
    assert bins["n_test"].sum() == n
    for name, values in (("predicted_rating", predicted), ("rating", rating)):
        assert np.average(bins[name], weights=bins["n_test"]) == pytest.approx(values.mean())


def test_intervals_of_normal_errors_cover_what_they_say():
    report, table = calibration.interval_coverage(RATING - PREDICTED, np.full(len(RATING), 0.9))
    np.testing.assert_allclose(table["coverage"], table["level"], atol=0.01)
    assert report["95"] == table["coverage"].iloc[-1]
    assert list(report) == ["50", "80", "95"]
    sure, _ = calibration.interval_coverage(RATING - PREDICTED, np.full(len(RATING), 0.45))
    assert sure["95"] < 0.7, "intervals that are too narrow are seen"


def test_the_deviation_of_a_mean_of_samples_holds_their_spread_and_the_noise():
    ratings = random_ratings(3)
    model = replace(
        random_model(3, n_factors=4),
        sample_user_biases=np.random.default_rng(1).normal(size=(9, 2)),
        sample_item_biases=np.random.default_rng(2).normal(size=(7, 2)),
        sample_noise_precision=np.array([1.0, 4.0]),
    )
    spread = model.deviation(ratings.user_index, ratings.item_index)
    found = calibration.deviation_of_ratings(model, ratings, 99)
    np.testing.assert_allclose(found**2, spread**2 + (1 + 0.25) / 2)
    of_one = calibration.deviation_of_ratings(random_model(3), ratings, 0.9)
    assert of_one.tolist() == [0.9] * len(ratings)


def test_no_test_ratings_at_all():
    assert calibration.calibration(np.zeros(0), np.zeros(0))[0] == {}
    assert calibration.interval_coverage(np.zeros(0), np.zeros(0))[0] == {}
