"""Features: a sparse matrix, its products, and the ridge solve of its weights."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.data.rating_arrays import Csr
from movierec.kernels.reductions import sum_rows
from movierec.model.features import Features, RidgeSystem
from movierec.model.solver import Prior
from movierec.training import als, rating_model
from movierec.training.gibbs import WEIGHT_TOLERANCE
from movierec.training.in_memory import SIDES, InMemoryData
from tests.helpers.random_data import SCALE, csr_of_counts, random_csrs, train_params

SEEDS = st.integers(0, 1000)


def dense(features):
    """X, one number at a time."""
    by_row = features.by_row
    x = np.zeros((by_row.n_rows, features.by_feature.n_rows))
    for row, feature in zip(by_row.row_index, by_row.indices, strict=True):
        x[row, feature] = 1 / np.sqrt(by_row.counts[row])
    return x


def random_features(seed, n_rows=9, n_features=5):
    counts = np.random.default_rng(seed).integers(0, n_features + 1, n_rows)
    by_row = csr_of_counts(seed, counts, n_features)
    return Features(by_row, by_row.transpose(n_features))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_columns", [0, 3, 16, 33])
def test_rows_are_summed(dtype, n_columns):
    rows = np.random.default_rng(0).normal(size=(4, n_columns)).astype(dtype)
    indptr, indices = np.array([0, 2, 2, 5, 5]), np.array([3, 0, 1, 1, 2], np.int32)
    none = np.zeros(n_columns)
    expected = [rows[3] + rows[0], none, rows[1] + rows[1] + rows[2], none]
    sums = sum_rows(indptr, indices, rows)
    assert sums.dtype == dtype
    np.testing.assert_allclose(sums, expected, rtol=1e-6)


@given(SEEDS)
def test_products_with_the_matrix_and_its_transpose(seed):
    features, rng = random_features(seed), np.random.default_rng(seed)
    x, weights, rows = dense(features), rng.normal(size=(5, 3)), rng.normal(size=(9, 3))
    np.testing.assert_allclose(features.means(weights), x @ weights, atol=1e-12)
    np.testing.assert_allclose(features.collect(rows), x.T @ rows, atol=1e-12)


@pytest.mark.parametrize("few", [0, 5])
@pytest.mark.parametrize("seed", range(10))
def test_weights_are_the_ridge_regression_of_the_rows(seed, few, monkeypatch):
    """By least squares on the augmented system, with a precision for each row and column;
    by conjugate gradients and exactly."""
    ridge = 10.0 ** (seed / 5 - 1)
    features, rng = random_features(seed), np.random.default_rng(seed)
    x, rows = dense(features), rng.normal(size=(9, 3))
    of_all, of_one, counts = rng.uniform(0.1, 3, 3), rng.uniform(0, 1, 3), rng.integers(0, 5, 9)
    precision, ridges = of_all + counts[:, None] * of_one, ridge * np.arange(1, 4)
    right = features.collect(precision * rows)
    monkeypatch.setattr("movierec.model.features.FEW", few)
    solved = features.solve(right, of_all, of_one, counts, ridges, np.zeros((5, 3)))
    for column in range(3):
        root = np.sqrt(precision[:, column])
        augmented = np.vstack((root[:, None] * x, np.sqrt(ridges[column]) * np.eye(5)))
        targets = np.append(root * rows[:, column], np.zeros(5))
        expected = np.linalg.lstsq(augmented, targets)[0]
        np.testing.assert_allclose(solved[:, column], expected, atol=1e-4)


def popular_features(seed, n_rows=900, n_features=300):
    """Features of which a few are popular, and rows of which a few have many, as ratings have."""
    rng = np.random.default_rng(seed)
    activity, popularity = rng.lognormal(0, 1.2, n_rows), 1 / np.arange(1, n_features + 1)
    has = rng.random((n_rows, n_features)) < 15 * activity[:, None] * popularity
    indptr = np.concatenate(([0], has.sum(axis=1).cumsum()))
    indices = np.nonzero(has)[1].astype(np.int32)
    by_row = Csr(indptr, indices, np.ones(len(indices), np.float32))
    return Features(by_row, by_row.transpose(n_features))


def test_the_preconditioner_removes_the_largest_eigenvalues():
    """Scaled to a diagonal of 1, the matrix has one of 59 because of popular features."""
    features = popular_features(0)
    x, system = dense(features), RidgeSystem(features, np.ones((900, 1)), 1.0)
    matrix = x.T @ x + np.eye(300)
    np.testing.assert_allclose(system.product(np.eye(300)), matrix, atol=1e-12)
    plain = np.linalg.eigvals(system.inverse[:, None] * matrix).real
    values = np.linalg.eigvals(system.precondition(matrix)).real
    assert plain.max() > 50
    assert 0 < values.min() < values.max() < 2


def test_draws_to_the_tolerance_have_the_covariance_of_exact_ones():
    """W of one sweep after the other, each from the one before: var(W) is that of (XᵀX + ρ)⁻¹."""
    features, rng = popular_features(2), np.random.default_rng(3)
    x, ones = dense(features), np.ones(160)
    inverse = np.linalg.inv(x.T @ x + np.eye(300))
    weights, counts, squares = np.zeros((300, 160)), features.by_row.counts, []
    for _ in range(6):
        noise = rng.normal(size=(900, 160))
        right = features.collect(noise) + rng.normal(size=(300, 160))
        how = ones, 0 * ones, counts, ones, weights
        weights = features.solve(right, *how, tolerance=WEIGHT_TOLERANCE)
        squares.append((np.linalg.eigh(inverse)[1].T @ weights).var(axis=1))
    ratio = np.mean(squares, axis=0) / np.linalg.eigvalsh(inverse)
    assert abs(ratio.mean() - 1) < 0.015
    assert np.abs(ratio - 1).max() < 0.2  # of 960 draws each: over four standard errors


def genres(seed, n_items):
    return csr_of_counts(seed, np.random.default_rng(seed).integers(0, 4, n_items), 5)


@pytest.mark.parametrize("model", ["genre_mf", "svdpp"])
@given(SEEDS)
def test_the_objective_never_rises(model, seed):
    """Each epoch: the rows, then the weights, of either side."""
    params = train_params(model=model, max_epochs=5)
    data = InMemoryData.from_params(*random_csrs(seed), params, genres(seed, 7))
    values = [epoch.objective for epoch in rating_model.fit(data, params, seed, SCALE).epochs]
    assert all(after <= before * (1 + 1e-9) for before, after in itertools.pairwise(values))


@pytest.mark.parametrize("model", ["genre_mf", "svdpp"])
def test_converged_weights_have_no_gradient(model):
    """No change of a weight lowers the objective."""
    params = train_params(model=model, max_epochs=400)
    data = InMemoryData.from_params(*random_csrs(3), params, genres(3, 7))
    fit = rating_model.fit(data, params, 0, SCALE)
    value, step = als.objective(fit.model, data, params, SCALE)[0], 1e-3
    for side in SIDES:
        weights = fit.model.weights(side)
        for place in np.ndindex(weights.shape):
            for sign in (1, -1):
                moved = weights.copy()
                moved[place] += sign * step
                other = fit.model.changed(side, weights=moved)
                assert als.objective(other, data, params, SCALE)[0] > value - 1e-7


def test_a_movie_without_ratings_gets_what_its_genres_say():
    by_user = csr_of_counts(0, [4, 5, 3, 5, 4, 2], 6)
    by_item = by_user.transpose(8)  # of which the last two were never rated
    params = train_params(model="genre_mf", n_factors=2)
    of_items = csr_of_counts(1, [2, 1, 3, 1, 2, 1, 2, 0], 4)
    data = InMemoryData.from_params(by_user, by_item, params, of_items)
    model = rating_model.fit(data, params, 0, SCALE).model
    # The last items' half epoch came before the last weights; one more shows what they say.
    again = als.run_epoch(model, data, params)
    means = data.item_features.means(model.item_weights)
    rows = np.column_stack(again.rows("item"))
    np.testing.assert_allclose(rows[6], means[6], atol=1e-12)
    assert abs(rows[6]).min() > 1e-4
    assert not rows[7].any()


def test_without_features_a_ridge_is_never_asked_for():
    params = train_params(model="mf")
    data = InMemoryData.from_params(*random_csrs(0), params, genres(0, 7))
    assert [data.features(side) for side in SIDES] == [None, None]
    assert not rating_model.fit(data, params, 0, SCALE).model.user_weights.size


def test_precision_of_a_row_with_one_rating():
    params = train_params(n_factors=2)
    expected = np.array([0.8, 0.8, 0.5]) / 2
    np.testing.assert_allclose(Prior.from_params(params, 2).of_one_rating, expected)
