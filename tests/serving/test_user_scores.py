"""A new user's row, the scores by it, and what each rating contributes to them."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from movierec.core.params import load_params
from movierec.model import model_file
from movierec.model.implicit_targets import Targets
from movierec.model.item_regression import Cells
from movierec.model.model_file import Models
from movierec.recommending import rankers
from movierec.serving import user_scores
from movierec.serving.catalogue import Catalogue
from movierec.serving.folding_in import fold_in, fold_in_implicit
from movierec.serving.user_profile import UserProfile
from movierec.serving.user_scores import TrainedWith
from movierec.serving.workspace import Project
from movierec.training import rating_model
from movierec.training.in_memory import InMemoryData
from tests.helpers import reference_kernels
from tests.helpers.clone import ROOT
from tests.helpers.random_data import (
    SCALE,
    random_csrs,
    random_model,
    random_regression,
    train_params,
)

ITEMS, RATINGS = np.array([5, 0, 3], np.int32), np.array([5, 1.5, 3], np.float32)
TARGETS = np.array([1, 0, 0.7], np.float32)
EVERY = np.arange(7)


def trained(model="mf", method="als", dtype="float64"):
    params = train_params(model=model, method=method, dtype=dtype)
    data = InMemoryData.from_params(*random_csrs(3), params, None)
    return rating_model.fit(data, params, 0, SCALE).model, params


def design(model, items):
    return np.column_stack((model.item_factors[items], np.ones(len(items))))


@pytest.mark.parametrize("method", ["als", "gibbs"])
@pytest.mark.parametrize("kind", ["mf", "svdpp", "biases"])
def test_scores_are_those_of_a_model_whose_user_has_the_mean_row(kind, method):
    """A mean of samples has their factors side by side, the user's divided by their number."""
    model, params = trained(kind, method)
    found = fold_in(model, ITEMS, RATINGS, params)
    rows = np.array([part.row.mean for part in found.parts])
    factors, bias = rows[:, :-1].ravel() / model.n_samples, rows[:, -1].mean()
    expected = model.global_mean + bias + model.item_biases + model.item_factors @ factors
    np.testing.assert_allclose(found.scores, expected, atol=1e-10)


@pytest.mark.parametrize("method", ["als", "gibbs"])
@pytest.mark.parametrize("kind", ["mf", "svdpp"])
def test_a_score_is_what_needs_no_ratings_and_each_rating_s_contribution(kind, method):
    model, params = trained(kind, method)
    found = fold_in(model, ITEMS, RATINGS, params)
    rest = found.scores - found.contributions(EVERY).sum(axis=1)
    for place in range(3):  # another rating changes its own contribution alone, in proportion
        other = RATINGS.copy()
        other[place] += 0.75
        again = fold_in(model, ITEMS, other, params)
        change = again.contributions(EVERY) - found.contributions(EVERY)
        mine = np.searchsorted(np.sort(ITEMS), ITEMS[place])
        np.testing.assert_allclose(again.scores - found.scores, change[:, mine], atol=1e-10)
        assert not np.delete(change, mine, axis=1).any()
        left = again.scores - again.contributions(EVERY).sum(axis=1)
        np.testing.assert_allclose(left, rest, atol=1e-10)


@pytest.mark.parametrize("n", [0, 3])
def test_without_features_the_rest_is_the_mean_and_the_item_s_bias(n):
    model, params = trained()
    found = fold_in(model, ITEMS[:n], RATINGS[:n], params)
    contributions = found.contributions(EVERY)
    assert contributions.shape == (7, n)
    rest = found.scores - contributions.sum(axis=1)
    np.testing.assert_allclose(rest, model.global_mean + model.item_biases, atol=1e-10)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-4)])
def test_deviations_are_of_the_row_s_posterior(dtype, tolerance):
    model, params = trained(dtype=dtype)
    found = fold_in(model, ITEMS, RATINGS, params)
    ridge = np.full(4, params.factor_precision + 3 * params.factor_precision_per_rating)
    ridge[-1] = params.bias_precision + 3 * params.bias_precision_per_rating
    noise, x = params.rating_precision, design(model, ITEMS)
    covariance = np.linalg.inv(np.diag(ridge) + noise * x.T @ x)
    every = design(model, EVERY)
    expected = np.sqrt(np.einsum("nf,fg,ng->n", every, covariance, every))
    np.testing.assert_allclose(found.deviations(EVERY), expected, rtol=tolerance)


def test_deviations_of_a_mean_of_samples_hold_the_samples_spread():
    model, params = trained(method="gibbs")
    found = fold_in(model, ITEMS, RATINGS, params)
    means = [part.scores for part in found.parts]
    assert (found.deviations(EVERY) > np.std(means, axis=0, ddof=1)).all()


@pytest.mark.parametrize("share", [1, 0.2])
def test_who_watches_is_folded_in_as_the_implicit_model_has_it(share):
    """share: of the weight of unseen movies."""
    settings = load_params(ROOT / "params.yaml").implicit
    model = replace(random_model(1), item_biases=np.zeros(7))
    found = fold_in_implicit(model, ITEMS, TARGETS, settings, share)
    weighted = settings.model_copy(update={"unseen_weight": settings.unseen_weight * share})
    row = reference_kernels.implicit_row(
        dict(zip(ITEMS.tolist(), TARGETS, strict=True)), model.item_factors, weighted
    )
    expected = model.item_factors @ row
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)
    np.testing.assert_allclose(found.contributions(EVERY).sum(axis=1), expected, atol=1e-6)


