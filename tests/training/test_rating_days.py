"""Models with days: a rating also depends on the calendar day on which it was given."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.model import model_file
from movierec.model.biased_mf import mean_of
from movierec.model.third_side import DAY, place_of_days
from movierec.training import als, rating_model
from movierec.training.in_memory import InMemoryData
from tests.helpers.random_data import SCALE, random_ratings, train_params

N_USERS, N_ITEMS = 9, 7
DAYS = np.array([3, 5, 6, 9], np.int32)


def dated_ratings(seed=0, days=DAYS):
    ratings = random_ratings(seed, N_USERS, N_ITEMS)
    drawn = np.random.default_rng(seed).choice(days, len(ratings))
    return replace(ratings, timestamp=drawn * DAY + np.arange(len(ratings)))


def data_of(ratings, validation=None, **changes):
    by_user = ratings.by_user(N_USERS)
    sides = by_user, by_user.transpose(N_ITEMS), train_params(days=True, **changes)
    return InMemoryData.from_params(*sides, None, validation, ratings.timestamp)


def trained(seed=0, **changes):
    ratings = dated_ratings(seed)
    params = train_params(days=True, **changes)
    return ratings, rating_model.fit(data_of(ratings, **changes), params, seed, SCALE).model


def predicted(model, user, item, day):
    """r̂ of one pair, written out."""
    p, q, d = model.user_factors[user], model.item_factors[item], model.day_factors[day]
    biases = model.user_biases[user] + model.item_biases[item] + model.day_biases[day]
    return model.global_mean + biases + p @ q + p @ d + q @ d


@pytest.mark.parametrize("model", ["biases", "mf", "svdpp"])
@pytest.mark.parametrize("method", ["als", "gibbs"])
def test_predictions_are_those_of_the_formula(model, method):
    """Of a mean of samples, they are the mean of the samples'; without a time, of no day."""
    ratings, fitted = trained(model=model, method=method)
    index = ratings.user_index, ratings.item_index
    places = place_of_days(DAYS, ratings.timestamp)
    samples = [fitted.sample(number) for number in range(fitted.n_samples)]
    triples = list(zip(*index, places, strict=True))
    each = [[predicted(sample, *triple) for triple in triples] for sample in samples]
    np.testing.assert_allclose(fitted.predict(*index, ratings.timestamp), np.mean(each, axis=0))
    without = replace(fitted, days=np.zeros(0, np.int32))
    np.testing.assert_array_equal(fitted.predict(*index), without.predict(*index))
    unknown = np.full(len(ratings), 4 * DAY)
    np.testing.assert_array_equal(fitted.predict(*index, unknown), fitted.predict(*index))
    if method == "gibbs":
        deviation = fitted.deviation(*index, ratings.timestamp)
        np.testing.assert_allclose(deviation, np.std(each, axis=0, ddof=1), atol=1e-12)


@given(st.integers(0, 1000), st.sampled_from(["user", "item", "day"]))
def test_each_row_minimises_the_objective(seed, side):
    """No step of one side's rows lowers the objective after its half epoch."""
    data, params = data_of(dated_ratings(seed)), train_params(days=True)
    model = als.initial_model(data, params, seed)
    for other in ("user", "item", "day"):
        model = data.solve(model, other, als.prior_of(other, params, model.n_factors))
    model = data.solve(model, side, als.prior_of(side, params, model.n_factors))
    lowest, _ = als.objective(model, data, params, SCALE)
    draw = np.random.default_rng(seed)
    factors, biases = model.rows(side)
    for scale in (1e-3, 0.1):
        moved = {
            "factors": factors + draw.normal(0, scale, factors.shape),
            "biases": biases + draw.normal(0, scale, biases.shape),
        }
        assert als.objective(model.changed(side, **moved), data, params, SCALE)[0] > lowest


@given(st.integers(0, 1000))
def test_the_objective_never_rises(seed):
    data, params = data_of(dated_ratings(seed)), train_params(days=True, max_epochs=6, patience=6)
    fit = rating_model.fit(data, params, seed, SCALE)
    values = [epoch.objective for epoch in fit.epochs]
    assert (np.diff(values) <= 1e-9 * np.abs(values[:-1])).all()


def test_errors_count_the_day_of_each_rating():
    """The RMSE of training and of validation is that of `predict` with times."""
    ratings, held_out = dated_ratings(0), dated_ratings(1)
    params = train_params(days=True, refit=False)
    fit = rating_model.fit(data_of(ratings, held_out), params, 0, SCALE)
    for of, rmse in ((ratings, fit.epochs[-1].train_rmse), (held_out, fit.validation.rmse)):
        model = fit.last if of is ratings else fit.model
        found = model.predict(of.user_index, of.item_index, of.timestamp)
        errors = np.clip(found, *SCALE) - of.rating
        np.testing.assert_allclose(rmse, np.sqrt(np.mean(errors**2)), rtol=1e-6)


def test_days_pay_where_they_differ():
    """Ratings that only depend on their day are predicted from it."""
    draw = np.random.default_rng(0)
    ratings = dated_ratings()
    by_day = replace(ratings, rating=(1 + place_of_days(DAYS, ratings.timestamp)).astype("float32"))
    fit = rating_model.fit(data_of(by_day), train_params(days=True, max_epochs=50), 0, SCALE)
    times = draw.choice(DAYS, 20) * DAY
    users, items = (draw.integers(0, n, 20).astype(np.int32) for n in (N_USERS, N_ITEMS))
    found = fit.model.predict(users, items, times)
    assert np.corrcoef(found, place_of_days(DAYS, times))[0, 1] > 0.8


def test_a_model_with_days_is_saved_and_read_whole(tmp_path):
    _, fitted = trained(method="gibbs")
    model_file.write_model(tmp_path / "model", fitted)
    read = model_file.read_model(tmp_path / "model")
    for name, array in fitted.arrays.items():
        np.testing.assert_array_equal(getattr(read, name), array)
    assert {"days", "day_factors", "day_biases", "sample_day_biases"} <= set(read.arrays)


def test_ratings_without_times_are_refused_in_one_line():
    undated = replace(dated_ratings(), timestamp=np.zeros(30, np.int64))
    with pytest.raises(MovierecError, match="days: the ratings have no times; set it to false"):
        data_of(undated)


def test_the_mean_of_samples_has_the_days_of_each():
    _, fitted = trained(method="gibbs")
    samples = [fitted.sample(number) for number in range(fitted.n_samples)]
    again = mean_of([replace(one, sample_noise_precision=np.ones(1)) for one in samples])
    np.testing.assert_allclose(again.day_factors, fitted.day_factors)
    np.testing.assert_allclose(again.day_biases, fitted.day_biases)
