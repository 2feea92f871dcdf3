"""On another rating scale, ratings give the same results but for the unit."""

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from movierec.core.params import load_params
from movierec.core.rating_scale import Scale
from movierec.evaluation import evaluate
from movierec.evaluation.evaluate import ModelOutputs
from movierec.evaluation.rating_errors import ErrorMeter
from movierec.metrics import measures
from movierec.metrics.ranking_protocol import RankingEvaluator
from movierec.model import baselines, item_regression, model_file
from movierec.model.item_regression import Cells, RegressionScores
from movierec.model.model_file import Models
from movierec.model.prediction_intervals import PredictionIntervals
from movierec.recommending import rankers, selection, uncertainty
from movierec.serving import user_scores
from movierec.serving.user_scores import TrainedWith
from movierec.training import implicit_als, rating_model
from movierec.training.in_memory import InMemoryData
from tests.helpers.clone import ROOT
from tests.helpers.random_data import (
    csr_of_counts,
    implicit_params,
    random_model,
    random_ratings,
    train_params,
)

N_USERS, N_ITEMS, N = 40, 25, 5
STARS = Scale(1, 5)
COMMITTED = load_params(ROOT / "params.yaml")
TRAININGS = [
    ("damped_biases", "als"),
    *((model, how) for model in ("biases", "mf", "genre_mf", "svdpp") for how in ("als", "gibbs")),
]
STEPS = {"whole stars": 1, "tenths": 10}  # of ratings; tenths are shown in bins
LISTS = (*rankers.RANKINGS, "damped_biases", "popularity")
CLOSE = {"rtol": 1e-3, "atol": 1e-3}  # stars; float32 rounds ratings far from 0


def data_of(ratings, scale):
    """Ratings in stars, as they are stored on a scale: train, validation and test."""
    values = (scale.low + (ratings.rating.astype(np.float64) - 1) * scale.star).astype(np.float32)
    part = np.random.default_rng(1).choice(3, len(ratings), p=[0.6, 0.2, 0.2])
    return [replace(ratings, rating=values).take(part == number) for number in range(3)]


def results_of(ratings, scale, train):
    """The results of all steps, by name, in stars; those that end in _list are lists of items."""
    params = on(scale, train)
    train_part, validation, test = data_of(ratings, scale)
    by_user = train_part.by_user(N_USERS)
    by_item = by_user.transpose(N_ITEMS)
    genres = csr_of_counts(1, np.arange(N_ITEMS) % 4, 6)
    data = InMemoryData.from_params(by_user, by_item, train, genres, validation)
    state = rating_model.fit(data, train, 0, params.data.scale)
    record = {"params": {"train": train.model_dump()}}
    download = {"params": {"data": params.data.model_dump()}}
    model = replace(state.model, manifest={"download": download, "train": record})
    watched = implicit_als.fit(data, params.implicit, 0, scale).model
    results = {
        "best_epoch": state.best_epoch,
        "rmse": [epoch.validation_rmse / scale.star for epoch in state.epochs],
        "noise": [epoch.noise_precision * scale.star**2 for epoch in state.epochs],
    }
    cells = Cells.from_params(params.item_regression, scale)
    settings = params.item_regression
    regression = item_regression.fit_in_memory(by_user, N_ITEMS, cells, settings)
    models = Models(model, watched, regression)
    results |= evaluated(models, by_user, by_item, test, params)
    return results | new_user(models, scale, params)


def on(scale, train):
    limits = {"rating_min": scale.low, "rating_max": scale.high}
    changes = {
        "data": COMMITTED.data.model_copy(update=limits),
        "evaluate": COMMITTED.evaluate.model_copy(update={"top_n": N, "bootstrap_samples": 100}),
        "implicit": implicit_params(),
        "item_regression": COMMITTED.item_regression.model_copy(update={"ridge": 2.0}),
        "train": train,
    }
    return COMMITTED.model_copy(update=changes)


