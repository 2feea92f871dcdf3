"""Rankings, and the standard deviations of predictions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.params import Params, load_params
from movierec.model import top_n_lists
from movierec.model.item_regression import Cells, RegressionScores
from movierec.model.solver import Prior, covariances
from movierec.recommending import rankers, uncertainty
from movierec.training import rating_model
from movierec.training.in_memory import InMemoryData
from tests.helpers import reference_kernels
from tests.helpers.clone import ROOT
from tests.helpers.random_data import (
    SCALE,
    csr_of_counts,
    random_csrs,
    random_model,
    random_regression,
    train_params,
)


def params_with(**recommend_params) -> Params:
    params = load_params(ROOT / "params.yaml")
    changed = params.recommend.model_copy(update=recommend_params)
    return params.model_copy(update={"recommend": changed})


def deviations(model, by_user, params):
    """The deviations of uncertainty.py, with items in two blocks."""
    parts = [
        uncertainty.item_terms(
            by_user.transpose(model.n_items).take(items),
            model.user_factors,
            model.item_factors[items],
            params,
        )
        for items in (np.arange(3), np.arange(3, model.n_items))
    ]
    return uncertainty.deviations(model, by_user, parts, params)


@pytest.mark.parametrize("weight", [0, 0.6])
def test_the_blend_adds_a_share_of_the_scale(weight):
    implicit, model = random_model(0, n_factors=4), random_model(1)
    blended = rankers.blend(implicit, model, weight, (0.5, 5.0))
    users = np.arange(9)
    rating = (model.predict_all(users) - model.global_mean) / 4.5
    expected = implicit.predict_all(users) + weight * rating
    np.testing.assert_allclose(blended.predict_all(users), expected, atol=1e-12)


def test_a_blend_orders_alike_on_any_scale():
    implicit, model = random_model(2), random_model(3)
    times_20 = replace(
        model,
        global_mean=20 * model.global_mean - 10,
        user_factors=20 * model.user_factors,
        user_biases=20 * model.user_biases,
        item_biases=20 * model.item_biases,
    )
    of_stars = rankers.blend(implicit, model, 0.5, (0.5, 5.0))
    of_hundred = rankers.blend(implicit, times_20, 0.5, (0, 90))
    users = np.arange(9)
    np.testing.assert_allclose(of_stars.predict_all(users), of_hundred.predict_all(users))


@pytest.mark.parametrize("model", ["mf", "biases"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-10)])
def test_covariances_are_the_inverse_of_each_row_s_precision(model, dtype, tolerance):
    params = train_params(model=model, dtype=dtype)
    fixed = random_model(6, 3, 50, params.n_factors_used, dtype).item_factors
    by_user = csr_of_counts(7, [0, 1, 20, 50], 50)
    prior = Prior.from_params(params, params.n_factors_used)
    found = covariances(by_user, fixed, prior)
    assert found.dtype == dtype
    for row in range(4):
        places = slice(by_user.indptr[row], by_user.indptr[row + 1])
        matrix, _ = reference_kernels.row_system(
            by_user.indices[places],
            by_user.values[places],
            fixed,
            np.zeros(50),
            0.0,
            prior.precision,
            np.zeros(len(prior.per_rating)),
        )
        matrix += by_user.counts[row] * np.diag(prior.per_rating)
        np.testing.assert_allclose(found[row], np.linalg.inv(matrix), atol=tolerance)


@pytest.mark.parametrize("n_factors", [0, 3])
def test_a_deviation_is_of_the_user_s_row_and_the_movie_s(n_factors):
    """The sum of both sides' xᵀ (λ P)⁻¹ x, computed pair by pair."""
    params, (by_user, by_item) = train_params(n_factors=n_factors), random_csrs(8)
    model, prior = random_model(9, n_factors=n_factors), Prior.from_params(params, n_factors)
    of_users = covariances(by_user, model.item_factors, prior)
    of_items = covariances(by_item, model.user_factors, prior)
    users = np.array([4, 0])
    found = deviations(model, by_user, params)(users)
    assert found.shape == (2, 7)
    for row, user in enumerate(users):
        for item in range(7):
            x, y = np.append(model.item_factors[item], 1), np.append(model.user_factors[user], 1)
            variance = x @ of_users[user] @ x + y @ of_items[item] @ y
            assert found[row, item] == pytest.approx((variance / params.rating_precision) ** 0.5)


