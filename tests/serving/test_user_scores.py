"""What a person's ratings say: the row looked into, scores and where they come from."""

from dataclasses import replace

import numpy as np
import pytest

from movierec.core.params import load_params
from movierec.model import model_file
from movierec.serving import folding_in, user_scores
from movierec.serving.user_profile import UserProfile
from movierec.serving.workspace import Project
from movierec.training import rating_model
from movierec.training.in_memory import InMemoryData
from tests.helpers import reference_kernels
from tests.helpers.clone import ROOT
from tests.helpers.random_data import random_csrs, random_model, train_params

ITEMS, RATINGS = np.array([5, 0, 3], np.int32), np.array([5, 1.5, 3], np.float32)
EVERY = np.arange(7)


def trained(model="mf", method="als", dtype="float64"):
    params = train_params(model=model, method=method, dtype=dtype)
    data = InMemoryData.from_params(*random_csrs(3), params, None)
    return rating_model.fit(data, params, 0, (0.5, 5)).model, params


def design(model, items):
    return np.column_stack((model.item_factors[items], np.ones(len(items))))


@pytest.mark.parametrize("method", ["als", "gibbs"])
@pytest.mark.parametrize("kind", ["mf", "svdpp", "biases"])
def test_scores_are_those_of_fold_in(kind, method):
    model, params = trained(kind, method)
    factors, bias = folding_in.fold_in(model, ITEMS, RATINGS, params)
    expected = model.global_mean + bias + model.item_biases + model.item_factors @ factors
    found = user_scores.predicted_ratings(model, ITEMS, RATINGS, params)
    np.testing.assert_allclose(found.scores, expected, atol=1e-10)


@pytest.mark.parametrize("method", ["als", "gibbs"])
@pytest.mark.parametrize("kind", ["mf", "svdpp"])
def test_a_score_is_what_needs_no_ratings_and_each_rating_s_contribution(kind, method):
    model, params = trained(kind, method)
    found = user_scores.predicted_ratings(model, ITEMS, RATINGS, params)
    rest = found.scores - found.contributions(EVERY).sum(axis=1)
    for place in range(3):  # another rating changes its own contribution alone, in proportion
        other = RATINGS.copy()
        other[place] += 0.75
        again = user_scores.predicted_ratings(model, ITEMS, other, params)
        change = again.contributions(EVERY) - found.contributions(EVERY)
        mine = np.searchsorted(np.sort(ITEMS), ITEMS[place])
        np.testing.assert_allclose(again.scores - found.scores, change[:, mine], atol=1e-10)
        assert not np.delete(change, mine, axis=1).any()
        left = again.scores - again.contributions(EVERY).sum(axis=1)
        np.testing.assert_allclose(left, rest, atol=1e-10)


def test_a_model_without_features_says_the_mean_and_the_bias_of_an_item_to_all():
    model, params = trained()
    found = user_scores.predicted_ratings(model, ITEMS, RATINGS, params)
    rest = found.scores - found.contributions(EVERY).sum(axis=1)
    np.testing.assert_allclose(rest, model.global_mean + model.item_biases, atol=1e-10)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-4)])
def test_deviations_are_of_the_row_s_posterior(dtype, tolerance):
    model, params = trained(dtype=dtype)
    found = user_scores.predicted_ratings(model, ITEMS, RATINGS, params)
    ridge = np.full(4, params.factor_precision + 3 * params.factor_precision_per_rating)
    ridge[-1] = params.bias_precision + 3 * params.bias_precision_per_rating
    noise, x = params.rating_precision, design(model, ITEMS)
    covariance = np.linalg.inv(np.diag(ridge) + noise * x.T @ x)
    every = design(model, EVERY)
    expected = np.sqrt(np.einsum("nf,fg,ng->n", every, covariance, every))
    np.testing.assert_allclose(found.deviations(EVERY), expected, rtol=tolerance)


def test_more_ratings_make_surer():
    model, params = trained()
    few = user_scores.predicted_ratings(model, ITEMS[:1], RATINGS[:1], params).deviations(EVERY)
    more = user_scores.predicted_ratings(model, ITEMS, RATINGS, params).deviations(EVERY)
    assert (more < few).all()


def test_deviations_of_a_mean_of_samples_hold_the_samples_spread():
    model, params = trained(method="gibbs")
    found = user_scores.predicted_ratings(model, ITEMS, RATINGS, params)
    means = [part.scores for part in found.parts]
    assert (found.deviations(EVERY) > np.std(means, axis=0, ddof=1)).all()


