"""The recommender of the page equals movierec: scores, lists and reasons, for any ranking and
model."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from movierec.model.model_file import Models
from movierec.recommending import rankers, selection
from movierec.serving import filters, folding_in, user_scores
from movierec.serving.catalogue import Catalogue
from movierec.serving.genre_part import GenreProfiles
from movierec.serving.score_scale import ScoreScale
from movierec.serving.user_profile import UserProfile
from movierec.serving.user_scores import TrainedWith
from movierec.serving.years import Years
from movierec.training import rating_model
from movierec.training.in_memory import InMemoryData
from tests.helpers.pages import N_USERS, make_page, make_params, recommender_of
from tests.helpers.random_data import SCALE, random_csrs, random_regression

N_ITEMS = 40
TOLERANCE = 1e-5
RATINGS = {0: 5.0, 3: 1.0, 4: 4.5, 11: 3.0, 30: 2.0}
MODELS = [("mf", "als"), ("svdpp", "als"), ("damped_biases", "als"), ("mf", "gibbs")]
KINDS = [*((ranking, "mf", "als") for ranking in rankers.RANKINGS)]
KINDS += [("blend", *model) for model in MODELS[1:]]


def page_of(ranking="blend", model="mf", method="als", **recommend):
    gibbs = make_params().train.gibbs.model_copy(
        update={"start_epochs": 2, "burn_in": 2, "samples": 3}
    )
    train = {"model": model, "method": method, "n_factors": 3, "max_epochs": 4, "gibbs": gibbs}
    wanted = {"ranking": ranking, "min_ratings": 3} | recommend
    params = make_params(train=train, implicit={"n_factors": 3}, recommend=wanted)
    data = InMemoryData.from_params(*random_csrs(3, 30, N_ITEMS, 400), params.train, None)
    rating = rating_model.fit(data, params.train, 0, SCALE).model
    return make_page(params, rating)


def scores_of(page, ratings):
    """What Python computes for a new user."""
    user, params = UserProfile.from_ratings(ratings), page.params
    usual = page.measured["index"]["n_ratings"] / N_USERS
    genres = selection.genre_vectors(page.items["genres"], params.recommend.genre_weight)
    popularity = page.items["n_ratings"].to_numpy() / N_USERS
    return user_scores.score_items(
        page.rounded,
        user.items,
        user.ratings,
        params,
        TrainedWith(params.train, params.implicit, params.item_regression),
        folding_in.unseen_share(len(ratings), usual),
        GenreProfiles(genres, popularity),
    )


def movies_of(page):
    return Catalogue(pa.Table.from_pandas(page.items, preserve_index=False))


def ask(visit, call, ratings=None):
    """A call of the recommender; `ratings` in it is a Map of these."""
    pairs = [list(pair) for pair in (RATINGS if ratings is None else ratings).items()]
    return visit.page.evaluate(
        f"pairs => {{ const ratings = new Map(pairs); return recommender.{call} }}", pairs
    )


@pytest.mark.parametrize(("ranking", "model", "method"), KINDS)
def test_scores_lists_and_reasons_are_those_of_python(ranking, model, method, tmp_path):
    page = page_of(ranking, model, method)
    movies, scores = movies_of(page), scores_of(page, RATINGS)
    others = movies.others(RATINGS)
    scale = ScoreScale.from_scores(scores.scores, others)
    eligible = others & (movies.n_ratings >= 3)
    with recommender_of(page.data(), tmp_path) as visit:
        found = ask(visit, "recommend(ratings, {n: 100})")
        reasons = [ask(visit, f"explain(ratings, {row['place']})") for row in found]
    items = np.array([row["place"] for row in found])
    assert items.tolist() == selection.best(scores.scores, eligible, 100).tolist()
    values = scores.values(items, SCALE)
    for key, name in (("score", "score"), ("rating", "predicted_rating"), ("deviation",) * 2):
        numbers = [row[key] for row in found]
        np.testing.assert_allclose(numbers, values[name], atol=2 * TOLERANCE, err_msg=key)
    shown = [row["score100"] for row in found]
    np.testing.assert_allclose(shown, scale.of(scores.scores[items]), atol=0.5)
    to_score, _, rest = scores.contributions(items)
    for row, reason, of_ratings, left in zip(found, reasons, to_score, rest, strict=True):
        by_place = {part["place"]: part["value"] for part in reason["parts"]}
        np.testing.assert_allclose([by_place[i] for i in RATINGS], of_ratings, atol=TOLERANCE)
        assert {part["place"]: part["rating"] for part in reason["parts"]} == RATINGS
        assert reason["rest"] == pytest.approx(left, abs=2 * TOLERANCE)
        total = sum(by_place.values()) + reason["rest"]
        assert total == pytest.approx(row["score"], abs=1e-9)
        total = sum(part["value100"] for part in reason["parts"]) + reason["rest100"]
        assert total == pytest.approx(row["score100"], abs=1e-6)


@pytest.fixture(scope="module")
def page():
    return page_of()


@pytest.fixture(scope="module")
def visit(page, tmp_path_factory):
    with recommender_of(page.data(), tmp_path_factory.mktemp("page")) as visit:
        yield visit


def places(rows):
    return [row["place"] for row in rows]


@pytest.mark.parametrize("ratings", [{}, {7: 5.0}, dict.fromkeys(range(N_ITEMS), 4.0)])
def test_any_number_of_ratings(page, visit, ratings):
    scores, others = scores_of(page, ratings), movies_of(page).others(ratings)
    found = ask(visit, "recommend(ratings)", ratings)
    eligible = others & (page.items["n_ratings"].to_numpy() >= 3)
    assert places(found) == selection.best(scores.scores, eligible, 10).tolist()


def test_a_movie_that_is_listed_twice_is_rated_once(visit):
    assert not {4, 6} & set(places(ask(visit, "recommend(ratings, {n: 100})", {4: 5.0})))


@pytest.mark.parametrize(
    ("options", "filter_of"),
    [
        ("genres: new Set(['Drama'])", lambda movies: filters.by_genre(movies, ["Drama"])),
        ("notGenres: new Set(['Drama'])", lambda movies: filters.without_genre(movies, ["Drama"])),
        (
            "fromYear: 1960, toYear: 1972",
            lambda movies: filters.by_year(movies, Years(1960, 1972)),
        ),
        ("minShare: 0.5", lambda movies: filters.well_known(movies, 0.5)),
        ("maxShare: 0.2", lambda movies: filters.little_known(movies, 0.2)),
    ],
)
def test_filters(page, visit, options, filter_of):
    movies = movies_of(page)
    eligible = movies.others(RATINGS) & (movies.n_ratings >= 3) & filter_of(movies).passed
    assert eligible.any()
    found = places(ask(visit, f"recommend(ratings, {{n: 100, {options}}})"))
    assert sorted(found) == np.flatnonzero(eligible).tolist()


def test_a_diverse_list(page, visit):
    scores, movies = scores_of(page, RATINGS).scores, movies_of(page)
    eligible = movies.others(RATINGS) & (movies.n_ratings >= 3)
    expected = selection.diverse(scores, eligible, 4, page.vectors(), 0.5)
    assert places(ask(visit, "recommend(ratings, {n: 4, diverse: true})")) == expected.tolist()


def test_similar_movies(page, visit):
    movies = movies_of(page)
    eligible = movies.others([4]) & (movies.n_ratings >= 3)
    items, cosines = selection.similar(page.vectors(), 4, 8, eligible)
    found = ask(visit, "similar(4, 8)")
    assert places(found) == items.tolist()
    np.testing.assert_allclose([row["similarity"] for row in found], cosines, atol=0.02)


def test_what_is_known_of_movies(page, visit):
    movie = visit.page.evaluate("recommender.movies[5]")
    row = page.items.iloc[5]
    assert (movie["id"], movie["title"]) == (row["movie_id"], row["title"])
    assert (movie["year"], movie["genres"]) == (row["year"], row["genres"])
    assert movie["nRatings"] == row["n_ratings"]
    assert visit.page.evaluate("recommender.movies[0].share") == 1
    assert visit.page.evaluate("recommender.scale") == {"low": 1, "high": 5, "step": 0.5}
    assert visit.page.evaluate("recommender.map.length") == 2 * N_ITEMS


def test_a_page_of_fewer_movies_has_their_scores_among_all(tmp_path):
    page = page_of()
    fewer = make_page(
        page.params.model_copy(update={"page": page.params.page.model_copy(update={"movies": 12})}),
        page.models.rating,
    )
    ratings = {0: 5.0, 3: 1.0}
    with recommender_of(fewer.data(), tmp_path) as visit:
        found = ask(visit, "recommend(ratings)", ratings)
    expected = scores_of(page, ratings).scores[places(found)]
    np.testing.assert_allclose([row["score"] for row in found], expected, atol=2 * TOLERANCE)
    assert max(places(found)) < 12


def test_of_many_samples_some_predict_ratings(monkeypatch):
    monkeypatch.setattr("movierec.page.payload.MAX_SAMPLES", 2)
    page = page_of("blend", "mf", "gibbs")
    assert len(page.rating()["samples"]) == 2
    [note] = page.about()["notes"]
    assert note == "Ratings are predicted by 2 of the 3 samples of the model."


def test_a_run_without_implicit_model_or_regression(tmp_path):
    page = page_of()
    implicit = replace(
        page.models.implicit,
        user_factors=np.zeros((page.models.implicit.n_users, 0)),
        item_factors=np.zeros((N_ITEMS, 0)),
    )
    none = replace(random_regression(1).none(N_ITEMS), manifest=page.models.regression.manifest)
    page = replace(page, models=Models(page.models.rating, implicit, none))
    scores = scores_of(page, RATINGS).scores
    with recommender_of(page.data(), tmp_path) as visit:
        found = ask(visit, "recommend(ratings)")
    np.testing.assert_allclose(
        [row["score"] for row in found], scores[places(found)], atol=TOLERANCE
    )
