"""Scores from 0 to 100, and whole numbers that add up to one."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.serving.score_scale import ScoreScale, rounded_to_sum

SCORES = st.lists(st.floats(-10, 10), min_size=1, max_size=20)


@given(SCORES)
def test_the_scale_keeps_the_order_from_0_to_100(scores):
    scores = np.array(scores)
    shown = ScoreScale.from_scores(scores, np.ones(len(scores), bool)).of(scores)
    assert shown.max() == pytest.approx(100)
    assert (shown >= -1e-9).all()
    assert (np.diff(shown[np.argsort(scores, kind="stable")]) >= 0).all()
    if scores.max() - scores.min() > 1e-300:
        assert shown.min() == pytest.approx(0, abs=1e-9)


def test_movies_that_the_user_has_rated_set_no_end():
    scores = np.array([9.0, 4.0, 3.0, 2.0, -7.0])
    scale = ScoreScale.from_scores(scores, np.array([False, True, True, True, False]))
    assert scale.of(scores[1:4]).tolist() == [100, 50, 0]
    assert ScoreScale.from_scores(scores, np.zeros(5, bool)) == ScoreScale(0, 0)


@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=30))
def test_rounded_numbers_add_up(values):
    total = round(math.fsum(values))
    rounded = rounded_to_sum(values, total)
    assert sum(rounded) == total
    assert all(abs(number - value) <= 1 for number, value in zip(rounded, values, strict=True))
