"""Lists by items alone: a movie is near another when the same users rated both.

Nearness is the cosine of the sets of users who rated an item: Deshpande & Karypis, "Item-based
top-N recommendation algorithms" (TOIS 22(1), 2004), section 4. For a user with more than
MAX_RATINGS ratings only a sample counts for the cosines, since their work grows with its square:
Schelter, Boden & Markl, "Scalable similarity-based neighborhood methods with MapReduce" (RecSys
2012), section 4.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from movierec.data.rating_arrays import Array, Csr, indptr_from_counts
from movierec.kernels.item_knn import count_shared, nearest_items, sum_neighbours
from movierec.kernels.scheduling import RUNS
from movierec.kernels.tiles import TILE
from movierec.model.top_n_lists import Scorer

MAX_RATINGS = 200  # of a user; of 100 to all the most without a loss on validation
NEAREST = 20

RatedSets = Mapping[str, Array]  # who rated what, for a block of users: see rated_sets


def rated_sets(by_user: Csr, n_items: int) -> RatedSets:
    """The ratings that count of a block of users, as two CSRs: the items of each user (of_users,
    items), and the users of each item, by their place in the block (of_items, users)."""
    sample = sample_ratings(by_user, MAX_RATINGS)
    by_item = sample.transpose(n_items)
    return {
        "of_users": sample.indptr,
        "items": sample.indices,
        "of_items": by_item.indptr,
        "users": by_item.indices,
    }


def nearest(
    blocks: Sequence[RatedSets], counts: Array, first: int, stop: int, n_neighbours: int = NEAREST
) -> tuple[Array, Array]:
    """The nearest neighbours of the items first … stop − 1, −1 where there are fewer, and cosines.

    blocks: of all users; counts (n_items,): how many of their ratings are of each item.
    """
    neighbours = np.full((stop - first, n_neighbours), -1, np.int32)
    cosines = np.zeros(neighbours.shape, np.float32)
    scale = np.zeros(-(-len(counts) // TILE) * TILE, np.float32)  # padded to whole tiles
    scale[: len(counts)] = np.where(counts > 0, 1 / np.sqrt(np.maximum(counts, 1.0)), 0)
    cost = np.cumsum(costs(counts)[first:stop])
    runs = np.searchsorted(cost, np.linspace(0, cost[-1], RUNS + 1)) if len(cost) else np.zeros(1)
    runs = np.unique(np.append(runs, len(cost))).astype(np.int64)

    def arrays(block: RatedSets) -> tuple[Array, Array, Array, Array]:
        indptr = block["of_items"][first : stop + 1]
        users = block["users"][indptr[0] : indptr[-1]]
        return indptr - indptr[0], users, block["of_users"], block["items"]

    *others, last = blocks
    shared = np.zeros((stop - first, len(counts)) if others else (0, 0), np.float32)
    for block in others:
        count_shared(runs, *arrays(block), shared)
    nearest_items(runs, *arrays(last), shared, first, scale, neighbours, cosines)
    return neighbours, cosines


def costs(counts: Array) -> Array:
    """The work of `nearest` for each item: half of a long list for each rating that counts, and one
    step for each item."""
    return counts * (MAX_RATINGS // 2) + len(counts)


def scorer(by_user: Csr, neighbours: Array, cosines: Array) -> Scorer:
    """Ranks an item by how near the seen items are that it is a nearest neighbour of.

    by_user: what the users have seen. neighbours, cosines: of all items.
    """

    def scores(users: Array) -> Array:
        seen, sums = by_user.take(users), np.zeros((len(users), len(neighbours)), np.float32)
        sum_neighbours(seen.indptr, seen.indices, neighbours, cosines, sums)
        return sums

    return scores


def sample_ratings(ratings: Csr, max_ratings: int) -> Csr:
    """At most max_ratings ratings of each row, evenly spaced in its order."""
    counts = np.minimum(ratings.counts, max_ratings)
    indptr = indptr_from_counts(counts)
    place = np.arange(indptr[-1]) - np.repeat(indptr[:-1], counts)
    step = ratings.counts / np.maximum(counts, 1)
    places = np.repeat(ratings.indptr[:-1], counts) + (place * np.repeat(step, counts)).astype(int)
    return Csr(indptr, ratings.indices[places], ratings.values[places])
