"""Calibration and intervals of predictions whose errors are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.evaluation import calibration
from movierec.model.prediction_intervals import LEVELS, PredictionIntervals

RNG = np.random.default_rng(0)
PREDICTED = RNG.normal(3.5, 0.6, 40_000)
RATING = PREDICTED + RNG.normal(0, 0.9, 40_000)
SCALE = (-4.0, 12.0)


def calibrated(predicted, rating, scale=SCALE):
    return calibration.calibration(calibration.count_predicted(predicted, rating, scale), scale)


def covered(scores, half_widths):
    return calibration.interval_coverage(
        calibration.count_coverage(scores, half_widths, {})["inside"], half_widths
    )


def test_predictions_that_are_right_on_average():
    report, bins = calibrated(PREDICTED, RATING)
    assert report["slope"] == pytest.approx(1, abs=0.02)
    assert report["error"] < 0.03
    np.testing.assert_allclose(bins["n_test"], [2000] * 20, atol=40)
    assert bins["predicted_rating"].is_monotonic_increasing


def test_predictions_that_are_half_a_star_off_or_spread_too_far():
    assert calibrated(PREDICTED + 0.5, RATING)[0]["error"] == pytest.approx(0.5, abs=0.02)
    spread = 3.5 + 2 * (PREDICTED - 3.5)
    assert calibrated(spread, RATING)[0]["slope"] == pytest.approx(0.5, abs=0.01)


@given(st.integers(0, 1000), st.integers(1, 60))
def test_blocks_add_up_to_the_same_integers(seed, n):
    rng = np.random.default_rng(seed)
    predicted, rating, cut = *rng.random((2, n)), rng.integers(0, n + 1)
    whole, before, after = (
        calibration.count_predicted(predicted[part], rating[part], (0.0, 1.0))
        for part in (slice(None), slice(cut), slice(cut, None))
    )
    for name, counted in whole.items():
        np.testing.assert_array_equal(before[name] + after[name], counted)


@given(st.integers(0, 1000), st.integers(1, 60))
def test_bins_hold_every_rating_once(seed, n):
    rng = np.random.default_rng(seed)
    predicted, rating = rng.random(n), rng.random(n)
    _, bins = calibrated(predicted, rating, (0.0, 1.0))
    assert bins["n_test"].sum() == n
    for name, values in (("predicted_rating", predicted), ("rating", rating)):
        assert np.average(bins[name], weights=bins["n_test"]) == pytest.approx(values.mean())


def test_intervals_of_normal_errors_cover_what_they_say():
    scores, half_widths = np.abs(RATING - PREDICTED), PredictionIntervals.normal(0.9).half_widths
    report, table = covered(scores, half_widths)
    np.testing.assert_allclose(table["coverage"], table["level"], atol=0.01)
    assert report["95"] == table["coverage"].iloc[-1]
    assert list(report) == ["50", "80", "95"]
    sure, _ = covered(2 * scores, half_widths)
    assert sure["95"] < 0.7, "intervals that are too narrow are seen"


@given(st.integers(0, 1000), st.integers(1, 40))
def test_coverage_by_groups_of_about_equally_many_ratings(seed, n):
    """Of whole counts: a group has at most half of its first and last count too many or few."""
    rng = np.random.default_rng(seed)
    counts = {"user": rng.integers(0, 9, n), "movie": np.arange(n)}
    scores, half_widths = rng.random(n), {level: level / 100 for level in LEVELS}
    of_sides = {side: (each, int(each.max())) for side, each in counts.items()}
    counted = calibration.count_coverage(scores, half_widths, of_sides)
    table = calibration.coverage_by_count({side: counted[f"inside_{side}"] for side in counts})
    everywhere = covered(scores, half_widths)[0]
    for side, rows in table.groupby("side"):
        most = np.bincount(counts[side]).max()
        assert rows["n_test"].sum() == n
        assert (rows["n_test"] <= n / 5 + most).all()
        assert rows["min_ratings"].iloc[0] == counts[side].min()
        assert (rows["min_ratings"].iloc[1:].array > rows["max_ratings"].iloc[:-1].array).all()
        assert rows["max_ratings"].iloc[-1] == counts[side].max()
        for level, share in everywhere.items():
            found = np.average(rows[f"coverage_{level}"], weights=rows["n_test"])
            assert found == pytest.approx(share)


def test_no_test_ratings_at_all():
    none = np.zeros(0)
    assert calibrated(none, none)[0] == {}
    half_widths = PredictionIntervals.normal(1).half_widths
    assert covered(none, half_widths)[0] == {}
    counted = calibration.count_coverage(none, half_widths, {"user": (none.astype(int), 3)})
    assert calibration.coverage_by_count({"user": counted["inside_user"]}).empty
