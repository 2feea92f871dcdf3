"""The targets of the implicit model: what the score of a rated movie should be.

The highest rating has target 1, the lowest one `lowest`, and those between them lie on a line. So
a rating says that you watched the movie, and how much you liked it. With `lowest` 1, every rating
says the same, as in iALS.
"""

from dataclasses import dataclass

import numpy as np

from movierec.core.params import ImplicitParams
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array


@dataclass(frozen=True)
class Targets:
    """lowest: the target of the lowest rating, 0 to 1. scale: of the ratings.

    Examples:
        >>> Targets(0.5, Scale(1, 5)).of(np.array([1, 3, 5])).tolist()
        [0.5, 0.75, 1.0]
    """

    lowest: float
    scale: Scale

    @classmethod
    def from_params(cls, params: ImplicitParams, scale: Scale) -> "Targets":
        return cls(params.lowest_target, scale)

    def of(self, ratings: Array) -> Array:
        """The targets of these ratings in training, float32."""
        low, high = self.scale
        shares = (np.asarray(ratings, np.float32) - np.float32(low)) / np.float32(high - low)
        return np.asarray(self.lowest + (1 - self.lowest) * shares, np.float32)

    def of_new_user(self, ratings: Array) -> Array:
        """The same for a new user, but 0 for movies that they dislike.

        Someone who names a movie to say that they dislike it does not ask for more of its kind.
        """
        is_liked = np.asarray(ratings) >= self.scale.limit(2)
        return np.where(is_liked, self.of(ratings), np.float32(0))
