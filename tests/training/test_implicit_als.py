"""The implicit model: rows are exact over all cells; training follows its params."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Csr, indptr_from_counts
from movierec.data.tree_sums import CHUNK
from movierec.kernels.tiles import TILE
from movierec.model.implicit_targets import Targets
from movierec.model.solver import half_epoch
from movierec.serving import folding_in
from movierec.training import implicit_als
from movierec.training.in_memory import SIDES, InMemoryData
from movierec.training.row_ops import OTHER_SIDE
from tests.helpers import reference_kernels
from tests.helpers.random_data import (
    SCALE,
    csr_of_counts,
    implicit_params,
    random_csrs,
    random_model,
    random_ratings,
)
from tests.helpers.threads import needs_two_threads, results_by_threads

PARAMS = st.builds(
    implicit_params,
    n_factors=st.integers(1, 4),
    unseen_weight=st.floats(0.01, 3),
    factor_precision=st.floats(0.01, 5),
    factor_precision_per_rating=st.floats(0, 1),
)


def graded(csr):
    """The targets of the ratings."""
    return replace(csr, values=Targets(0.4, SCALE).of(csr.values))


def started(params, seed=0, n_users=9, n_items=7):
    """A model with random factors on both sides."""
    model = random_model(seed, n_users, n_items, params.n_factors, params.dtype)
    zeros = {f"{side}_biases": model.rows(side)[1] * 0 for side in ("user", "item")}
    return replace(model, global_mean=0.0, **zeros)


def solve(ratings, fixed, params):
    """The factors of one side's rows, the other side's fixed."""
    prior = implicit_als.make_prior(implicit_als.gram(fixed), params)
    return half_epoch(ratings, fixed, np.zeros(len(fixed), fixed.dtype), 0.0, prior)[0]


def train(csrs, **changes):
    """The model of these ratings by user and by item."""
    return implicit_als.fit(InMemoryData(*csrs), implicit_params(**changes), 0, SCALE).model


@pytest.mark.parametrize("n_rows", [1, CHUNK - 1, 3 * CHUNK + 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gram_is_the_sum_of_all_outer_products(n_rows, dtype):
    rows = np.random.default_rng(0).normal(size=(n_rows, 5)).astype(dtype)
    found = implicit_als.gram(rows)
    assert found.dtype == np.float64
    expected = sum((np.outer(row, row) for row in rows.astype(np.float64)), np.zeros((5, 5)))
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-10)])
@pytest.mark.parametrize("n_factors", [1, TILE, TILE + 1, 40])
def test_each_row_solves_the_dense_weighted_normal_equations(n_factors, dtype, tolerance):
    """Over all cells, seen or not, for rows that have seen none, some and all."""
    params = implicit_params(n_factors=n_factors, dtype=dtype)
    fixed = random_model(1, 2, 60, n_factors, dtype).item_factors
    by_user = csr_of_counts(2, [0, 1, 5, 60, 30], 60)
    targets = graded(by_user)
    solved = solve(targets, fixed, params)
    assert solved.dtype == dtype
    for row, (first, last) in enumerate(zip(by_user.indptr, by_user.indptr[1:], strict=False)):
        cells = zip(by_user.indices[first:last].tolist(), targets.values[first:last], strict=True)
        expected = reference_kernels.implicit_row(dict(cells), fixed, params)
        np.testing.assert_allclose(solved[row], expected, atol=tolerance)


@given(st.integers(0, 1000), PARAMS)
def test_the_objective_is_over_all_cells_and_never_rises(seed, params):
    data, model = InMemoryData(*map(graded, random_csrs(seed))), started(params, seed)
    values = [implicit_als.objective(model, data, params)]
    expected = reference_kernels.implicit_objective(model, data.by_user, params)
    assert values[0] == pytest.approx(expected)
    for side in SIDES * 3:
        factors = solve(data.ratings(side), model.rows(OTHER_SIDE[side])[0], params)
        model = model.changed(side, factors=factors)
        values.append(implicit_als.objective(model, data, params))
    assert all(np.diff(values) <= 1e-9 * values[0])
    assert values[-1] < values[0]


@given(st.integers(0, 1000), PARAMS)
def test_no_step_from_a_solved_side_lowers_the_objective(seed, params):
    data, model = InMemoryData(*map(graded, random_csrs(seed))), started(params, seed)
    rng, users = np.random.default_rng(seed), solve(data.by_user, model.item_factors, params)
    solved, *moved = (
        implicit_als.objective(replace(model, user_factors=users + step), data, params)
        for step in (0, *(size * rng.normal(size=users.shape) for size in (1e-3, 1e-1)))
    )
    assert min(moved) > solved


def test_with_the_lowest_target_1_the_ratings_given_play_no_part():
    csrs = random_csrs(3)
    fives = [replace(csr, values=np.full_like(csr.values, 5)) for csr in csrs]
    one, two = (train(each, lowest_target=1) for each in (csrs, fives))
    np.testing.assert_array_equal(one.item_factors, two.item_factors)
    other = train(csrs, lowest_target=0.5)
    assert np.abs(one.item_factors - other.item_factors).max() > 0.01


@given(st.floats(0, 1), st.floats(-10, 10), st.floats(1, 100))
def test_targets_lie_on_a_line_from_the_lowest_to_1(lowest, low, width):
    targets, shares = Targets(lowest, Scale(low, low + width)), np.array([0, 0.25, 0.5, 1])
    found = targets.of(low + shares * width)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, lowest + (1 - lowest) * shares, atol=1e-4)
    liked = targets.of_new_user(np.float32(low + shares * width))
    np.testing.assert_array_equal(liked, np.where(shares >= 0.25, found, 0))


def test_there_are_no_biases():
    model = train(random_csrs(3))
    assert model.global_mean == 0
    assert not model.user_biases.any()
    assert not model.item_biases.any()


def test_float32_is_close_to_float64():
    models = [train(random_csrs(4, 60, 40, 900), dtype=dtype) for dtype in ("float32", "float64")]
    scores = [model.predict_all(np.arange(60)) for model in models]
    np.testing.assert_allclose(*scores, atol=1e-4)


@needs_two_threads
def test_the_bits_do_not_depend_on_the_threads():
    data, params = InMemoryData(*random_csrs(5, 300, 200, 9000)), implicit_params(dtype="float32")
    one, two = results_by_threads(lambda: implicit_als.fit(data, params, 0, SCALE))
    np.testing.assert_array_equal(one.model.user_factors, two.model.user_factors)
    assert one.epochs == two.epochs


def test_a_user_of_the_training_data_folds_in_to_his_own_row():
    by_user, by_item = random_csrs(6, 30, 20, 200)
    params = implicit_params(max_epochs=300)
    model = implicit_als.fit(InMemoryData(by_user, by_item), params, 0, SCALE).model
    for user in (0, 7, 29):
        row = by_user.take(np.array([user]))
        order = np.random.default_rng(user).permutation(len(row.indices))
        shuffled, targets = row.indices[order], graded(row).values
        scores = folding_in.fold_in_implicit(model, shuffled, targets[order], params)
        folded = scores.parts[0].row.mean[:-1]
        np.testing.assert_allclose(folded, model.user_factors[user], atol=1e-5)


def test_training_stops_when_validation_has_not_improved_and_keeps_the_best():
    ratings = random_ratings(7, 40, 30, 500)
    held = np.random.default_rng(0).random(500) < 0.3
    by_user = ratings.take(~held).by_user(40)
    params = implicit_params(max_epochs=50, patience=3, min_improvement=0.01)
    states = []
    data = InMemoryData(by_user, by_user.transpose(30), validation=ratings.take(held))
    fit = implicit_als.fit(data, params, 0, SCALE, states.append)
    ndcg = [epoch.validation_ndcg for epoch in fit.epochs]
    assert len(ndcg) == fit.best_epoch + 3 < 50
    assert fit.validation.ndcg == ndcg[fit.best_epoch - 1]
    assert max(ndcg[fit.best_epoch :]) <= fit.validation.ndcg + 0.01
    assert len(states) == len(ndcg)
    at_best = train((by_user, by_user.transpose(30)), max_epochs=fit.best_epoch)
    np.testing.assert_array_equal(fit.model.item_factors, at_best.item_factors)


def test_training_goes_on_to_the_same_bits():
    csrs, params, steps = random_csrs(8), implicit_params(max_epochs=6), []
    whole = implicit_als.fit(InMemoryData(*csrs), params, 0, SCALE, on_epoch=steps.append)
    rest = implicit_als.fit(InMemoryData(*csrs), params, 0, SCALE, state=steps[2])
    np.testing.assert_array_equal(whole.model.user_factors, rest.model.user_factors)
    assert whole.epochs == rest.epochs


def test_more_factors_than_users_and_no_ratings_of_some_rows_do_no_harm():
    by_user, by_item = random_csrs(9, 3, 4, 2)
    model = train((by_user, by_item), n_factors=20)
    unseen = np.flatnonzero(by_item.counts == 0)
    np.testing.assert_allclose(model.item_factors[unseen], 0, atol=1e-12)


def test_without_factors_every_score_is_zero():
    by_user, by_item = random_csrs(4)
    data = InMemoryData(by_user, by_item, validation=random_ratings(5))
    fit = implicit_als.fit(data, implicit_params(n_factors=0), 0, SCALE)
    assert fit.model.n_factors == 0
    assert not fit.model.predict_all(np.arange(9)).any()
    assert len(fit.epochs) == 1


def test_nothing_to_train_on():
    empty = Csr(
        indptr_from_counts(np.zeros(3, int)), np.zeros(0, np.int32), np.zeros(0, np.float32)
    )
    with pytest.raises(MovierecError, match="no ratings to train on"):
        implicit_als.fit(InMemoryData(empty, empty), implicit_params(), 0, SCALE)
