"""Intervals compared with textbook formulas and with a simple bootstrap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from movierec.evaluation import bootstrap
from movierec.evaluation.bootstrap import mean_of, root_of


def draw(seed=0):
    return np.random.default_rng(seed)


def interval(statistic, *columns, n_resamples=400, seed=0):
    return bootstrap.interval(statistic, *columns, n_resamples=n_resamples, rng=draw(seed))


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution():
    values = draw(1).normal(3, 2, 2000)
    expected = stats.norm.interval(0.95, values.mean(), values.std() / np.sqrt(2000))
    assert interval(mean_of, values, np.ones(2000), n_resamples=4000) == pytest.approx(
        expected, abs=0.01
    )


def test_it_covers_the_truth_as_often_as_it_says():
    """About 285 of 300 intervals should; 13 off would be 3.5 standard deviations."""
    covered = 0
    for seed in range(300):
        counts = draw(seed).integers(5, 40, 100)
        low, high = interval(mean_of, draw(seed + 1000).exponential(counts), counts, seed=seed)
        covered += low <= 1 <= high
    assert 272 <= covered <= 298


def test_users_are_drawn_and_not_ratings():
    """Correlated errors of a user make intervals wider than for independent ratings."""
    of_user = draw(2).exponential(1, 200)
    together = interval(root_of, of_user * 50, np.full(200, 50))
    alone = interval(root_of, np.repeat(of_user, 50), np.ones(10_000))
    assert together[1] - together[0] > 4 * (alone[1] - alone[0])


@given(st.integers(0, 1000))
def test_root_of_sums_against_a_bootstrap_written_out(seed):
    counts = draw(seed).integers(1, 9, 30).astype(float)
    squared = draw(seed + 1).random(30) * counts
    chosen = draw(seed + 2).integers(0, 30, (3000, 30))
    rmses = np.sqrt(squared[chosen].sum(axis=1) / counts[chosen].sum(axis=1))
    found = interval(root_of, squared, counts, n_resamples=3000)
    assert found == pytest.approx(np.quantile(rmses, [0.025, 0.975]), abs=0.02)


def test_fewer_than_two_users_have_no_interval():
    assert np.isnan(interval(mean_of, np.ones(1), np.ones(1))).all()
