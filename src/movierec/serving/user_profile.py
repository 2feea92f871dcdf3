"""User profiles: which movies a user has rated, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movierec.core.errors import MovierecError

if TYPE_CHECKING:
    from movierec.core.array_files import Array
    from movierec.serving.catalogue import Catalogue

Scale = tuple[float, float]
ItemRatings = dict[int, float]  # ratings by item_index


@dataclass(frozen=True)
class UserProfile:
    """items (n,) int32, ascending, and their ratings (n,) float32 in stars.

    is_complete: whether these are all ratings of the user, or only a selection.
    """

    items: Array
    ratings: Array
    is_complete: bool = False

    @classmethod
    def from_ratings(cls, ratings: ItemRatings) -> UserProfile:
        """The order of the ratings does not matter."""
        items = sorted(ratings)
        return cls(np.array(items, np.int32), np.array([ratings[i] for i in items], np.float32))


def by_titles(
    movies: Catalogue, scale: Scale, like: Iterable[str], dislike: Iterable[str]
) -> ItemRatings:
    """Ratings from TITLE[=RATING]; the default is the highest rating, for a dislike the lowest.

    If a movie is given twice, its last rating counts. Raises MovierecError for a movie in both.
    """

    def ratings(option: str, texts: Iterable[str], default: float) -> ItemRatings:
        pairs = [(text, *title_and_rating(text)) for text in texts]
        return {
            movies.index.find(title): check(
                default if rating is None else rating, scale, f"{option} {text!r}"
            )
            for text, title, rating in pairs
        }

    liked = ratings("--like", like, scale[1])
    disliked = ratings("--dislike", dislike, scale[0])
    for item in liked.keys() & disliked.keys():
        raise MovierecError(f"{movies.display(item)} is in both --like and --dislike; keep one")
    return liked | disliked


def title_and_rating(text: str) -> tuple[str, float | None]:
    """The parts of TITLE=RATING; if what follows = is not a number, it belongs to the title."""
    title, equals, number = text.rpartition("=")
    try:
        return (title, float(number)) if equals else (text, None)
    except ValueError:
        return text, None


def check(rating: float, scale: Scale, what: str) -> float:
    """The rating; MovierecError if it is outside the scale. what: named by the error."""
    if not scale[0] <= rating <= scale[1]:
        raise MovierecError(f"{what}: ratings range from {scale[0]:g} to {scale[1]:g}")
    return rating
