"""Places of movies and genres by their factors: what must hold of them, and slow twins."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.plotting import factor_maps
from movierec.recommending.selection import similar
from tests.helpers.random_data import random_model


def movies(n, genres=(), n_ratings=200):
    listed = [[genres[item % len(genres)]] if genres else [] for item in range(n)]
    titles = [f"Film {item}" for item in range(n)]
    return pd.DataFrame({"title": titles, "genres": listed, "n_ratings": n_ratings})


@given(st.integers(0, 1000))
def test_the_map_of_two_factors_keeps_all_distances(seed):
    factors = random_model(seed, n_items=12, n_factors=2).item_factors
    rows = factor_maps.factor_map(factors, movies(12))
    places = rows[["x", "y"]].to_numpy()
    distances, expected = (
        np.linalg.norm(points[:, None] - points, axis=2) for points in (places, factors)
    )
    np.testing.assert_allclose(distances, expected, atol=1e-9)
    assert places[:, 0].std() >= places[:, 1].std()


def test_a_turned_model_has_the_same_map_but_for_signs():
    factors = random_model(1, n_items=30, n_factors=4).item_factors
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    one, other = (
        factor_maps.factor_map(each, movies(30))[["x", "y"]].to_numpy()
        for each in (factors, factors @ turn)
    )
    np.testing.assert_allclose(abs(one), abs(other), atol=1e-9)


def test_taste_moves_a_movie_by_the_deviation_of_its_predictions():
    model = random_model(2, n_users=50, n_items=60, n_factors=5)
    rows = factor_maps.polarising(model.user_factors, model.item_factors, movies(60))
    tastes = (model.user_factors @ model.item_factors.T).std(axis=0)
    order = np.argsort(-tastes)
    assert rows["title"].tolist() == [f"Film {item}" for item in [*order[:12], *order[-12:]]]
    np.testing.assert_allclose(rows["deviation"], tastes[[*order[:12], *order[-12:]]])


def test_movies_with_few_ratings_are_left_out():
    n_ratings = factor_maps.MIN_RATINGS - np.repeat([0, 1], 30)
    for items, n in ((movies(60, n_ratings=n_ratings), 30), (movies(60, n_ratings=1), 24)):
        assert len(factor_maps.rated_enough(items)) == n
    assert len(factor_maps.rated_enough(movies(3))) == 3


def test_a_mean_of_samples_has_the_places_of_any_of_its_like():
    """Factors side by side, the users' divided by the number of samples."""
    model, items = random_model(3, n_users=40, n_items=40, n_factors=3), movies(40, "ABCD")
    users, factors = np.tile(model.user_factors, 2) / 2, np.tile(model.item_factors, 2)
    one = factor_maps.polarising(model.user_factors, model.item_factors, items)
    two = factor_maps.polarising(users, factors, items)
    np.testing.assert_allclose(one["deviation"], two["deviation"])
    one, two = (factor_maps.genres(each, items)[0] for each in (model.item_factors, factors))
    np.testing.assert_allclose(abs(one[["x", "y"]]) * 2**0.5, abs(two[["x", "y"]]), atol=1e-9)


def genres_of(names, seed=4):
    factors = random_model(seed, n_items=80, n_factors=6).item_factors
    return factors, factor_maps.genres(factors, movies(80, names))


@pytest.mark.parametrize("children", ["Children's", "Children"])
def test_horror_lies_left_of_children_s_and_the_line_is_between_them(children):
    names = ["Action", children, "Drama", "Horror"]
    factors, (rows, shown) = genres_of(names)
    means = {name: factors[place::4].mean(axis=0) for place, name in enumerate(names)}
    places = rows.set_index("genre")
    apart = np.linalg.norm(means[children] - means["Horror"])
    assert places["x"][children] - places["x"]["Horror"] == pytest.approx(apart)
    assert places["y"][children] == pytest.approx(places["y"]["Horror"])
    assert set(shown["genre"]) == {"Horror", children}
    axis = (means[children] - means["Horror"]) / apart
    np.testing.assert_allclose(
        shown[shown["genre"] == "Horror"]["x"], (factors[3::4] - factors.mean(axis=0)) @ axis
    )


def test_without_these_two_the_line_is_between_the_genres_farthest_apart():
    names = ["Action", "Drama", "War", "Western"]
    factors, (_, shown) = genres_of(names)
    means = [factors[place::4].mean(axis=0) for place in range(4)]
    apart = {
        frozenset((names[one], names[other])): np.linalg.norm(means[one] - means[other])
        for one in range(4)
        for other in range(one)
    }
    assert frozenset(shown["genre"]) == max(apart, key=apart.__getitem__)


def test_nothing_has_a_place_without_factors_or_genres():
    none, one = np.zeros((30, 0)), np.ones((30, 1))
    for factors in (none, one):
        assert factor_maps.factor_map(factors, movies(30)).empty
        assert factor_maps.genres(factors, movies(30, "ABC"))[0].empty
    assert factor_maps.genres(np.ones((30, 3)), movies(30))[0].empty
    assert factor_maps.polarising(none, none, movies(30)).empty
    assert factor_maps.neighbours(none, movies(30), 0).empty


def test_neighbours_are_the_nearest_and_no_favourite_is_another_s():
    factors = random_model(5, n_items=60, n_factors=3).item_factors
    n_ratings = np.arange(60, 0, -1)
    rows = factor_maps.neighbours(factors, movies(60, n_ratings=n_ratings), 10)
    favourites = list(rows.groupby("title", sort=False))
    assert favourites[0][0] == "Film 0"
    assert len(favourites) == factor_maps.N_FAVOURITES
    before: set[str] = set()
    for title, part in favourites:
        item = int(title.removeprefix("Film "))
        nearest, cosines = similar(factors, item, factor_maps.N_NEAREST, n_ratings >= 10)
        assert part["similar_title"].tolist() == [f"Film {other}" for other in nearest]
        np.testing.assert_allclose(part["similarity"], cosines)
        assert title not in before
        before |= set(part["similar_title"])