def test_of_samples_it_is_their_own_spread():
    params, (by_user, by_item) = train_params(method="gibbs"), random_csrs(12)
    model = rating_model.fit(
        InMemoryData.from_params(by_user, by_item, params, None), params, 0, SCALE
    ).model
    users = np.array([3, 1])
    found = deviations(model, by_user, params)(users)
    drawn = [model.sample(number).predict_all(users) for number in range(model.n_samples)]
    np.testing.assert_allclose(found, np.std(drawn, axis=0, ddof=1), atol=1e-6)


@given(st.integers(0, 1000), st.floats(0, 3))
def test_lists_by_lower_bound_against_a_full_sort(seed, c):
    params, (by_user, by_item) = train_params(), random_csrs(seed)
    model = rating_model.fit(
        InMemoryData.from_params(by_user, by_item, params, None), params, seed, SCALE
    ).model
    found = deviations(model, by_user, params)
    bounds = model.predict_all(np.arange(9)) - c * found(np.arange(9))
    eligible, users = np.random.default_rng(seed).random(7) < 0.8, np.array([5, 2, 8])
    by = rankers.lower_bound(model, found, c)
    items, found = top_n_lists.top_n(by, by_user.take(users), 3, eligible, users)
    for row, user in enumerate(users):
        seen = by_user.indices[by_user.indptr[user] : by_user.indptr[user + 1]]
        allowed = np.where(eligible, bounds[user], -np.inf)
        allowed[seen] = -np.inf
        expected = reference_kernels.best(allowed.astype(np.float32), 3)
        assert items[row].tolist() == expected + [-1] * (3 - len(expected))
        np.testing.assert_allclose(found[row, : len(expected)], allowed[expected], rtol=1e-6)


def test_lists_by_scores_are_the_same_in_blocks(monkeypatch):
    monkeypatch.setattr(top_n_lists, "USERS", 4)
    model, (seen, _) = random_model(13), random_csrs(14)
    expected = top_n_lists.top_n(model, seen, 3)
    items, found = top_n_lists.top_n(model.predict_all, seen, 3)
    np.testing.assert_array_equal(items, expected[0])
    np.testing.assert_allclose(found, expected[1], rtol=1e-6)


def test_every_ranking_of_the_params_is_one():
    implicit = random_model(15)
    implicit = replace(implicit, user_biases=np.zeros(implicit.n_users))  # as it is trained
    model, params = random_model(16), params_with(rating_weight=0.7, regression_share=0.5)
    by_user, _ = random_csrs(17)
    allowed = type(params.recommend).model_fields["ranking"].annotation.__args__
    assert set(rankers.RANKINGS) == set(allowed)
    regression = random_regression(18)
    added = RegressionScores.of_ratings(regression, by_user, Cells(4, 0.5, SCALE))
    found = {
        name: rankers.ranking(
            name,
            implicit,
            model,
            params,
            lambda: added,
            lambda: deviations(model, by_user, train_params()),
        )
        for name in rankers.RANKINGS
    }
    users = np.arange(9)
    watched = implicit.predict_all(users) - implicit.global_mean
    mean, alone = watched.copy(), watched.copy()
    mean[:, regression.items] = (watched[:, regression.items] + added.scores()) / 2
    alone[:, regression.items] = added.scores()
    rated = 0.7 * (model.predict_all(users) - model.global_mean) / 4
    expected = {"blend": mean + rated, "item_regression": alone}
    for name, scores in expected.items():
        centred = found[name].predict_all(users) - implicit.global_mean
        np.testing.assert_allclose(centred, scores, atol=1e-6)
    assert found["implicit"] is implicit
    assert found["predicted_rating"] is model
    assert (found["lower_bound"](users) < model.predict_all(users)).all()