def test_a_disliked_movie_is_not_one_that_the_user_would_watch():
    settings = load_params(ROOT / "params.yaml").implicit
    model = replace(random_model(1), item_biases=np.zeros(7))
    found = fold_in_implicit(model, ITEMS, np.array([1, 0, 1]), settings)
    liked = fold_in_implicit(model, ITEMS, np.ones(3), settings)
    assert found.scores[ITEMS[1]] < liked.scores[ITEMS[1]]
    disliked = np.searchsorted(np.sort(ITEMS), ITEMS[1])
    assert not found.contributions(EVERY)[:, disliked].any()


def regression_scores(regression, cells):
    """Of the items that take part, for a user with these cells by item."""
    scores = np.zeros(len(regression.items))
    for place, item in enumerate(regression.items.tolist()):
        for other, weight in zip(regression.others[place], regression.weights[place], strict=True):
            scores[other] += cells.get(item, 0) * weight
    return scores


@pytest.mark.parametrize("ranking", rankers.RANKINGS)
def test_scores_by_ranking(ranking):
    params = load_params(ROOT / "params.yaml")
    wanted = {
        "ranking": ranking,
        "regression_share": 0.3,
        "rating_weight": 0.8,
        "lower_bound_deviations": 2.0,
    }
    params = params.model_copy(update={"recommend": params.recommend.model_copy(update=wanted)})
    model, trained_with = trained()
    watched = replace(random_model(1), item_biases=np.zeros(7))
    regression = random_regression(2)
    scores = user_scores.score_items(
        Models(model, watched, regression),
        ITEMS,
        RATINGS,
        params,
        TrainedWith(trained_with, params.implicit, params.item_regression),
    )
    low, high = params.data.rating_min, params.data.rating_max
    rating = fold_in(model, ITEMS, RATINGS, trained_with)
    targets = Targets.from_params(params.implicit, params.data.scale).of_new_user(RATINGS)
    seen = fold_in_implicit(watched, ITEMS, targets, params.implicit)
    cells = Cells.from_params(params.item_regression, params.data.scale).of_new_user(RATINGS)
    by_regression, mean = seen.scores.copy(), seen.scores.copy()
    added = regression_scores(regression, dict(zip(ITEMS.tolist(), cells, strict=True)))
    by_regression[regression.items] = added
    mean[regression.items] = 0.7 * mean[regression.items] + 0.3 * added
    expected = {
        "blend": mean + 0.8 / (high - low) * (rating.scores - model.global_mean),
        "implicit": seen.scores,
        "item_regression": by_regression,
        "predicted_rating": rating.scores,
        "lower_bound": rating.scores - 2 * rating.deviations(EVERY),
    }
    np.testing.assert_allclose(scores.scores, expected[ranking], rtol=1e-6)
    np.testing.assert_allclose(scores.rating.scores, rating.scores)
    to_score, _, rest = scores.contributions(EVERY)
    assert to_score.shape == (7, 3)
    if ranking != "lower_bound":
        np.testing.assert_allclose(to_score.sum(axis=1) + rest, scores.scores, atol=1e-6)


def test_the_order_of_ratings_changes_no_bit():
    model, params = trained(dtype="float32")
    found = fold_in(model, ITEMS, RATINGS, params)
    again = fold_in(model, ITEMS[::-1], RATINGS[::-1], params)
    assert found.scores.tobytes() == again.scores.tobytes()


def test_few_ratings_say_little_about_the_movies_left_out(monkeypatch):
    shares: list[float | None] = []
    monkeypatch.setattr(
        user_scores, "score_items", lambda *known: shares.append(known[5] if known[5:] else None)
    )
    monkeypatch.setattr(Project, "genre_vectors", np.zeros((0, 0)))
    for name in ("models", "rounded_models"):
        monkeypatch.setattr(Project, name, Models(None, None, None))
    for read in ("trained_with", "implicit_trained_with", "regression_trained_with"):
        monkeypatch.setattr(model_file, read, lambda model: None)
    manifest = {"index": {"result": {"n_ratings": 120, "n_users": 4}}}
    project = Project(
        ROOT,
        load_params(ROOT / "params.yaml"),
        manifest,
        Catalogue(pa.table({"n_ratings": pa.array([], pa.int32())})),
    )
    for n in (0, 10, 90):
        project.score_items(UserProfile.from_ratings(dict.fromkeys(range(n), 5.0)))
    project.score_items(replace(UserProfile.from_ratings({0: 5.0}), is_complete=True))
    assert shares == [0, 0.5, 0.9, None]  # against a third of 30, what a user has rated on average


@pytest.mark.parametrize(
    ("items", "ratings"),
    [([7], [3]), ([-1], [3]), ([0.5], [3]), ([0], [np.nan]), ([0], [np.inf]), ([0, 1], [3])],
)
def test_items_and_ratings_that_do_not_fit_the_model(items, ratings):
    model = random_model(1, n_items=7)
    with pytest.raises((ValueError, IndexError)):
        fold_in(model, np.array(items), np.array(ratings), train_params())