def test_without_ratings_a_person_is_the_prior_s_mean():
    model, params = trained()
    nobody = user_scores.predicted_ratings(model, ITEMS[:0], RATINGS[:0], params)
    np.testing.assert_allclose(nobody.scores, model.global_mean + model.item_biases)
    assert nobody.contributions(EVERY).shape == (7, 0)


def test_who_watches_is_folded_in_as_the_implicit_model_has_it():
    settings = load_params(ROOT / "params.yaml").implicit
    model = replace(random_model(1), item_biases=np.zeros(7))
    found = user_scores.watched(model, ITEMS, np.full(3, True), settings)
    row = reference_kernels.implicit_row(set(ITEMS.tolist()), model.item_factors, settings)
    expected = model.item_factors @ row
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)
    np.testing.assert_allclose(found.contributions(EVERY).sum(axis=1), expected, atol=1e-6)


def test_a_disliked_film_is_not_one_that_he_would_watch():
    settings = load_params(ROOT / "params.yaml").implicit
    model = replace(random_model(1), item_biases=np.zeros(7))
    found = user_scores.watched(model, ITEMS, np.array([True, False, True]), settings)
    liked = user_scores.watched(model, ITEMS, np.full(3, True), settings)
    assert found.scores[ITEMS[1]] < liked.scores[ITEMS[1]]
    disliked = np.searchsorted(np.sort(ITEMS), ITEMS[1])
    assert not found.contributions(EVERY)[:, disliked].any()


@pytest.mark.parametrize("ranking", ["blend", "implicit", "predicted_rating", "lower_bound"])
def test_scores_by_ranking(ranking):
    params = load_params(ROOT / "params.yaml")
    wanted = {"ranking": ranking, "rating_weight": 0.8, "lower_bound_deviations": 2.0}
    params = params.model_copy(update={"recommend": params.recommend.model_copy(update=wanted)})
    model, trained_with = trained()
    watched = replace(random_model(1), item_biases=np.zeros(7))
    said = user_scores.verdict(
        (model, watched), ITEMS, RATINGS, params, (trained_with, params.implicit)
    )
    low, high = params.data.rating_min, params.data.rating_max
    rating = user_scores.predicted_ratings(model, ITEMS, RATINGS, trained_with)
    seen = user_scores.watched(watched, ITEMS, low + (high - low) / 4 <= RATINGS, params.implicit)
    expected = {
        "blend": seen.scores + 0.8 / (high - low) * rating.scores,
        "implicit": seen.scores,
        "predicted_rating": rating.scores,
        "lower_bound": rating.scores - 2 * rating.deviations(EVERY),
    }
    np.testing.assert_allclose(said.scores, expected[ranking])
    np.testing.assert_allclose(said.rating.scores, rating.scores)
    assert said.why.contributions(EVERY).shape == (7, 3)


def test_the_order_of_ratings_changes_no_bit():
    model, params = trained(dtype="float32")
    found = user_scores.predicted_ratings(model, ITEMS, RATINGS, params)
    again = user_scores.predicted_ratings(model, ITEMS[::-1], RATINGS[::-1], params)
    assert found.scores.tobytes() == again.scores.tobytes()


def test_what_a_person_did_not_name_weighs_by_the_share_told():
    settings = load_params(ROOT / "params.yaml").implicit
    model, liked = replace(random_model(1), item_biases=np.zeros(7)), np.full(3, True)
    found = user_scores.watched(model, ITEMS, liked, settings, 0.2)
    fifth = settings.model_copy(update={"unseen_weight": settings.unseen_weight / 5})
    np.testing.assert_allclose(found.scores, user_scores.watched(model, ITEMS, liked, fifth).scores)


def test_who_tells_little_leaves_more_unsaid(monkeypatch):
    told: list[float] = []
    monkeypatch.setattr(user_scores, "verdict", lambda *given: told.append(given[-1]))
    monkeypatch.setattr(Project, "_models", (None, None))
    for read in ("trained_with", "implicit_trained_with"):
        monkeypatch.setattr(model_file, read, lambda model: None)
    manifest = {"index": {"result": {"n_ratings": 120, "n_users": 4}}}
    project = Project(load_params(ROOT / "params.yaml"), manifest, None)
    for n in (0, 10, 90):
        project.verdict(UserProfile.of(dict.fromkeys(range(n), 5.0)))
    project.verdict(replace(UserProfile.of({0: 5.0}), whole=True))
    assert told == [0, 0.5, 0.9, 1]  # against a third of 30, what a user has rated on average
