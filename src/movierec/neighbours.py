"""Lists by items alone: a movie is near another when the same users rated both."""

import numpy as np

from movierec.kernels.neighbours import nearest_items, sum_neighbours
from movierec.recommend import Scorer
from movierec.sparse import Array, Csr, indptr_of

MOST = 200  # ratings of a user that count; of 100 to all the most without a loss on validation


def item_knn(by_user: Csr, by_item: Csr, n_neighbours: int = 20) -> Scorer:
    """Ranks an item by how near the seen items are that it is a nearest neighbour of.

    Nearness is the cosine of the sets of users who rated an item: Deshpande & Karypis, "Item-based
    top-N recommendation algorithms" (TOIS 22(1), 2004), section 4. Of a user with more than MOST
    ratings a part counts for the cosines, since their work grows with its square: Schelter, Boden &
    Markl, "Scalable similarity-based neighborhood methods with MapReduce" (RecSys 2012), section 4.
    """
    counted = thinned(by_user, MOST)
    neighbours = np.full((by_item.n_rows, n_neighbours), -1, np.int32)
    cosines = np.zeros(neighbours.shape, np.float32)
    of_items = counted.transpose(by_item.n_rows)
    nearest_items(
        of_items.indptr, of_items.indices, counted.indptr, counted.indices, neighbours, cosines
    )

    def scores(users: Array) -> Array:
        seen, sums = by_user.take(users), np.zeros((len(users), by_item.n_rows), np.float32)
        sum_neighbours(seen.indptr, seen.indices, neighbours, cosines, sums)
        return sums

    return scores


def thinned(ratings: Csr, most: int) -> Csr:
    """At most so many ratings of each row, evenly spaced in its order."""
    counts = np.minimum(ratings.counts, most)
    indptr = indptr_of(counts)
    place = np.arange(indptr[-1]) - np.repeat(indptr[:-1], counts)
    step = ratings.counts / np.maximum(counts, 1)
    places = np.repeat(ratings.indptr[:-1], counts) + (place * np.repeat(step, counts)).astype(int)
    return Csr(indptr, ratings.indices[places], ratings.values[places])
