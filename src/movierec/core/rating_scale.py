"""The rating scale of a data set, and the star, the unit of params.

Params are in stars of a 1–5 scale, so that they mean the same for any data set. On another scale,
a star is a quarter of the distance from the lowest to the highest rating.
"""

from typing import NamedTuple

ROUNDING = 1e-7  # the relative error of a rating that is stored as float32
LARGEST, SMALLEST = 1e9, 1e-9  # of numbers whose squares and their products are float32, too


class Scale(NamedTuple):
    """The lowest and the highest rating.

    Examples:
        >>> Scale(2, 10).star
        2.0
        >>> f"{Scale(2, 10).limit(4):g}"
        '8'
    """

    low: float
    high: float

    @property
    def star(self) -> float:
        """One star of a 1–5 scale, in the unit of this scale."""
        return (self.high - self.low) / 4

    @property
    def is_exact(self) -> bool:
        """Whether float32 distinguishes thousandths of a star on this scale."""
        size = max(abs(self.low), abs(self.high))
        return size <= LARGEST and self.high - self.low >= max(SMALLEST, size / 1000)

    def limit(self, stars: float) -> float:
        """The least stored rating that counts as at least so many stars of a 1–5 scale."""
        rounding = ROUNDING * max(abs(self.low), abs(self.high))
        return self.low + (stars - 1) * self.star - rounding
