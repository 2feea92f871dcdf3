"""Assign dense indices to users and items, in descending order of their number of ratings.

The most active user and the most rated item have index 0. So rows that are used often are close in
memory, and of items with equal scores the more rated one comes first.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from movierec.data.rating_arrays import Array, Ratings, RatingsInParts, count_index


@dataclass(frozen=True)
class Index:
    """Ratings by dense index, ordered by user and item, and the ids of the indices.

    user_ids (n_users,), movie_ids (n_items,): position = index. Movies without ratings come last.
    n_superseded: the number of ratings that another one of the same pair replaced; n_in_two_parts:
    how many of them because an earlier part has the pair, too.
    """

    ratings: Ratings
    user_ids: Array
    movie_ids: Array
    n_superseded: int = 0
    n_in_two_parts: int = 0


def build(raw: Ratings, user_ids: Array, movie_ids: Array) -> Index:
    """Index ratings whose user_index and item_index are positions in user_ids and movie_ids.

    If a pair has several ratings, the newest is kept; of the same second, the last in the list. In
    data that come in parts, it is the newest of the earliest part, so that no rating in training is
    tested too.
    """
    users, user_index = _indexed(raw.user_index, user_ids)
    items, item_index = _indexed(raw.item_index, movie_ids)
    ratings = replace(raw, user_index=user_index, item_index=item_index)
    ratings = ratings.sort(len(users), len(items))
    unique = newest(ratings)
    if len(unique) == len(raw):
        return Index(ratings, users, items)
    rebuilt = build(unique, users, items)  # without the superseded ratings, counts differ
    return replace(
        rebuilt, n_superseded=len(raw) - len(unique), n_in_two_parts=count_in_two_parts(ratings)
    )


R = TypeVar("R", bound=Ratings)


def newest(ordered: R) -> R:
    """Keep the newest rating of each (user, item) pair; ratings are ordered by user and item.

    Of ratings in parts, it keeps the newest of the pair's earliest part.
    """
    same = (np.diff(ordered.user_index) == 0) & (np.diff(ordered.item_index) == 0)
    if not same.any():
        return ordered
    repeated = np.flatnonzero(np.append(same, False) | np.append(False, same))
    pairs = ordered.take(repeated)
    later = -pairs.part if isinstance(pairs, RatingsInParts) else np.zeros(len(pairs), np.int8)
    by_age = np.lexsort((pairs.timestamp, later, pairs.item_index, pairs.user_index))
    last = np.append(~same, True)[repeated]  # by_age moves ratings only within their pair
    keep = np.append(True, ~same)
    keep[repeated] = False
    keep[repeated[by_age[last]]] = True
    return ordered.take(keep)


def count_in_two_parts(ordered: Ratings) -> int:
    """The number of ratings whose pair an earlier part has, too; ordered by user and item."""
    if not isinstance(ordered, RatingsInParts) or not len(ordered):
        return 0
    differs = (np.diff(ordered.user_index) != 0) | (np.diff(ordered.item_index) != 0)
    starts = np.flatnonzero(np.append(True, differs))
    earliest = np.repeat(
        np.minimum.reduceat(ordered.part, starts), np.diff(np.append(starts, len(ordered)))
    )
    return int(np.count_nonzero(ordered.part > earliest))


def by_falling_count(counts: Array, ids: Array) -> Array:
    """The order of ids by descending count; ties by ascending id."""
    return np.lexsort((ids, -counts))


def inverse(order: Array) -> Array:
    """The position of each element in an order (int32)."""
    positions = np.empty(len(order), np.int32)
    positions[order] = np.arange(len(order), dtype=np.int32)
    return positions


def _indexed(places: Array, ids: Array) -> tuple[Array, Array]:
    """Ids by descending count, and the new index of each of these positions in `ids`."""
    order = by_falling_count(count_index(places, len(ids)), ids)
    return ids[order], inverse(order)[places]
