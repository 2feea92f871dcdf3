"""Leave out ratings before the split: those below a positive rating, and those outside the core.

The core is what is left when users and movies with too few ratings are removed, again and again,
until all have enough (Seidman, "Network structure and minimum degree", Social Networks 5(3), 1983).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from movierec.core.errors import MovierecError
from movierec.core.params import SplitParams
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array, Ratings, count_index


@dataclass(frozen=True)
class RatingFilter:
    """Ratings take part if they are at least `least`, of a user and an item that take part.

    users (n_users,), items (n_items,): masks.
    """

    least: float
    users: Array
    items: Array

    def mask(self, user_index: Array, item_index: Array, rating: Array) -> Array:
        """Which ratings take part."""
        return np.asarray(
            (rating >= np.float32(self.least)) & self.users[user_index] & self.items[item_index]
        )

    def of_users(self, first: int, stop: int) -> "RatingFilter":
        """The filter of the users first … stop − 1, numbered from 0."""
        return replace(self, users=self.users[first:stop])


@dataclass(frozen=True)
class LeftOut:
    """Numbers of ratings left out, and of the users and rated items that have none left."""

    below_positive: int = 0
    outside_core: int = 0
    users: int = 0
    items: int = 0


# Counts the ratings of each user and of each item that take part.
Count = Callable[[RatingFilter], tuple[Array, Array]]


def find(
    params: SplitParams, scale: Scale, n_users: int, n_items: int, count: Count
) -> tuple[RatingFilter, Array, LeftOut]:
    """The filter of these params, the number of ratings of each user that take part, and the rest.

    Raises MovierecError if no rating takes part.
    """
    every = RatingFilter(-np.inf, np.ones(n_users, bool), np.ones(n_items, bool))
    before = by_user, by_item = count(every)
    chosen = every
    if params.positive_rating is not None:
        chosen = replace(every, least=scale.limit(params.positive_rating))
        by_user, by_item = count(chosen)
    n_positive = int(by_user.sum())
    while True:
        users = chosen.users & (by_user >= params.min_user_ratings)
        items = chosen.items & (by_item >= params.min_movie_ratings)
        n_removed = int(by_user[~users].sum() + by_item[~items].sum())
        chosen = replace(chosen, users=users, items=items)
        if not n_removed:
            break
        by_user, by_item = count(chosen)
    n_left = int(by_user.sum())
    if not n_left:
        raise MovierecError(
            "no ratings are left to split: split.positive_rating, split.min_user_ratings and"
            " split.min_movie_ratings leave out all; lower them"
        )
    emptied = [
        int(np.count_nonzero(had)) - int(np.count_nonzero(has))
        for had, has in zip(before, (by_user, by_item), strict=True)
    ]
    n_all = int(before[0].sum())
    return chosen, by_user, LeftOut(n_all - n_positive, n_positive - n_left, *emptied)


def is_used(params: SplitParams) -> bool:
    """Whether these params may leave out ratings."""
    least = max(params.min_user_ratings, params.min_movie_ratings)
    return params.positive_rating is not None or least > 1


def apply(
    ratings: Ratings, n_users: int, n_items: int, params: SplitParams, scale: Scale
) -> tuple[Ratings, LeftOut]:
    """The ratings that take part, in their order, and the numbers of those left out."""

    def count(chosen: RatingFilter) -> tuple[Array, Array]:
        kept = chosen.mask(ratings.user_index, ratings.item_index, ratings.rating)
        return (
            count_index(ratings.user_index[kept], n_users),
            count_index(ratings.item_index[kept], n_items),
        )

    if not is_used(params):
        return ratings, LeftOut()
    chosen, _, left_out = find(params, scale, n_users, n_items, count)
    kept = chosen.mask(ratings.user_index, ratings.item_index, ratings.rating)
    return ratings.take(kept), left_out
