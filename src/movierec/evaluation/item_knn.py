"""Item-based nearest neighbours, a baseline for rankings.

The similarity of two items is the cosine of the sets of users who rated them: Deshpande & Karypis,
"Item-based top-N recommendation algorithms" (TOIS 22(1), 2004), section 4. The cost grows with the
square of a user's number of ratings, so at most MAX_RATINGS ratings per user are used: Schelter,
Boden & Markl, "Scalable similarity-based neighborhood methods with MapReduce" (RecSys 2012),
section 4.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from movierec.data.rating_arrays import Array, Csr, check_index, indptr_from_counts
from movierec.kernels.item_knn import count_shared, nearest_items
from movierec.kernels.scheduling import RUNS
from movierec.kernels.scoring import scores_by_weights
from movierec.kernels.tiles import TILE
from movierec.model.top_n_lists import Scorer

MAX_RATINGS = 200  # per user; of values from 100 to no limit, chosen on validation
NEAREST = 20

RatedSets = Mapping[str, Array]  # the ratings of a block of users: see rated_sets


def rated_sets(by_user: Csr, n_items: int) -> RatedSets:
    """The sampled ratings of a block of users, as two CSRs.

    of_users, items: indptr and indices of the items of each user. of_items, users: indptr and
    indices of the users of each item, by position in the block.
    """
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
    """The nearest neighbours of the items first … stop − 1, −1 if there are fewer, and cosines.

    blocks: of all users. counts (n_items,): the number of their ratings of each item.
    """
    neighbours = np.full((stop - first, n_neighbours), -1, np.int32)
    cosines = np.zeros(neighbours.shape, np.float32)
    scale = np.zeros(-(-len(counts) // TILE) * TILE, np.float32)  # padded to full tiles
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
    """The estimated cost of `nearest` for each item, in steps.

    MAX_RATINGS / 2 steps for each rating, and one for each other item.
    """
    return counts * (MAX_RATINGS // 2) + len(counts)


def scorer(by_user: Csr, neighbours: Array, cosines: Array) -> Scorer:
    """A scorer that adds up an item's cosines with the seen items of which it is a neighbour.

    by_user: the users' seen items. neighbours, cosines: of all items, from `nearest`.
    Raises ValueError or IndexError for others: the kernel would write to foreign memory.
    """
    n_items = len(neighbours)
    if neighbours.ndim != 2 or neighbours.shape != cosines.shape or neighbours.dtype != np.int32:
        raise ValueError(
            f"neighbours {neighbours.shape} {neighbours.dtype} and cosines {cosines.shape} misfit"
        )
    if neighbours.size:  # −1 stands for none
        ends = np.array([neighbours.min(), neighbours.max()], np.int64) + 1
        check_index(ends, n_items + 1, "neighbours")
    by_user.check_columns(n_items)

    def scores(users: Array) -> Array:
        seen, sums = by_user.take(users), np.zeros((len(users), len(neighbours)), np.float32)
        once = np.ones(len(seen.indices), np.float32)
        scores_by_weights(seen.indptr, seen.indices, once, neighbours, cosines, sums)
        return sums

    return scores


def sample_ratings(ratings: Csr, max_ratings: int) -> Csr:
    """At most max_ratings ratings of each row, evenly spaced within the row."""
    counts = np.minimum(ratings.counts, max_ratings)
    indptr = indptr_from_counts(counts)
    place = np.arange(indptr[-1]) - np.repeat(indptr[:-1], counts)
    step = ratings.counts / np.maximum(counts, 1)
    places = np.repeat(ratings.indptr[:-1], counts) + (place * np.repeat(step, counts)).astype(int)
    return Csr(indptr, ratings.indices[places], ratings.values[places])
