"""Baselines, compared with means computed rating by rating."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.model import baselines
from tests.helpers.random_data import csr_of_counts, random_csrs

SEEDS = st.integers(0, 1000)
N_RATINGS = st.integers(1, 63)


def values_by_row(csr):
    """The values of each row as a list."""
    rows = [[] for _ in range(csr.n_rows)]
    for row, value in zip(csr.row_index, csr.values.tolist(), strict=True):
        rows[row].append(value)
    return rows


def predictor(name, by_user, by_item, damping=0):
    return baselines.predictors(by_user, by_item, damping)[name]


def grid(model):
    """Every prediction of a model (n_users, n_items)."""
    users, items = np.indices((model.n_users, model.n_items), dtype=np.int32)
    return model.predict(users.ravel(), items.ravel()).reshape(users.shape)


@given(SEEDS, N_RATINGS)
def test_global_mean(seed, n_ratings):
    by_user, by_item = random_csrs(seed, n_ratings=n_ratings)
    mean = sum(by_user.values.tolist()) / n_ratings
    np.testing.assert_allclose(grid(predictor("global_mean", by_user, by_item)), mean, rtol=1e-6)


@given(SEEDS, N_RATINGS)
def test_item_mean(seed, n_ratings):
    by_user, by_item = random_csrs(seed, n_ratings=n_ratings)
    mean = sum(by_user.values.tolist()) / n_ratings
    expected = [sum(row) / len(row) if row else mean for row in values_by_row(by_item)]
    predicted = grid(predictor("item_mean", by_user, by_item))
    np.testing.assert_allclose(predicted, np.tile(expected, (9, 1)), rtol=1e-5)


@given(SEEDS, N_RATINGS, st.sampled_from([0, 0.5, 5]))
def test_damped_biases(seed, n_ratings, damping):
    by_user, by_item = random_csrs(seed, n_ratings=n_ratings)
    mean = sum(by_user.values.tolist()) / n_ratings

    def damped(residuals):
        return sum(residuals) / (len(residuals) + damping) if residuals else 0.0

    items = [damped([value - mean for value in row]) for row in values_by_row(by_item)]
    left = [[] for _ in range(by_user.n_rows)]
    triples = zip(by_user.row_index, by_user.indices, by_user.values.tolist(), strict=True)
    for user, item, value in triples:
        left[user].append(value - mean - items[item])
    users = [damped(residuals) for residuals in left]
    predicted = grid(baselines.damped_biases(by_user, by_item, damping))
    np.testing.assert_allclose(predicted, mean + np.add.outer(users, items), atol=1e-5)


def test_damped_biases_worked_by_hand():
    """Two users, two items, ratings 5 and 3 by user 0, and 1 of item 0 by user 1; the mean is 3.

    Items: (2 − 2) / (2 + 1) = 0 and 0 / 2 = 0. Users: (2 + 0) / 3 and −2 / 2.
    """
    by_user = csr_of_counts(0, [2, 1], 2)
    by_user = replace(
        by_user,
        indices=np.array([0, 1, 0], np.int32),
        values=np.array([5, 3, 1], np.float32),
    )
    model = baselines.damped_biases(by_user, by_user.transpose(2), 1)
    assert model.global_mean == 3
    np.testing.assert_allclose(model.item_biases, [0, 0])
    np.testing.assert_allclose(model.user_biases, [2 / 3, -1], rtol=1e-6)


def test_strong_damping_leaves_the_global_mean():
    by_user, by_item = random_csrs(1)
    strong = grid(baselines.damped_biases(by_user, by_item, 1e9))
    np.testing.assert_allclose(strong, grid(predictor("global_mean", by_user, by_item)), rtol=1e-6)


def test_popularity_ranks_by_the_number_of_ratings():
    by_user, by_item = random_csrs(2)
    model = baselines.popularity(by_user, by_item)
    np.testing.assert_array_equal(model.item_biases, [len(row) for row in values_by_row(by_item)])
    assert not model.user_biases.any()


@pytest.mark.parametrize("name", ["global_mean", "item_mean", "damped_biases", "popularity"])
def test_baselines_are_models_without_factors(name):
    csrs = random_csrs(3)
    model = baselines.popularity(*csrs) if name == "popularity" else predictor(name, *csrs)
    assert (model.n_users, model.n_items, model.n_factors) == (9, 7, 0)
    assert {array.dtype for array in list(vars(model).values())[1:5]} == {np.dtype("float32")}
