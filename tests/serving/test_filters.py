"""Filters of movies: what passes, and that their order does not matter."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.serving import filters
from movierec.serving.catalogue import Catalogue
from movierec.serving.filters import passing
from movierec.serving.own_ratings import ListedMovies
from movierec.serving.years import Years

YEARS = [1979, 1986, None, 1995, 1995, 1999]
GENRES = [["Horror", "Sci-Fi"], ["Sci-Fi"], ["Drama"], [], ["Comedy"], ["Drama", "Comedy"]]
N_RATINGS = [50, 30, 10, 6, 4, 0]


def catalogue(n_ratings=N_RATINGS):
    n = len(n_ratings)
    return Catalogue(
        pa.table(
            {
                "movie_id": pa.array(range(n), pa.int64()),
                "title": [f"Movie {number}" for number in range(n)],
                "year": pa.array((YEARS * n)[:n], pa.int32()),
                "genres": pa.array((GENRES * n)[:n], pa.list_(pa.string())),
                "n_ratings": pa.array(n_ratings, pa.int32()),
            }
        )
    )


MOVIES = catalogue()
SOME = ListedMovies("some.txt", {0, 3}, {0, 1, 3})
EACH = [
    filters.by_ratings(MOVIES, 5),
    filters.well_known(MOVIES, 0.5),
    filters.little_known(MOVIES, 0.2),
    filters.by_genre(MOVIES, ["sci fi", "drama"]),
    filters.without_genre(MOVIES, ["comedy"]),
    filters.by_year(MOVIES, Years(1979, 1995)),
    filters.listed(MOVIES, [SOME]),
    filters.not_listed(MOVIES, [SOME]),
]


def test_what_passes():
    passed = {each.asks: np.flatnonzero(each.passed).tolist() for each in EACH}
    assert passed == {
        "with at least 5 ratings": [0, 1, 2, 3],
        "that are well known": [0],
        "that are little known": [2, 3, 4, 5],
        "of the genre sci fi or drama": [0, 1, 2, 5],
        "without the genre comedy": [0, 1, 2, 3],
        "from 1979 to 1995": [0, 1, 3, 4],
        "in some.txt": [0, 3],
        "not in some.txt": [2, 4, 5],
    }


def test_several_lists_are_one():
    other = ListedMovies("other.txt", {5}, {5})
    both = filters.listed(MOVIES, [SOME, other]), filters.not_listed(MOVIES, [SOME, other])
    assert [np.flatnonzero(each.passed).tolist() for each in both] == [[0, 3, 5], [2, 4]]
    assert both[0].asks == "in some.txt or other.txt"


@given(st.permutations(EACH), st.integers(0, len(EACH)))
def test_the_order_of_filters_does_not_matter(order, n):
    one, other = order[:n], order[n:]
    both = passing(one, len(MOVIES)) & passing(other, len(MOVIES))
    np.testing.assert_array_equal(passing(order, len(MOVIES)), both)
    np.testing.assert_array_equal(passing(EACH, len(MOVIES)), both)


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=30).filter(any),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_shares_of_ratings(n_ratings, share, other):
    """Known are the fewest with the share; obscure, at most the share; each with its equals."""
    movies, counts = catalogue(n_ratings), np.array(n_ratings)
    known = filters.well_known(movies, share).passed
    obscure = filters.little_known(movies, share).passed
    total = counts.sum()
    assert counts[known].sum() >= share * total
    assert counts[obscure].sum() <= share * total
    fewest = counts[known].min()
    np.testing.assert_array_equal(known, counts >= fewest)
    assert counts[counts > fewest].sum() < share * total or share == 0
    if not obscure.all():
        more = counts[~obscure].min()
        assert counts[counts <= more].sum() > share * total
        np.testing.assert_array_equal(obscure, counts < more)
    low, high = sorted((share, other))
    for kind in (filters.well_known, filters.little_known):
        assert not (kind(movies, low).passed & ~kind(movies, high).passed).any()


def test_why_none_names_a_share_that_is_too_small():
    nothing = [filters.little_known(catalogue([5, 5]), 0.2)]
    assert filters.why_none(nothing, np.ones(2, bool)) == (
        "no movies that are little known; allow a larger share of ratings"
    )
    both = [filters.well_known(MOVIES, 0.5), filters.listed(MOVIES, [ListedMovies("a", {4}, {4})])]
    assert filters.why_none(both, np.ones(6, bool)) == (
        'no movies that are well known, in a; without "that are well known": 1 movie'
    )


@pytest.mark.parametrize("share", [0, 1])
def test_extreme_shares(share):
    assert filters.well_known(MOVIES, share).passed.any()
    assert filters.little_known(MOVIES, share).passed.sum() == (6 if share else 1)
