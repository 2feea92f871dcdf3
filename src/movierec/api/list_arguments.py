"""Arguments of `TrainedRun.recommend` and `similar`: which movies a list has."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from movierec.api import arguments
from movierec.api.input_types import Id, MoviesLike, UserRatings
from movierec.core import paths
from movierec.core.yaml_file import shorten
from movierec.serving import lists, own_ratings
from movierec.serving.lists import ListOptions
from movierec.serving.own_ratings import ListedMovies
from movierec.serving.years import Years

if TYPE_CHECKING:
    from movierec.serving.catalogue import Catalogue

Find = Callable[[Id], int]  # the item index of a movie


def list_options(
    movies: Catalogue,
    find: Find,
    *,
    n: int,
    genre: str | Iterable[str],
    not_genre: str | Iterable[str],
    year: int | str | None,
    known: bool | float,
    obscure: bool | float,
    min_ratings: int | None,
    only: MoviesLike | None,
    not_: MoviesLike | None,
    **others: Any,
) -> ListOptions:
    """The options; ValueError or TypeError for values that cannot be."""
    if min_ratings is not None:
        min_ratings = arguments.integer(min_ratings, "min_ratings", 0)
    return ListOptions(
        n=arguments.integer(n, "n"),
        min_ratings=min_ratings,
        known=_share(known, "known", lists.KNOWN),
        obscure=_share(obscure, "obscure", lists.OBSCURE),
        genre=_names(genre),
        not_genre=_names(not_genre),
        year=_years(year),
        only=_movies(movies, find, only, "only", lists.ONLY),
        not_=_movies(movies, find, not_, "not_", lists.NOT),
        **others,
    )


def people(given: UserRatings | Id | Iterable[UserRatings | Id]) -> list[UserRatings | Id]:
    """One person, or several, as a list."""
    if isinstance(given, Mapping | str) or not np.iterable(given):
        return [given]
    return list(given)


def _names(genres: str | Iterable[str]) -> tuple[str, ...]:
    return (genres,) if isinstance(genres, str) else tuple(genres)


def _years(year: int | str | None) -> Years | None:
    if year is None:
        return None
    if not isinstance(year, str):
        year = str(arguments.integer(year, "year", 0, 9999))
    try:
        return Years.from_text(year)
    except ValueError as error:
        raise ValueError(f"year: {error}") from None


def _share(value: bool | float | None, name: str, default: float) -> float | None:
    if value is None or isinstance(value, bool | np.bool_):
        return default if value else None
    return arguments.number(value, name, 0, 1)


def _movies(
    movies: Catalogue, find: Find, given: MoviesLike | None, name: str, member: str
) -> tuple[ListedMovies, ...]:
    """The list of movies in a file, or of titles and ids; member: as of own_ratings.read_list."""
    if given is None:
        return ()
    if isinstance(given, str | Path):
        listed = own_ratings.read_list(paths.expand(given), movies, member)
        if not listed.is_complete:
            warnings.warn("\n".join(listed.notes), stacklevel=arguments.stack_level())
        return (listed,)
    if not np.iterable(given):
        raise TypeError(
            f'{name} should be a file, or movies by title or id, such as ["Alien", 50], not'
            f" {shorten(arguments.plain(given))}"
        )
    items = {find(movie) for movie in given}
    return (ListedMovies(name, items, items),)
