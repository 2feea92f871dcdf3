"""Lists of recommendations for one user: which movies, their values, and the reasons for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movierec.core.errors import MovierecError
from movierec.recommending import selection
from movierec.serving.filters import Filter, passing

if TYPE_CHECKING:
    from movierec.core.array_files import Array
    from movierec.serving.user_profile import UserProfile
    from movierec.serving.user_scores import UserScores
    from movierec.serving.workspace import Project


@dataclass(frozen=True)
class ListOptions:
    """Which movies a list has. diverse: the weight of variety, 0 to 1."""

    n: int = 10
    min_ratings: int | None = None  # recommend.min_ratings unless given
    genre: tuple[str, ...] = ()
    not_genre: tuple[str, ...] = ()
    from_year: int | None = None
    to_year: int | None = None
    diverse: float = 0

    def filters(self, project: Project) -> list[Filter]:
        min_ratings = self.min_ratings
        if min_ratings is None:
            min_ratings = project.params.recommend.min_ratings
        years = self.from_year, self.to_year
        return project.movies.filters(min_ratings, self.genre, self.not_genre, *years)

    def check(self) -> None:
        """Raise MovierecError for years in the wrong order."""
        if self.from_year and self.to_year and self.from_year > self.to_year:
            raise MovierecError(
                f"--from-year {self.from_year} is after --to-year {self.to_year}; exchange them"
            )


@dataclass(frozen=True)
class RankedList:
    """The movies of a list, best first: items (n,), and the scores that rank them."""

    user: UserProfile
    scores: UserScores
    items: Array

    def values(self, scale: tuple[float, float]) -> dict[str, Array]:
        """The score of each movie, its predicted rating, clipped to the scale, and the standard
        deviation of that: (n,) each."""
        return {
            "score": self.scores.scores[self.items],
            "predicted_rating": self.scores.rating.scores[self.items].clip(*scale),
            "deviation": self.scores.rating.deviations(self.items),
        }

    def contributions(self) -> tuple[Array, Array, Array]:
        """What each rating of the user adds to each score and to each predicted rating, in the
        order of user.items: (n, n_ratings) each; and the rest of each score (n,)."""
        to_score = self.scores.why.contributions(self.items)
        to_rating = self.scores.rating.contributions(self.items)
        return to_score, to_rating, self.scores.why.scores[self.items] - to_score.sum(axis=1)


def unrated(project: Project, user: UserProfile) -> Array:
    """Which movies the user has not rated (n_items,) bool."""
    others = np.ones(len(project.movies), bool)
    others[user.items] = False
    return others


def recommend(
    project: Project, user: UserProfile, options: ListOptions, scores: UserScores | None = None
) -> RankedList:
    """The best movies that the user has not rated. scores: if they are known already."""
    scores = scores or project.score_items(user)
    others = unrated(project, user)
    eligible = others & passing(options.filters(project), len(others))
    if options.diverse:
        vectors = project.item_vectors()
        items = selection.diverse(scores.scores, eligible, options.n, vectors, options.diverse)
    else:
        items = selection.best(scores.scores, eligible, options.n)
    return RankedList(user, scores, items)
