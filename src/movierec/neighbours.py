"""Lists by items alone: a movie is near another when the same users rated both."""

import numpy as np

from movierec.kernels.neighbours import nearest_items, sum_neighbours
from movierec.recommend import Scorer
from movierec.sparse import Array, Csr


def item_knn(by_user: Csr, by_item: Csr, n_neighbours: int = 20) -> Scorer:
    """Ranks an item by how near the seen items are that it is a nearest neighbour of.

    Nearness is the cosine of the sets of users who rated an item: Deshpande & Karypis, "Item-based
    top-N recommendation algorithms" (TOIS 22(1), 2004), section 4.
    """
    neighbours = np.full((by_item.n_rows, n_neighbours), -1, np.int32)
    cosines = np.zeros(neighbours.shape, np.float32)
    of_items, of_users = (by_item.indptr, by_item.indices), (by_user.indptr, by_user.indices)
    nearest_items(*of_items, *of_users, neighbours, cosines)

    def scores(users: Array) -> Array:
        seen, sums = by_user.take(users), np.zeros((len(users), by_item.n_rows), np.float32)
        sum_neighbours(seen.indptr, seen.indices, neighbours, cosines, sums)
        return sums

    return scores