def evaluated(models, by_user, by_item, test, params):
    """Lists by each ranking, and what the evaluate stage reports of them and of the errors."""
    model, watched, regression = models
    cells = Cells.from_params(params.item_regression, params.data.scale)
    added = RegressionScores.of_ratings(regression, by_user, cells)
    scale, trained_with = params.data.scale, model_file.trained_with(model)

    def deviations():
        sides = model.user_factors, model.item_factors
        terms = [uncertainty.item_terms(by_item, *sides, trained_with)]
        return uncertainty.deviations(model, by_user, terms, trained_with)

    evaluator = RankingEvaluator.from_ratings(by_user, test, N_ITEMS, N_USERS, 0, "users")
    others = baselines.predictors(by_user, by_item, params.evaluate.baseline_damping)
    ranked = {
        "damped_biases": others["damped_biases"],
        "popularity": baselines.popularity(by_user, by_item),
    }
    for name in rankers.RANKINGS:
        ranked[name] = rankers.ranking(name, watched, model, params, lambda: added, deviations)
    lists = {name: evaluator.lists(by, N) for name, by in ranked.items()}
    predicted = {name: measures.predict(other, test) for name, other in others.items()}
    predicted["test"] = measures.predict(model, test)
    intervals = PredictionIntervals.normal(scale.star)
    counts = by_user.counts, by_item.counts
    items = pd.DataFrame({"year": [1990] * N_ITEMS, "genres": [["Drama"]] * N_ITEMS})
    meter = ErrorMeter.of(scale, intervals, items, counts, np.unique(test.rating))
    errors = meter.measure(test, predicted, 0, N_USERS)
    outputs = ModelOutputs(errors, meter, evaluator, lists)
    report = evaluate.evaluate(outputs, watched.item_factors, params)
    groups = pd.DataFrame(report.metrics.pop("interval_coverage_by_group"))
    flat = pd.json_normalize(report.metrics, sep="/").iloc[0].to_dict()
    for name in flat:
        if name.endswith(("rmse", "mae", "rmse_unclipped", "calibration/error")):
            flat[name] /= scale.star
        elif "hit_rating" in name:
            flat[name] = (flat[name] - scale.low) / scale.star
    return flat | {
        "groups": groups.drop(columns="side"),
        "residuals": np.cumsum(report.plots["residuals"]["n_test"]) / len(test),
        "predicted": report.plots["predicted"]["n_test"],
        "levels": (report.plots["predicted"]["rating"] - scale.low) / scale.star,
        **{
            f"{name}_list": (lists[name], scores_of(by, scale)[evaluator.users])
            for name, by in ranked.items()
        },
    }


def scores_of(by, scale):
    """The scores of all items for all users, of which only differences matter."""
    users = np.arange(N_USERS)
    scores = by(users) if callable(by) else by.predict_all(users)
    return scores - scores.max(axis=1, keepdims=True)


def new_user(models, scale, params):
    """The scores of a user who likes, dislikes and just likes a movie, with what explains them."""
    items, rated_with = np.array([3, 0, 8]), model_file.trained_with(models.rating)
    trained_with = TrainedWith(rated_with, params.implicit, params.item_regression)
    ratings = np.float32(scale.low + (np.array([5, 1, 2]) - 1) * scale.star)
    results, every = {}, np.arange(N_ITEMS)
    for ranking in rankers.RANKINGS:
        wanted = params.recommend.model_copy(update={"ranking": ranking})
        scores = user_scores.score_items(
            models,
            items,
            ratings,
            params.model_copy(update={"recommend": wanted}),
            trained_with,
        )
        is_stars = ranking in ("predicted_rating", "lower_bound")
        low, unit = (scale.low, scale.star) if is_stars else (0, 1)
        results |= {
            f"new/{ranking}": (scores.scores - low) / unit,
            f"new/{ranking}/contributions": scores.why.contributions(every) / unit,
            f"new/{ranking}/diverse": selection.diverse(
                scores.scores, np.full(N_ITEMS, True), N, models.implicit.item_factors, 0.5
            ),
        }
    return results | {"new/deviations": scores.rating.deviations(every) / scale.star}


def check_same(found, expected):
    """The same results; lists, and so their metrics, may differ in movies of the same score."""
    assert found.keys() == expected.keys()
    changed = []
    for name in LISTS:
        (lists, _), (wanted, scores) = (
            results.pop(f"{name}_list") for results in (found, expected)
        )
        np.testing.assert_array_equal(lists < 0, wanted < 0, err_msg=name)
        reached, best = (
            np.take_along_axis(scores, np.maximum(each, 0), axis=1) for each in (lists, wanted)
        )
        np.testing.assert_allclose(reached, best, **CLOSE, err_msg=name)
        if not np.array_equal(lists, wanted):
            changed.append(f"ranking/{name}/")
    for name, value in expected.items():
        if not name.startswith(tuple(changed)):
            close = CLOSE | {"atol": 0.05} if name == "residuals" else CLOSE  # at edges of bins
            np.testing.assert_allclose(found[name], value, **close, err_msg=name)


@settings(max_examples=20)
@given(
    training=st.sampled_from(TRAININGS),
    step=st.sampled_from(list(STEPS.values())),
    star=st.floats(-9, 9).map(lambda power: 10**power),
    offset=st.floats(-100, 100),
    seed=st.integers(0, 99),
)
@example(training=("mf", "als"), step=1, star=5, offset=0, seed=0)
def test_another_scale_changes_only_the_unit(training, step, star, offset, seed):
    """offset: the lowest rating, in stars of the scale."""
    ratings = random_ratings(seed, N_USERS, N_ITEMS, 700)
    truth = random_model(seed, N_USERS, N_ITEMS, 2)
    stars = 3 + 2 * (truth.predict(ratings.user_index, ratings.item_index) - truth.global_mean)
    ratings = replace(
        ratings, rating=np.float32(np.round(stars * step).clip(step, 5 * step) / step)
    )
    model, method = training
    train = train_params(
        model=model, method=method, max_epochs=20, patience=2, min_improvement=0.01, init_scale=0.1
    )
    scale = Scale(star * offset, star * (offset + 4))
    check_same(results_of(ratings, scale, train), results_of(ratings, STARS, train))
