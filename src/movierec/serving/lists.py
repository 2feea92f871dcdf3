"""Lists of recommendations for one user: filters, and the choice of movies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from movierec.core.errors import MovierecError

if TYPE_CHECKING:
    from movierec.core.array_files import Array
    from movierec.serving.filters import Filter
    from movierec.serving.user_scores import UserScores
    from movierec.serving.workspace import Project


@dataclass(frozen=True)
class ListOptions:
    """Which movies a list has, and how; diverse: the weight of variety, from 0 to 1."""

    n: int = 10
    min_ratings: int | None = None  # recommend.min_ratings unless given
    genre: tuple[str, ...] = ()
    not_genre: tuple[str, ...] = ()
    from_year: int | None = None
    to_year: int | None = None
    diverse: float = 0
    explain: bool = False

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


def choose(project: Project, scores: UserScores, options: ListOptions, eligible: Array) -> Array:
    """The item indices of the list, best first."""
    from movierec.recommending import selection

    if not options.diverse:
        return selection.best(scores.scores, eligible, options.n)
    vectors = project.item_vectors()
    return selection.diverse(scores.scores, eligible, options.n, vectors, options.diverse)
