"""The days of ratings: in a model with days, the third side beside users and items."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from movierec.core.errors import MovierecError
from movierec.data.rating_arrays import Array, Csr
from movierec.kernels.grouping import group_order
from movierec.model.third_side import DAY, place_of_days


@dataclass(frozen=True)
class RatingDays:
    """The day of each rating.

    days (n_days,) int32: the days of the model, ascending, counted from 1970. by_user (n_ratings,)
    int32: the position in `days` of each of the ratings, ordered by user and item; −1 for a day
    that is not there. ratings: these ratings, by user. n_items: number of items.
    """

    days: Array
    by_user: Array
    ratings: Csr
    n_items: int

    @classmethod
    def from_times(
        cls, ratings: Csr, n_items: int, timestamp: Array | None, days: Array | None = None
    ) -> "RatingDays":
        """The days of ratings with these times, in seconds since 1970. days: None: those that
        occur. Raises MovierecError without times."""
        if timestamp is None or not timestamp.any():
            raise MovierecError("train.days: the ratings have no times; set it to false")
        if days is None:
            days = np.unique(timestamp // DAY).astype(np.int32)
        return cls(days, place_of_days(days, timestamp), ratings, n_items)

    @cached_property
    def by_item(self) -> Array:
        """`by_user` in the order of item and user (n_ratings,) int32."""
        return self.by_user[group_order(self.ratings.indices, self.n_items)[1]]

    @cached_property
    def _by_day(self) -> tuple[Csr, Array]:
        known = np.flatnonzero(self.by_user >= 0)
        indptr, order = group_order(self.by_user[known], len(self.days))
        order = known[order]
        users, values = self.ratings.row_index[order], self.ratings.values[order]
        return Csr(indptr, users, values), self.ratings.indices[order]

    @property
    def by_day(self) -> Csr:
        """The ratings by day, with indices of users."""
        return self._by_day[0]

    @property
    def items(self) -> Array:
        """The item of each rating in `by_day` (n_ratings,) int32."""
        return self._by_day[1]
