"""Predictions, errors and top-n lists, compared with reference implementations."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from movierec.kernels.scoring import PANEL, keep_best, squared_errors_by_row, top_n_items
from movierec.kernels.tiles import TILE
from tests.helpers import reference_kernels
from tests.helpers.random_data import csr_of_counts, random_csrs, random_model, random_ratings
from tests.helpers.threads import needs_two_threads, results_by_threads

NONE = np.zeros(0)
TOLERANCE = {"float32": 1e-5, "float64": 1e-13}


def errors_by_row(model, by_user, low, high, totals=NONE, n_samples=1, timestamp=None):
    dtype = model.user_factors.dtype.type
    return squared_errors_by_row(
        by_user.indptr,
        by_user.indices,
        by_user.values,
        dtype(model.global_mean),
        model.user_factors,
        model.item_factors,
        model.user_biases,
        model.item_biases,
        dtype(low),
        dtype(high),
        *model.days_of(timestamp).arrays,
        model.day_share,
        totals,
        n_samples,
    )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n_factors", [0, 1, TILE + 1])
def test_predictions(n_factors, dtype):
    model, ratings = random_model(1, n_factors=n_factors, dtype=dtype), random_ratings(2)
    predicted = model.predict(ratings.user_index, ratings.item_index)
    pairs = zip(ratings.user_index, ratings.item_index, strict=True)
    expected = [reference_kernels.predict(model, user, item) for user, item in pairs]
    assert predicted.dtype == dtype
    np.testing.assert_allclose(predicted, expected, atol=TOLERANCE[dtype])


def test_no_predictions():
    nothing = np.zeros(0, np.int32)
    assert random_model(1).predict(nothing, nothing).shape == (0,)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n_factors", [0, 1, TILE + 1])
def test_squared_errors(n_factors, dtype):
    """The scale is so narrow that many predictions are clipped at either end."""
    model = random_model(3, n_factors=n_factors, dtype=dtype)
    by_user = csr_of_counts(4, [3, 0, 7, 1, 0, 5, 2, 6, 0], 7)
    sums = errors_by_row(model, by_user, 3.25, 3.75)
    expected = reference_kernels.squared_errors_by_row(model, by_user, 3.25, 3.75)
    assert sums.dtype == np.float64
    np.testing.assert_allclose(sums[:, :3], expected, atol=TOLERANCE[dtype] * 100)
    np.testing.assert_array_equal(sums[:, 3], sums[:, 0])


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_squared_errors_of_a_mean_grow_sample_by_sample(dtype):
    by_user = csr_of_counts(4, [3, 0, 7, 1, 0, 5, 2, 6, 0], 7)
    samples, totals = [random_model(seed, dtype=dtype) for seed in range(3)], np.zeros(24)
    each = []
    for n, sample in enumerate(samples, 1):
        each.append(sample.predict(by_user.row_index, by_user.indices).astype(float))
        sums = errors_by_row(sample, by_user, 3.25, 3.75, totals, n).sum(axis=0)
        mean, given = np.mean(each, axis=0), by_user.values
        clipped = given - np.clip(mean, 3.25, 3.75)
        expected = [np.sum((given - each[-1]) ** 2), np.sum(clipped**2), np.sum(abs(clipped))]
        expected.append(np.sum((given - mean) ** 2))
        np.testing.assert_allclose(sums, expected, rtol=TOLERANCE[dtype] * 100)


@given(
    st.lists(st.integers(-3, 3) | st.just(-np.inf), min_size=1, max_size=40),
    st.integers(1, 6),
    st.integers(0, 40),
)
@example([-np.inf, -np.inf], 3, 1)
@example([2, 2, 2, 2], 2, 2)
def test_keep_best_in_two_parts(scores, n, cut):
    """Lists merged from parts, with ties, equal those of a full sort."""
    scores = np.array(scores, np.float64)
    best_scores, best_items = np.full(n, -np.inf), np.full(n, -1, np.int32)
    keep_best(scores[:cut], 0, best_scores, best_items)
    keep_best(scores[cut:], min(cut, len(scores)), best_scores, best_items)
    expected = reference_kernels.best(scores, n)
    np.testing.assert_array_equal(best_items[: len(expected)], expected)
    np.testing.assert_array_equal(best_scores[: len(expected)], scores[expected])
    assert (best_items[len(expected) :] == -1).all()
    assert np.isneginf(best_scores[len(expected) :]).all()


@pytest.mark.parametrize("n_factors", [0, 1, TILE + 1])
def test_top_n_items_scores_and_padding(n_factors):
    """With integers, sums are exact; lists contain neither seen items nor padding."""
    rng = np.random.default_rng(n_factors)
    n_users, n_items, n = TILE + 1, PANEL + 3, 4
    users = np.zeros((n_factors, 2 * TILE), np.float32)
    items = np.zeros((n_factors, PANEL + TILE), np.float32)
    item_scores = np.full(PANEL + TILE, -np.inf, np.float32)
    users[:, :n_users] = rng.integers(-3, 4, (n_factors, n_users))
    items[:, :n_items] = rng.integers(-3, 4, (n_factors, n_items))
    item_scores[:n_items] = rng.integers(-50, 50, n_items)
    seen = csr_of_counts(n_factors, np.arange(n_users) * 20, n_items)
    best_items = np.full((n_users, n), -1, np.int32)
    best_scores = np.full((n_users, n), -np.inf, np.float32)
    lists = best_items, best_scores
    regressed = np.sort(rng.choice(n_items, 30, replace=False)).astype(np.int32)
    others = np.array([rng.permutation(30)[:5] for _ in range(30)], np.int32)
    others[:, -1] = -1  # past the end
    weights = rng.integers(-9, 9, others.shape).astype(np.float32)
    cells = csr_of_counts(n_factors, np.arange(n_users) % 7, 30)
    values = np.round(cells.values)
    places = np.arange(30), others, weights, np.arange(n_items, dtype=np.int32)
    by_weights = cells.indptr, cells.indices, values, regressed, *places
    n_first = n_factors // 2
    lengths = [
        np.array([np.linalg.norm(side, axis=0), np.linalg.norm(side[n_first:], axis=0)])
        for side in (users, items)
    ]
    lengths[1] = lengths[1].reshape(2, -1, TILE).max(axis=2)
    bounds = n_first, *(each.astype(np.float32) for each in lengths)
    top_n_items(users, items, item_scores, *bounds, *by_weights, seen.indptr, seen.indices, *lists)
    scores = users[:, :n_users].T @ items + item_scores
    dense = np.zeros((30, 30), np.float32)
    dense[np.repeat(np.arange(30), 4), others[:, :-1].ravel()] = weights[:, :-1].ravel()
    for user, place, value in zip(cells.row_index, cells.indices, values, strict=True):
        scores[user, regressed] += value * dense[place]
    scores[seen.row_index, seen.indices] = -np.inf
    expected = np.array([reference_kernels.best(row, n) for row in scores])
    np.testing.assert_array_equal(best_items, expected)
    np.testing.assert_array_equal(best_scores, np.take_along_axis(scores, expected, axis=1))


@needs_two_threads
def test_the_bits_do_not_depend_on_the_threads():
    model = random_model(5, 200, 90, 7, "float32")
    by_user, _ = random_csrs(6, 200, 90, 5000)

    def compute():
        predicted = model.predict(by_user.row_index, by_user.indices)
        return predicted, errors_by_row(model, by_user, 1, 5)

    for one, two in zip(*results_by_threads(compute), strict=True):
        np.testing.assert_array_equal(one, two)
