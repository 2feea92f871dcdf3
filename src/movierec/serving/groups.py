"""Scores for several people who watch together: from the scores of each, 0 to 100.

Raw scores would favour people with many ratings, whose scores have a wider range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from movierec.serving.score_scale import ScoreScale

if TYPE_CHECKING:
    from movierec.core.array_files import Array
    from movierec.core.rating_scale import Scale
    from movierec.serving.user_scores import UserScores

# How the scores of people (n_people, n_items) become those of the group.
COMBINE: dict[str, Callable[[Array], Array]] = {
    "mean": lambda scores: scores.mean(axis=0),
    "least_misery": lambda scores: scores.min(axis=0),  # the lowest
}


@dataclass(frozen=True)
class GroupScores:
    """people: the scores of each; others (n_items,) bool: the movies that nobody has rated.

    combine: one of COMBINE.
    """

    people: Sequence[UserScores]
    others: Array
    combine: str = "mean"

    @cached_property
    def of_people(self) -> Array:
        """Each person's scores, 0 to 100 over the movies that nobody has rated."""
        return np.array(
            [
                ScoreScale.from_scores(person.scores, self.others).of(person.scores)
                for person in self.people
            ]
        )

    @cached_property
    def scores(self) -> Array:
        """The group's, from 0 to 100 for the movies that nobody has rated (n_items,)."""
        return COMBINE[self.combine](self.of_people)

    def values(self, items: Array, scale: Scale) -> dict[str, Array]:
        """The scores of these items, and the means of the predicted ratings (n,)."""
        ratings = [person.values(items, scale)["predicted_rating"] for person in self.people]
        return {"score": self.scores[items], "predicted_rating": np.mean(ratings, axis=0)}

    def values_of_people(self, items: Array, scale: Scale) -> list[dict[str, Array]]:
        """For each person, UserScores.values of these items, but with their scores of 0 to 100."""
        return [
            person.values(items, scale) | {"score": scores[items]}
            for person, scores in zip(self.people, self.of_people, strict=True)
        ]
