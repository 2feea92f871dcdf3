"""Lists by items alone: a movie is near another when the same users rated both.

Nearness is the cosine of the sets of users who rated an item: Deshpande & Karypis, "Item-based
top-N recommendation algorithms" (TOIS 22(1), 2004), section 4. Of a user with more than MOST
ratings a part counts for the cosines, since their work grows with its square: Schelter, Boden &
Markl, "Scalable similarity-based neighborhood methods with MapReduce" (RecSys 2012), section 4.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from movierec.data.rating_arrays import Array, Csr, indptr_from_counts
from movierec.kernels.item_knn import count_shared, nearest_items, sum_neighbours
from movierec.kernels.scheduling import RUNS
from movierec.kernels.tiles import TILE
from movierec.model.top_n_lists import Scorer

MOST = 200  # ratings of a user that count; of 100 to all the most without a loss on validation
NEAREST = 20

Part = Mapping[str, Array]  # ratings that count of some users, by user and by item: see counted


def item_knn(by_user: Csr, by_item: Csr, n_neighbours: int = NEAREST) -> Scorer:
    """Ranks an item by how near the seen items are that it is a nearest neighbour of."""
    n_items = by_item.n_rows
    part = counted(by_user, n_items)
    return scorer(by_user, *nearest([part], np.diff(part["of_items"]), 0, n_items, n_neighbours))


def counted(by_user: Csr, n_items: int) -> Part:
    """The ratings of some users that count: where each user's begin and what items they are of;
    where each item's begin, and of whom, by his place among these users."""
    few = thinned(by_user, MOST)
    turned = few.transpose(n_items)
    return {
        "of_users": few.indptr,
        "items": few.indices,
        "of_items": turned.indptr,
        "users": turned.indices,
    }


def nearest(
    parts: Sequence[Part], counts: Array, first: int, stop: int, n_neighbours: int = NEAREST
) -> tuple[Array, Array]:
    """The nearest neighbours of the items first … stop − 1, −1 where there are fewer, and cosines.

    parts: of all users; counts (n_items,): in how many of their ratings that count an item is.
    """
    neighbours = np.full((stop - first, n_neighbours), -1, np.int32)
    cosines = np.zeros(neighbours.shape, np.float32)
    scale = np.zeros(-(-len(counts) // TILE) * TILE, np.float32)  # to whole tiles
    scale[: len(counts)] = np.where(counts > 0, 1 / np.sqrt(np.maximum(counts, 1.0)), 0)
    cost = np.cumsum(costs(counts)[first:stop])
    runs = np.searchsorted(cost, np.linspace(0, cost[-1], RUNS + 1)) if len(cost) else np.zeros(1)
    runs = np.unique(np.append(runs, len(cost))).astype(np.int64)

    def of_items(part: Part) -> tuple[Array, Array]:
        indptr = part["of_items"][first : stop + 1]
        return indptr - indptr[0], part["users"][indptr[0] : indptr[-1]]

    *others, last = parts
    shared = np.zeros((stop - first, len(counts)) if others else (0, 0), np.float32)
    for part in others:
        indptr, users = of_items(part)
        count_shared(runs, indptr, users, part["of_users"], part["items"], shared)
    indptr, users = of_items(last)
    of_users = last["of_users"], last["items"]
    nearest_items(runs, indptr, users, *of_users, shared, first, scale, neighbours, cosines)
    return neighbours, cosines


def costs(counts: Array) -> Array:
    """The work that nearest has with each item: half of a long list for each rating that counts,
    and a look at each item."""
    return counts * (MOST // 2) + len(counts)


def scorer(by_user: Csr, neighbours: Array, cosines: Array) -> Scorer:
    """Ranks by neighbours of all items. by_user: what its users have seen."""

    def scores(users: Array) -> Array:
        seen, sums = by_user.take(users), np.zeros((len(users), len(neighbours)), np.float32)
        sum_neighbours(seen.indptr, seen.indices, neighbours, cosines, sums)
        return sums

    return scores


def thinned(ratings: Csr, most: int) -> Csr:
    """At most so many ratings of each row, evenly spaced in its order."""
    counts = np.minimum(ratings.counts, most)
    indptr = indptr_from_counts(counts)
    place = np.arange(indptr[-1]) - np.repeat(indptr[:-1], counts)
    step = ratings.counts / np.maximum(counts, 1)
    places = np.repeat(ratings.indptr[:-1], counts) + (place * np.repeat(step, counts)).astype(int)
    return Csr(indptr, ratings.indices[places], ratings.values[places])
