"""Item regression, compared with the closed form in float64."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.core.params import ItemRegressionParams
from movierec.core.rating_scale import Scale
from movierec.kernels.item_regression import PIVOTS
from movierec.model import item_regression
from movierec.model.item_regression import Cells, ItemWeights, RegressionScores
from tests.helpers.random_data import SCALE, random_csrs
from tests.helpers.threads import results_by_threads

CELLS = Cells(4, 0.5, SCALE)


def params(**changes) -> ItemRegressionParams:
    defaults = {
        "max_items": 100,
        "ridge": 2.0,
        "liked_rating": 4.0,
        "low_cell": 0.5,
        "weights_per_item": 100,
        "refit": True,
    }
    return ItemRegressionParams(**defaults | changes)


def fit(by_user, n_items, n_blocks=1, **changes) -> ItemWeights:
    settings = params(**changes)
    counts = np.bincount(by_user.indices, minlength=n_items)
    size = item_regression.size_of_matrix(counts, settings.max_items)
    cuts = np.linspace(0, by_user.n_rows, n_blocks + 1).astype(int)
    blocks = [by_user.rows(slice(*ends)) for ends in pairwise(cuts)]
    matrix = np.zeros((size, size), np.float32)
    return item_regression.fit(blocks, counts, CELLS, settings, matrix)


def cells_of(by_user, n_items):
    """The cells as a dense matrix (n_users, n_items)."""
    cells = np.zeros((by_user.n_rows, n_items))
    cells[by_user.row_index, by_user.indices] = np.where(by_user.values >= 4, 1, 0.5)
    return cells


def closed_form(cells, ridge):
    """The weights of Steck (2019), from items in rows to their scores in columns."""
    inverse = np.linalg.inv(cells.T @ cells + ridge * np.eye(cells.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def dense(regression):
    """All weights (n_items, n_items)."""
    weights = np.zeros((regression.n_items, regression.n_items))
    for item, others, values in zip(
        regression.items, regression.others, regression.weights, strict=True
    ):
        kept = others >= 0
        weights[item, regression.items[others[kept]]] = values[kept]
    return weights


@given(st.integers(0, 1000), st.sampled_from([1, 7, 40, PIVOTS + 30]))
def test_weights_are_the_closed_form(seed, n_items):
    by_user, _ = random_csrs(seed, 30, n_items, 10 * n_items)
    cells = cells_of(by_user, n_items)
    found = fit(by_user, n_items, max_items=200, weights_per_item=200)
    np.testing.assert_allclose(dense(found), closed_form(cells, 2.0), atol=2e-5)
    scores = RegressionScores.of_ratings(found, by_user, CELLS).scores()
    expected = (cells @ closed_form(cells, 2.0))[:, found.items]
    np.testing.assert_allclose(scores, expected, atol=1e-4)


@given(st.integers(0, 1000), st.integers(1, 12))
def test_the_most_rated_movies_take_part_with_their_largest_weights(seed, n_weights):
    by_user, by_item = random_csrs(seed, 30, 20, 150)
    found = fit(by_user, 20, max_items=12, weights_per_item=n_weights)
    counts = by_item.counts
    assert counts[found.items].min() >= np.delete(counts, found.items).max()
    expected = closed_form(cells_of(by_user, 20)[:, found.items], 2.0)
    kept = dense(found)[np.ix_(found.items, found.items)]
    assert ((kept != 0).sum(axis=1) <= n_weights).all()
    for row, all_weights in zip(kept, expected, strict=True):
        np.testing.assert_allclose(row[row != 0], all_weights[row != 0], atol=2e-5)
        left_out = np.abs(all_weights[row == 0]).max(initial=0)
        assert left_out <= np.abs(row[row != 0]).min(initial=np.inf) + 2e-5


def test_the_same_bits_for_any_blocks_and_threads():
    by_user, _ = random_csrs(3, 60, PIVOTS + 9, 4000)
    changes = {"max_items": 200, "low_cell": 0.3}
    one, two = results_by_threads(lambda: fit(by_user, PIVOTS + 9, **changes).weights.tobytes())
    assert one == two == fit(by_user, PIVOTS + 9, 7, **changes).weights.tobytes()


def test_an_inverse_of_several_blocks_of_pivots():
    rng = np.random.default_rng(0)
    half = rng.normal(size=(3 * PIVOTS, 3 * PIVOTS))
    matrix = half @ half.T + 50 * np.eye(3 * PIVOTS)
    swept = np.triu(matrix).astype(np.float32)
    item_regression.invert(swept)
    expected = -np.linalg.inv(matrix)
    np.testing.assert_allclose(np.triu(swept), np.triu(expected), atol=1e-5 * abs(expected).max())


def test_a_ridge_that_is_too_small_is_one_line():
    matrix = np.triu(np.ones((2 * PIVOTS, 2 * PIVOTS), np.float32))  # of rank 1
    with pytest.raises(MovierecError, match="ridge: too small"):
        item_regression.invert(matrix)


@pytest.mark.parametrize("max_items", [0, 5])
def test_without_movies_that_take_part(max_items):
    by_user, _ = random_csrs(0, 9, 7, 0)
    found = fit(by_user, 7, max_items=max_items)
    assert found.arrays["items"].size == found.weights.size == 0
    assert RegressionScores.of_ratings(found, by_user, CELLS).scores().shape == (9, 0)


@pytest.mark.parametrize("scale", [Scale(1, 5), Scale(0.5, 5), Scale(0, 10), Scale(20, 100)])
def test_cells_mean_the_same_on_every_scale(scale):
    cells, stars = Cells(4, 0.5, scale), np.array([1, 1.5, 2, 3.5, 4, 5])
    ratings = np.float32(scale.low + (stars - 1) * scale.star)
    assert cells.of(ratings).tolist() == [0.5, 0.5, 0.5, 0.5, 1, 1]
    assert cells.of_new_user(ratings).tolist() == [0, 0, 0.5, 0.5, 1, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"items": np.array([0, 7], np.int32)},
        {"items": np.array([1, 0], np.int32)},
        {"items": np.array([-1, 0], np.int32)},
        {"items": np.array([0, 1], np.int64)},
        {"others": np.array([[2], [0]], np.int32)},
        {"others": np.array([[-2], [0]], np.int32)},
        {"others": np.zeros((2, 2), np.int32)},
        {"weights": np.zeros((2, 1))},
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes):
    """The kernels would use memory that is not theirs."""
    others, weights = np.array([[1], [0]], np.int32), np.ones((2, 1), np.float32)
    good = ItemWeights(np.array([0, 6], np.int32), others, weights, 7)
    with pytest.raises(ValueError, match=r"do not fit|out of range"):
        replace(good, **changes)
