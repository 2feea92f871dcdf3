"""The paired test: its interval and its p-value agree, and both are as often right as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from movierec.evaluation import bootstrap, paired_test


def draw(seed):
    return np.random.default_rng(seed)


def errors_of_two_runs(seed, n_users=80, effect=0.0):
    """Sums of squared errors over users whose numbers of ratings differ as on MovieLens."""
    rng = draw(seed)
    counts = np.ceil(rng.lognormal(2.5, 1, n_users))
    common = rng.gamma(2, 0.5, n_users)  # some users are hard to predict for both runs
    a, b = (counts * common * rng.lognormal(-0.02, 0.2, n_users) for _ in range(2))
    return a, b * (1 + effect), counts


@given(st.integers(0, 10**6), st.integers(2, 60), st.floats(-0.5, 0.5), st.booleans())
def test_p_is_below_5_per_cent_exactly_if_the_interval_excludes_0(seed, n_users, effect, is_root):
    runs = errors_of_two_runs(seed, n_users, effect)
    difference = paired_test.compare(*runs, is_root=is_root)
    assert difference.is_significant == (difference.p_value < 0.05)
    assert difference.low <= difference.b - difference.a <= difference.high
    a, b, counts = runs
    back = paired_test.compare(b, a, counts, is_root=is_root)
    assert (back.low, back.high) == pytest.approx((-difference.high, -difference.low))


def test_without_a_difference_one_is_found_in_5_per_cent():
    """Of 2,000 pairs of runs that differ by chance; four standard deviations are 2%."""
    for is_root in (True, False):
        found = [
            paired_test.compare(*errors_of_two_runs(seed), is_root=is_root).is_significant
            for seed in range(2000)
        ]
        assert 0.03 < np.mean(found) < 0.07


def test_the_interval_covers_a_true_difference_in_95_per_cent():
    """The true value is that of a million users, of which each run has some."""
    a, b, counts = errors_of_two_runs(1, 10**6, effect=0.05)
    truth = np.sqrt(b.sum() / counts.sum()) - np.sqrt(a.sum() / counts.sum())
    covered = 0
    for seed in range(1000):
        users = draw(seed).integers(0, 10**6, 150)
        difference = paired_test.compare(a[users], b[users], counts[users], is_root=True)
        covered += difference.low <= truth <= difference.high
    assert 0.92 < covered / 1000 < 0.98


def test_of_means_over_users_it_is_the_paired_t_test():
    a, b = draw(5).random((2, 40))
    difference = paired_test.compare(a, b, np.ones(40))
    expected = stats.ttest_rel(b, a)
    assert difference.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (difference.low, difference.high) == pytest.approx((interval.low, interval.high))


def test_of_an_rmse_the_interval_is_near_that_of_the_bootstrap():
    a, b, counts = errors_of_two_runs(3, 2000, effect=0.03)
    difference = paired_test.compare(a, b, counts, is_root=True)
    low, high = bootstrap.interval(
        lambda a, b, n: bootstrap.root_of(b, n) - bootstrap.root_of(a, n),
        *(a, b, counts),
        n_resamples=2000,
        rng=draw(4),
    )
    width = difference.high - difference.low
    assert difference.low == pytest.approx(low, abs=0.1 * width)
    assert difference.high == pytest.approx(high, abs=0.1 * width)


@pytest.mark.parametrize("n_users", [0, 1])
def test_fewer_than_two_users_have_no_interval(n_users):
    difference = paired_test.compare(*np.ones((3, n_users)), is_root=True)
    assert np.isnan([difference.low, difference.high, difference.p_value]).all()
    assert not difference.is_significant


def test_runs_without_errors_and_runs_that_are_equal():
    nothing, some = np.zeros(9), np.arange(9.0)
    same = paired_test.compare(some, some, np.ones(9), is_root=True)
    assert (same.low, same.high, same.p_value) == (0, 0, 1)
    perfect = paired_test.compare(nothing, nothing, np.ones(9), is_root=True)
    assert (perfect.a, perfect.low, perfect.high, perfect.p_value) == (0, 0, 0, 1)
    constant = paired_test.compare(nothing, nothing + 0.5, np.ones(9))
    assert (constant.low, constant.high, constant.p_value) == (0.5, 0.5, 0)
    assert constant.is_significant
