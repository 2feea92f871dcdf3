"""Ratings left out before the split: a positive rating, and the core, compared with brute force."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.core.rating_scale import Scale
from movierec.prepare import rating_filter
from tests.helpers.random_data import random_ratings
from tests.prepare.test_split import rows, split_params

N_USERS, N_ITEMS = 12, 9
SCALE = Scale(1, 5)


def chosen(positive=None, users=1, movies=1):
    update = {"positive_rating": positive, "min_user_ratings": users, "min_movie_ratings": movies}
    return split_params("per_user_random").model_copy(update=update)


def core(listed, users, movies):
    """Remove one user or movie with too few ratings at a time, in any order."""
    while True:
        by_user, by_movie = (Counter(row[side] for row in listed) for side in (0, 1))
        few = [row for row in listed if by_user[row[0]] < users or by_movie[row[1]] < movies]
        if not few:
            return listed
        side = 0 if by_user[few[0][0]] < users else 1
        listed = [row for row in listed if row[side] != few[0][side]]


@given(
    st.integers(0, 1000),
    st.integers(20, 100),
    st.sampled_from([None, 2.5, 4.0]),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_the_core_is_the_one_of_brute_force_and_all_is_counted(seed, n, positive, users, movies):
    ratings = random_ratings(seed, N_USERS, N_ITEMS, n)
    positives = [row for row in rows(ratings) if row[2] >= (positive or 0)]
    expected = core(positives, users, movies)
    params = chosen(positive, users, movies)
    if not expected:
        with pytest.raises(MovierecError, match="no ratings are left to split"):
            rating_filter.apply(ratings, N_USERS, N_ITEMS, params, SCALE)
        return
    found, left_out = rating_filter.apply(ratings, N_USERS, N_ITEMS, params, SCALE)
    assert rows(found) == expected
    assert left_out.below_positive == n - len(positives)
    assert left_out.outside_core == len(positives) - len(expected)
    emptied = [
        len({row[side] for row in rows(ratings)}) - len({row[side] for row in expected})
        for side in (0, 1)
    ]
    assert [left_out.users, left_out.items] == emptied


def test_a_positive_rating_is_in_stars_of_any_scale():
    """On a scale of 1 to 10, 4 stars are 7.75."""
    ratings = random_ratings(0, N_USERS, N_ITEMS, 80)
    tens = ratings.take(np.arange(80))
    object.__setattr__(tens, "rating", np.resize(np.float32([7.5, 7.75, 8, 10]), 80))
    found, _ = rating_filter.apply(tens, N_USERS, N_ITEMS, chosen(4.0), Scale(1, 10))
    assert set(found.rating.tolist()) == {7.75, 8, 10}
