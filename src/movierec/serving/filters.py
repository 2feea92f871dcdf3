"""Filters of a list of movies, and why a list is empty.

Each filter is a mask, so their order does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movierec.core.text import count

if TYPE_CHECKING:
    from movierec.core.array_files import Array
    from movierec.serving.catalogue import Catalogue
    from movierec.serving.own_ratings import ListedMovies
    from movierec.serving.years import Years


@dataclass(frozen=True)
class Filter:
    """Which movies pass: (n_movies,) bool.

    asks: of a movie, as in "no movies from 2000 or later". instead: what the data set has, if no
    movie passes.
    """

    asks: str
    passed: Array
    instead: str


def by_ratings(movies: Catalogue, n: int) -> Filter:
    """Movies with at least n ratings."""
    most = f"the most rated one has {count(int(movies.n_ratings.max(initial=0)), 'rating')}"
    return Filter(f"with at least {count(n, 'rating')}", movies.n_ratings >= n, most)


def well_known(movies: Catalogue, share: float) -> Filter:
    """The most rated movies: the fewest that together have this share of all ratings."""
    counts, ratings = _ratings_by_count(movies)
    with_more = np.cumsum(ratings[::-1])[::-1]  # of movies with at least this many ratings
    fewest = counts[with_more >= share * ratings.sum()].max(initial=0)
    return Filter("that are well known", movies.n_ratings >= fewest, "")


def little_known(movies: Catalogue, share: float) -> Filter:
    """The least rated movies: the most that together have at most this share of all ratings."""
    counts, ratings = _ratings_by_count(movies)
    most = counts[np.cumsum(ratings) <= share * ratings.sum()].max(initial=-1)
    return Filter(
        "that are little known", movies.n_ratings <= most, "allow a larger share of ratings"
    )


def _ratings_by_count(movies: Catalogue) -> tuple[Array, Array]:
    """The numbers of ratings that movies have, ascending, and how many ratings these have."""
    counts, n_movies = np.unique(movies.n_ratings, return_counts=True)
    return counts, counts.astype(np.int64) * n_movies


def by_genre(movies: Catalogue, genres: Sequence[str]) -> Filter:
    """Movies of any of these genres."""
    return Filter(f"of the genre {' or '.join(genres)}", movies.of_genres(genres), "")


def without_genre(movies: Catalogue, genres: Sequence[str]) -> Filter:
    """Movies of none of these genres."""
    asks = f"without the genre {' or '.join(genres)}"
    return Filter(asks, ~movies.of_genres(genres), "exclude fewer genres")


def by_year(movies: Catalogue, years: Years) -> Filter:
    """Movies from these years; those without a year do not pass."""
    of_movies, has_year = movies.years
    passed = has_year.copy()
    if years.first is not None:
        passed &= of_movies >= years.first
    if years.last is not None:
        passed &= of_movies <= years.last
    known = of_movies[has_year]
    span = f"from {known.min()} to {known.max()}" if len(known) else "without a year"
    return Filter(str(years), passed, f"those of the data set are {span}")


def listed(movies: Catalogue, lists: Sequence[ListedMovies]) -> Filter:
    """Movies in any of these lists."""
    passed = np.zeros(len(movies), bool)
    passed[[item for each in lists for item in each.items]] = True
    return Filter(
        f"in {' or '.join(each.name for each in lists)}",
        passed,
        "none of its movies is in the data set",
    )


def not_listed(movies: Catalogue, lists: Sequence[ListedMovies]) -> Filter:
    """Movies in none of these lists, and none that they may mean."""
    passed = movies.others([item for each in lists for item in each.seen])
    return Filter(f"not in {' or '.join(each.name for each in lists)}", passed, "these are all")


def passing(filters: Sequence[Filter], n_movies: int) -> Array:
    """Which movies pass all filters: (n_movies,) bool."""
    passed = np.ones(n_movies, bool)
    for each in filters:
        passed &= each.passed
    return passed


def why_none(filters: Sequence[Filter], others: Array) -> str:
    """Why a list is empty: the filter that no movie passes, or the one to remove.

    others: the movies that may be listed apart from filters, such as those not rated (n_movies,)
    bool.
    """
    for each in filters:
        if not each.passed.any():
            return f"no movies {each.asks}; {each.instead}"
    n_movies = len(others)
    other = "other " if passing(filters, n_movies).any() else ""
    text = f"no {other}movies {', '.join(each.asks for each in filters)}".rstrip()
    n_without = {
        each.asks: int((others & passing([f for f in filters if f is not each], n_movies)).sum())
        for each in filters
    }
    asks = max(n_without, key=lambda asks: n_without[asks], default="")
    if asks and n_without[asks]:
        what = "this filter" if len(filters) == 1 else f'"{asks}"'
        return f"{text}; without {what}: {count(n_without[asks], 'movie')}"
    return f"{text}; remove filters" if others.any() else f"{text} in the data set"
