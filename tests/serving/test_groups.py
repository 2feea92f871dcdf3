"""Scores for several people."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from movierec.serving.groups import COMBINE, GroupScores

N_ITEMS = 6
PEOPLE = arrays(float, st.tuples(st.integers(1, 4), st.just(N_ITEMS)), elements=st.floats(-5, 5))


def group(scores, others=None, combine="mean"):
    people = [SimpleNamespace(scores=row) for row in scores]
    return GroupScores(people, np.ones(N_ITEMS, bool) if others is None else others, combine)


@given(PEOPLE)
def test_least_misery_is_at_most_the_mean(scores):
    lowest, mean = (group(scores, combine=way).scores for way in ("least_misery", "mean"))
    assert (lowest <= mean + 1e-9).all()
    assert (mean <= group(scores).of_people.max(axis=0) + 1e-9).all()
    assert ((lowest > -1e-9) & (mean < 100 + 1e-9)).all()


@given(PEOPLE, st.sampled_from(sorted(COMBINE)), st.randoms())
def test_the_order_of_people_does_not_matter(scores, combine, random):
    order = random.sample(range(len(scores)), len(scores))
    one, other = group(scores, combine=combine), group(scores[order], combine=combine)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-9)


@given(PEOPLE, st.floats(0.5, 20), st.floats(-5, 5))
def test_nobody_counts_more_because_their_scores_have_a_wider_range(scores, factor, shift):
    scores = scores.round(3)
    wider = scores.copy()
    wider[0] = wider[0] * factor + shift
    np.testing.assert_allclose(group(wider).scores, group(scores).scores, atol=1e-6)


def test_movies_that_someone_has_rated_set_no_end():
    others = np.array([True, True, True, True, False, False])
    scores = [[0, 1, 2, 4, 99, -99], [4, 2, 1, 0, -99, 99]]
    assert group(np.array(scores), others).scores[:4].tolist() == [50, 37.5, 37.5, 50]
    lowest = group(np.array(scores), others, "least_misery").scores[:4]
    assert lowest.tolist() == [0, 25, 25, 0]


def test_values_are_of_the_group_and_of_each_person():
    def person(scores, rating):
        values = {"predicted_rating": np.array([rating]), "deviation": np.array([0.5])}
        return SimpleNamespace(scores=np.array(scores), values=lambda items, scale: values)

    both = GroupScores([person([0, 1], 4), person([1, 0], 2)], np.ones(2, bool))
    assert both.values(np.array([1]), (1, 5)) == {"score": [50], "predicted_rating": [3]}
    first, second = both.values_of_people(np.array([1]), (1, 5))
    assert (first["score"], second["score"]) == (pytest.approx([100]), pytest.approx([0]))
    assert (first["predicted_rating"], second["predicted_rating"]) == ([4], [2])
