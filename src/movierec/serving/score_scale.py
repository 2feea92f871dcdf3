"""Scores from 0 to 100, as people see them, and whole numbers that add up to one.

A score has another range for each ranking and user: those of a blend may end at 0.5, predicted
ratings at 4.7. On this scale 100 is the highest score of all movies that the user has not rated,
and 0 the lowest. It is linear, so it keeps the order, and contributions to a score stay a sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from movierec.core.array_files import Array


Scores = TypeVar("Scores", float, "Array")


@dataclass(frozen=True)
class ScoreScale:
    """low, high: the scores that are 0 and 100."""

    low: float
    high: float

    @classmethod
    def from_scores(cls, scores: Array, others: Array) -> ScoreScale:
        """scores (n_items,); others (n_items,) bool: the movies that the user has not rated."""
        among = scores[others]
        return cls(float(among.min()), float(among.max())) if len(among) else cls(0, 0)

    @property
    def unit(self) -> float:
        """What a score of 1 more adds."""
        return 100 / (self.high - self.low) if self.high > self.low else 0.0

    def of(self, scores: Scores) -> Scores:
        """The scores on this scale; 100 each if they are all the same."""
        return 100 - self.unit * (self.high - scores)


def rounded_to_sum(values: Sequence[float], total: int) -> list[int]:
    """Each value rounded up or down, so that they add up to a total, by largest remainders.

    total: the sum of the values, rounded up or down.

    Examples
    --------
    >>> rounded_to_sum([45.4, 33.4, -2.4, 23.6], 100)
    [45, 33, -2, 24]
    """
    floors = [math.floor(value) for value in values]
    by_remainder = sorted(range(len(floors)), key=lambda place: floors[place] - values[place])
    for place in by_remainder[: total - sum(floors)]:
        floors[place] += 1
    return floors
