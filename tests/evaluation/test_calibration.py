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
    scores, half_widths = np.abs(RATING - PREDICTED), PredictionIntervals.normal(0.9).half_widths
    report, table = calibration.interval_coverage(scores, half_widths)
    np.testing.assert_allclose(table["coverage"], table["level"], atol=0.01)
    assert report["95"] == table["coverage"].iloc[-1]
    assert list(report) == ["50", "80", "95"]
    sure, _ = calibration.interval_coverage(2 * scores, half_widths)
    assert sure["95"] < 0.7, "intervals that are too narrow are seen"


@given(st.integers(0, 1000), st.integers(1, 40))
def test_coverage_by_groups_of_equally_many_ratings(seed, n):
    rng = np.random.default_rng(seed)
    counts = {"user": rng.integers(0, 9, n), "movie": np.arange(n)}
    scores, half_widths = rng.random(n), {level: level / 100 for level in LEVELS}
    table = calibration.coverage_by_count(scores, half_widths, counts)
    assert list(table["side"]) == ["user"] * min(n, 5) + ["movie"] * min(n, 5)
    everywhere = calibration.interval_coverage(scores, half_widths)[0]
    for side, rows in table.groupby("side"):
        assert rows["n_test"].sum() == n
        assert np.ptp(rows["n_test"]) <= 1
        assert rows["min_ratings"].iloc[0] == counts[side].min()
        assert (rows["min_ratings"].iloc[1:].array >= rows["max_ratings"].iloc[:-1].array).all()
        assert rows["max_ratings"].iloc[-1] == counts[side].max()
        for level, share in everywhere.items():
            found = np.average(rows[f"coverage_{level}"], weights=rows["n_test"])
            assert found == pytest.approx(share)


def test_no_test_ratings_at_all():
    assert calibration.calibration(np.zeros(0), np.zeros(0))[0] == {}
    assert calibration.interval_coverage(np.zeros(0), {})[0] == {}
    assert calibration.coverage_by_count(np.zeros(0), {}, {"user": np.zeros(0)}).empty
