"""Held-out users: nothing is learned from them, and their rows are solved from what they gave."""

import numpy as np
import pytest

from movierec.data.rating_arrays import Ratings
from movierec.metrics import measures
from movierec.model.implicit_targets import Targets
from movierec.model.prediction_intervals import PredictionIntervals
from movierec.serving import folding_in
from movierec.training import early_stopping, implicit_als, loading, rating_model
from tests.helpers.random_data import SCALE, implicit_params, random_ratings, train_params

N_USERS, N_ITEMS = 60, 25
RATINGS = random_ratings(0, N_USERS, N_ITEMS, 600)
HELD_OUT, VALIDATED = 40, 50  # the first test user, and the first one for validation after those
KINDS = [("mf", "als"), ("svdpp", "als"), ("damped_biases", "als"), ("mf", "gibbs")]


def part(first, stop, held_out=None):
    """Ratings of users; of held-out ones, those given, or the others (every fourth)."""
    users, places = RATINGS.user_index, np.arange(len(RATINGS))
    chosen = (users >= first) & (users < stop)
    return RATINGS.take(chosen if held_out is None else chosen & ((places % 4 == 0) == held_out))


TRAIN = part(0, HELD_OUT).by_user(N_USERS)
VALIDATION = part(VALIDATED, N_USERS, held_out=True)


def data_of(params, given, validation=VALIDATION):
    by_item = TRAIN.transpose(N_ITEMS)
    return loading.assemble(TRAIN, by_item, validation, given.by_user(N_USERS), params)


GIVEN = part(HELD_OUT, N_USERS, held_out=False)
OTHERS = Ratings(*list(vars(GIVEN).values())[:2], 6 - GIVEN.rating, GIVEN.timestamp)


def trained(params, given=GIVEN, validation=VALIDATION):
    data = data_of(params, given, validation)
    if hasattr(params, "unseen_weight"):
        trainer = implicit_als.ImplicitTrainer(data, params, 0, SCALE)
    else:
        trainer = rating_model.make_trainer(data, params, 0, SCALE)
    state = early_stopping.fit(trainer)
    return state, trainer.final_model(state)


def rated_by(user):
    rows = GIVEN.take(GIVEN.user_index == user)
    return rows.item_index, rows.rating


@pytest.mark.parametrize(("model", "method"), KINDS)
def test_nothing_is_learned_from_what_they_give(model, method):
    """Other ratings of theirs change their own rows, and nothing else but when training stops."""
    params = train_params(model=model, method=method)
    models = [trained(params, given, validation=None)[1] for given in (GIVEN, OTHERS)]
    for name in ("item_factors", "item_biases", "user_weights", "item_weights"):
        np.testing.assert_array_equal(*(getattr(found, name) for found in models), name)
    rows = [np.column_stack(found.rows("user")) for found in models]
    same = (rows[0] == rows[1]).all(axis=1)
    np.testing.assert_array_equal(same, np.arange(N_USERS) < HELD_OUT)


@pytest.mark.parametrize(("model", "method"), KINDS[:2])
def test_their_predictions_are_those_for_a_new_user_of_the_same_ratings(model, method):
    params = train_params(model=model, method=method)
    found = trained(params)[1]
    for user in (HELD_OUT, N_USERS - 1):
        scores = folding_in.fold_in(found, *rated_by(user), params).scores
        np.testing.assert_allclose(found.predict_all(np.array([user]))[0], scores)


def test_a_row_of_damped_biases_is_a_damped_mean():
    found = trained(train_params(model="damped_biases"))[1]
    items, ratings = rated_by(HELD_OUT)
    residuals = ratings - found.global_mean - found.item_biases[items]
    expected = residuals.sum() / (len(items) + 0.3 / 2.0)
    assert found.user_biases[HELD_OUT] == pytest.approx(expected)


def test_implicit_rows_solve_the_normal_equations():
    params = implicit_params()
    found = trained(params)[1]
    items, ratings = rated_by(HELD_OUT)
    rated, every = found.item_factors[items], found.item_factors
    precision = params.factor_precision + params.factor_precision_per_rating * len(items)
    matrix = rated.T @ rated + params.unseen_weight * every.T @ every + precision * np.eye(3)
    targets = Targets.from_params(params, SCALE).of(ratings)
    row = np.linalg.solve(matrix, rated.T @ targets)
    np.testing.assert_allclose(found.user_factors[HELD_OUT], row)


def test_epochs_are_judged_by_the_rows_of_held_out_users():
    params = train_params(max_epochs=1)
    state, found = trained(params)
    errors = measures.errors_of(found, VALIDATION, SCALE)
    assert state.epochs[0].validation_rmse == pytest.approx(errors.rmse)
    implicit, watched = trained(implicit_params(max_epochs=1))
    data = data_of(implicit_params(), GIVEN)
    evaluator = data.judge.ranking_evaluator(10**6, 0, "implicit/users")
    assert set(evaluator.users.tolist()) == set(VALIDATION.user_index.tolist())
    quality = evaluator.quality(evaluator.lists(watched, 10), -np.inf)
    assert implicit.epochs[0].validation_ndcg == pytest.approx(quality.ndcg)


def test_prediction_intervals_count_what_they_gave():
    params = train_params(max_epochs=1)
    data = data_of(params, GIVEN)
    trainer = rating_model.make_trainer(data, params, 0, SCALE)
    state = early_stopping.fit(trainer)
    errors = VALIDATION.rating - np.clip(measures.predict(trained(params)[1], VALIDATION), *SCALE)
    counts = TRAIN.counts + GIVEN.by_user(N_USERS).counts, TRAIN.transpose(N_ITEMS).counts
    expected = PredictionIntervals.fit(errors, VALIDATION, counts)
    assert trainer.prediction_intervals(state) == expected


def test_samples_of_their_rows_predict_what_they_gave():
    """The mean of draws from the posterior is near the posterior's mean."""
    samples = train_params().gibbs.model_copy(update={"samples": 300, "thin": 1})
    params = train_params(method="gibbs", gibbs=samples)
    found = trained(params)[1]
    for user in (HELD_OUT, N_USERS - 1):
        mean = folding_in.fold_in(found, *rated_by(user), params).scores
        drawn = found.predict_all(np.array([user]))[0]
        assert np.abs(drawn - mean).max() < 0.35
        assert np.corrcoef(drawn, mean)[0, 1] > 0.8
