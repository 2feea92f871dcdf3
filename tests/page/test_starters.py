"""Where people start: well-known movies that differ, tastes that differ, and a map."""

import re

import numpy as np
import pandas as pd
import pytest

from movierec.page import starters
from tests.helpers.pages import make_items
from tests.helpers.random_data import SCALE


def movies_with(*genres):
    counts = range(len(genres), 0, -1)
    titles = [f"Movie {number}" for number in counts]
    own = [list(own) for own in genres]
    return pd.DataFrame({"title": titles, "genres": own, "n_ratings": counts})


def test_starters_are_well_known_and_all_different(monkeypatch):
    monkeypatch.setattr(starters, "N_STARTERS", 4)
    movies = movies_with(*[["Drama"]] * 30)
    vectors = np.eye(3)[np.arange(30) % 3].astype(np.float32)
    chosen = starters.starters(movies, vectors)
    assert len(set(chosen)) == 4
    assert {place % 3 for place in chosen[:3]} == {0, 1, 2}  # of each kind, the best known
    assert chosen[:3] == sorted(chosen[:3])


def test_a_movie_that_nobody_rated_is_no_starter():
    movies = movies_with([], [])
    movies["n_ratings"] = [1, 0]
    assert starters.starters(movies, np.eye(2)) == [0]


def test_tastes_like_movies_of_one_genre_and_not_one_of_another():
    kinds = ["Action", "Action,Comedy", "Comedy", "Horror", "Drama,Horror"]
    movies = movies_with(*(kinds[k % 5].split(",") for k in range(60)))
    movies["title"] = [f"Kind {k % 5}, The (19{k:02})" for k in range(60)]
    tastes = starters.examples(movies, SCALE)
    assert len({taste["name"] for taste in tastes}) == 3
    for taste in tastes:
        genre = taste["name"].rpartition(" ")[2].capitalize()
        assert re.fullmatch(r"The Kind \d, The Kind \d and more \w+", taste["name"])
        liked = [place for place, rating in taste["ratings"] if rating == SCALE.high]
        [disliked] = [place for place, rating in taste["ratings"] if rating == SCALE.low]
        assert len(liked) == starters.N_LIKED
        assert all(genre in movies["genres"][place] for place in liked)
        assert genre not in movies["genres"][disliked]


@pytest.mark.parametrize(("genres", "n"), [([], 0), (["Drama"], 1)])
def test_tastes_of_movies_with_few_genres(genres, n):
    tastes = starters.examples(movies_with(*[genres] * 20), SCALE)
    assert [len(taste["ratings"]) for taste in tastes] == [starters.N_LIKED] * n


@pytest.mark.parametrize("shape", [(40, 5), (40, 1), (40, 0), (1, 3), (0, 3)])
def test_the_map_has_a_place_for_each_movie(shape):
    vectors = np.random.default_rng(0).normal(size=shape)
    places = starters.map_of(vectors)
    assert places.shape == (shape[0], 2)
    assert np.abs(places).max(initial=0) <= 1
    if shape == (40, 5):
        assert np.abs(places).max() == 1
        assert (places.std(axis=0) > 0.1).all()


def test_movies_with_the_same_vector_are_at_the_same_place():
    vectors = np.random.default_rng(0).normal(size=(len(make_items(20)), 4))
    vectors[7] = vectors[3]
    places = starters.map_of(vectors)
    np.testing.assert_allclose(places[7], places[3])
