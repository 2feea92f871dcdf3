"""Statistics of the exported lists, collected while they are written."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from movierec.data.rating_arrays import Array
from movierec.recommending.export import UserLists


class ListStatistics:
    """Collects statistics of the lists that pass through `watch`.

    n_ratings (n_items,): the number of ratings of each movie.
    """

    def __init__(self, n_ratings: Array) -> None:
        self.n_ratings, self.predicted_sum = n_ratings, 0.0
        self.n_listed = np.zeros(len(n_ratings), np.int64)  # how often each movie is listed

    def watch(self, blocks: Iterator[UserLists]) -> Iterator[UserLists]:
        for block in blocks:
            _, lists, _, predicted = block
            is_listed = lists >= 0
            self.n_listed += np.bincount(lists[is_listed], minlength=len(self.n_listed))
            self.predicted_sum += float(predicted[is_listed].sum(dtype=np.float64))
            yield block

    def metrics(self) -> dict[str, Any]:
        n = int(self.n_listed.sum())
        n_ratings = np.repeat(self.n_ratings, self.n_listed)
        return {
            "n_recommendations": n,
            "coverage": np.count_nonzero(self.n_listed) / len(self.n_listed),
            "mean_predicted_rating": self.predicted_sum / n if n else None,
            "median_n_ratings": float(np.median(n_ratings)) if n else None,
        }
