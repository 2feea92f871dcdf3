"""Prediction intervals of errors with known distributions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from movierec.data.rating_arrays import Ratings
from movierec.model.prediction_intervals import LEVELS, TERMS, PredictionIntervals
from tests.helpers.random_data import random_ratings

N, EXPONENTS = 40_000, (-0.3, 0.2)
SHARES = np.array(LEVELS) / 100
COUNTS = [np.exp(np.linspace(0, 7, n)).astype(int) - 1 for n in (300, 200)]


def draw(seed, n=N):
    """Heavy-tailed errors whose size depends on the counts, their ratings, and the counts."""
    rng = np.random.default_rng(seed)
    users, items = (rng.integers(0, len(counts), n).astype(np.int32) for counts in COUNTS)
    ratings = Ratings(users, items, np.zeros(n, np.float32), np.zeros(n, np.int64))
    numbers = np.column_stack((COUNTS[0][users], COUNTS[1][items]))
    sizes = np.prod((1.0 + numbers) ** EXPONENTS, axis=1)
    return rng.standard_t(3, n) * sizes, ratings, COUNTS


def weights(intervals):
    return np.array([intervals.weights[term] for term in TERMS])


def half_widths(intervals):
    return np.array([intervals.half_widths[level] for level in LEVELS])


def test_intervals_hold_for_new_ratings_with_few_and_with_many_others():
    """A share of 8,000 ratings has a standard error of at most 0.56%."""
    intervals = PredictionIntervals.fit(*draw(0))
    np.testing.assert_allclose(weights(intervals), (*EXPONENTS, 0, 0), atol=0.02)
    errors, ratings, counts = draw(1)
    scores = intervals.scores(errors, ratings, counts)
    for n in (counts[0][ratings.user_index], counts[1][ratings.item_index]):
        for part in np.array_split(np.argsort(n, kind="stable"), 5):
            inside = scores[part][:, None] <= half_widths(intervals)
            np.testing.assert_allclose(inside.mean(axis=0), SHARES, atol=0.02)


@given(st.integers(0, 1000), st.integers(1, 30), st.sampled_from([0, 0.5, 1]))
def test_the_promised_share_of_any_ratings_is_inside(seed, n, exact):
    """(n + 1) · level of the n ratings that intervals are fitted to, or all: with that many, a new
    one is inside with at least this probability. Also if errors are 0, and if some are tied."""
    rng, ratings = np.random.default_rng(seed), random_ratings(seed, n_ratings=n)
    counts = rng.integers(0, 100, 9), rng.integers(0, 100, 7)
    errors = np.where(rng.random(n) < exact, 0, rng.choice([0.5, 1.5], n) * rng.standard_cauchy(n))
    intervals = PredictionIntervals.fit(errors, ratings, counts)
    inside = intervals.scores(errors, ratings, counts)[:, None] <= half_widths(intervals)
    promised = np.minimum(np.ceil(SHARES * (n + 1) - 1e-9), n)
    assert (inside.sum(axis=0) >= promised).all()
    assert np.isfinite(weights(intervals)).all()
    assert (np.diff(half_widths(intervals)) >= 0).all()


def test_only_relative_errors_and_counts_matter():
    errors, ratings, counts = draw(2, n=500)
    one = PredictionIntervals.fit(errors, ratings, counts)
    more = [10 * (n + 1) - 1 for n in counts]  # as if each had rated ten times as much
    other = PredictionIntervals.fit(7 * errors, ratings, more)
    np.testing.assert_allclose(weights(other), weights(one), atol=1e-9)
    np.testing.assert_allclose(half_widths(other), 7 * half_widths(one))
    np.testing.assert_allclose(
        other.scores(errors, ratings, more), one.scores(errors, ratings, counts)
    )


def test_a_few_ratings_do_not_move_the_weights_far():
    assert np.abs(weights(PredictionIntervals.fit(*draw(3, n=10)))).max() < 0.2


def test_normal_intervals_are_the_same_for_all():
    errors, ratings, counts = draw(4, n=20)
    intervals = PredictionIntervals.normal(2.0)
    np.testing.assert_array_equal(intervals.scores(errors, ratings, counts), np.abs(errors))
    np.testing.assert_allclose(half_widths(intervals), 2 * ndtri((1 + SHARES) / 2))
    assert intervals.half_widths[95] == pytest.approx(2 * 1.96, abs=1e-3)
    assert PredictionIntervals.model_validate(intervals.model_dump(mode="json")) == intervals
