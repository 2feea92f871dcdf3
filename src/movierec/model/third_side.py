"""A third side of ratings, beside users and items: the calendar days on which they were given."""

from dataclasses import dataclass

import numpy as np

from movierec.data.rating_arrays import Array

DAY = 86_400  # seconds


@dataclass(frozen=True)
class ThirdSide:
    """What ratings depend on besides their row and their fixed row: rows of a third side.

    r̂ = … + third bias + third factors · (row + fixed row). index (n_ratings,) int32: the third row
    of each rating, −1 for none. factors (n_third, n_factors), biases (n_third,).
    """

    index: Array
    factors: Array
    biases: Array

    def __post_init__(self) -> None:
        if self.index.max(initial=-1) >= len(self.biases):
            raise IndexError(f"index: {self.index.max()} is not one of {len(self.biases)} rows")

    @classmethod
    def none(cls, n_factors: int, dtype: np.dtype) -> "ThirdSide":
        return cls(np.zeros(0, np.int32), np.zeros((0, n_factors), dtype), np.zeros(0, dtype))

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        """As kernels take them."""
        return self.index, self.factors, self.biases


def place_of_days(days: Array, timestamp: Array) -> Array:
    """The position in days (n_days,), ascending and counted from 1970, of each time in seconds
    since 1970: (n_timestamps,) int32, −1 for a day that is not there."""
    wanted = np.asarray(timestamp) // DAY
    place = np.searchsorted(days, wanted)
    found = np.append(days, -1)[place] == wanted
    return np.where(found, place, -1).astype(np.int32)
