"""Who a list is for: which films he has rated, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movierec.core.errors import MovierecError

if TYPE_CHECKING:
    from movierec.core.array_files import Array
    from movierec.serving.catalogue import Catalogue
    from movierec.serving.import_ratings import ImportedRating

Scale = tuple[float, float]
Given = dict[int, float]  # ratings by item_index


@dataclass(frozen=True)
class UserProfile:
    """items (n,) int32, rising, and their ratings (n,) float32 in stars.

    whole: these are all that there are, and not some that came to mind.
    """

    items: Array
    ratings: Array
    whole: bool = False

    @classmethod
    def of(cls, given: Given) -> UserProfile:
        """The same whatever the order in which ratings were given."""
        items = sorted(given)
        ratings = [given[item] for item in items]
        return cls(np.array(items, np.int32), np.array(ratings, np.float32))


def by_titles(films: Catalogue, scale: Scale, like: Iterable[str], dislike: Iterable[str]) -> Given:
    """Ratings out of TITLE[=RATING]; without one it is the best, or of a dislike the worst.

    Of a film named twice the last rating counts; liked and disliked it is an error.
    """
    sides = []
    for option, texts, default in (("--like", like, scale[1]), ("--dislike", dislike, scale[0])):
        given = {}
        for text in texts:
            title, rating = title_and_rating(text)
            given[films.catalogue.find(title)] = check(
                default if rating is None else rating, scale, f"{option} {text!r}"
            )
        sides.append(given)
    for item in sides[0].keys() & sides[1].keys():
        raise MovierecError(f"{films.titles[item]}: both in --like and in --dislike; keep one")
    return sides[0] | sides[1]


def title_and_rating(text: str) -> tuple[str, float | None]:
    """TITLE=RATING taken apart; what follows = and is no number is part of the title."""
    title, equals, number = text.rpartition("=")
    try:
        return (title, float(number)) if equals else (text, None)
    except ValueError:
        return text, None


def check(rating: float, scale: Scale, what: str) -> float:
    if not scale[0] <= rating <= scale[1]:
        raise MovierecError(f"{what}: a rating is from {scale[0]:g} to {scale[1]:g}")
    return rating


def by_export(films: Catalogue, rated: Iterable[ImportedRating]) -> tuple[Given, list[str]]:
    """Ratings of the films that are known here, and the names of those that are not.

    By id where there is one, else by title and year.
    """
    of_id = {str(movie_id): item for item, movie_id in enumerate(films.movie_ids)}
    given, unknown = {}, []
    for film in rated:
        places = [of_id.get(film.movie_id)] if film.movie_id else []
        places += [films.catalogue.match(title, film.year) for title in film.titles]
        found = next((place for place in places if place is not None), None)
        if found is None:
            unknown.append(str(film))
        else:
            given[found] = film.rating
    return given, unknown
