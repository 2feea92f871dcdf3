"""Options of lists of movies. This module is quick to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from movierec.serving.filters import Filter
    from movierec.serving.own_ratings import ListedMovies
    from movierec.serving.workspace import Project
    from movierec.serving.years import Years

# What the zip of Letterboxd's export has for each list of movies.
ONLY, NOT = "watchlist.csv", "watched.csv"
KNOWN, OBSCURE = 0.5, 0.2  # shares of all ratings, unless given


@dataclass(frozen=True)
class ListOptions:
    """Which movies a list has, and how; diverse: the weight of variety, from 0 to 1.

    known, obscure: the shares of filters.well_known and little_known. only, not_: lists of movies.
    """

    n: int = 10
    min_ratings: int | None = None  # recommend.min_ratings unless given
    known: float | None = None
    obscure: float | None = None
    genre: tuple[str, ...] = ()
    not_genre: tuple[str, ...] = ()
    year: Years | None = None
    only: tuple[ListedMovies, ...] = ()
    not_: tuple[ListedMovies, ...] = ()
    combine: str = "mean"  # the scores of several people: one of groups.COMBINE
    diverse: float = 0
    explain: bool = False

    def filters(self, project: Project) -> list[Filter]:
        """Those that are given."""
        from movierec.serving import filters

        movies, given = project.movies, []
        min_ratings = self.min_ratings
        if min_ratings is None:
            min_ratings = project.params.recommend.min_ratings
        if min_ratings:
            given.append(filters.by_ratings(movies, min_ratings))
        if self.known is not None:
            given.append(filters.well_known(movies, self.known))
        if self.obscure is not None:
            given.append(filters.little_known(movies, self.obscure))
        if self.genre:
            given.append(filters.by_genre(movies, self.genre))
        if self.not_genre:
            given.append(filters.without_genre(movies, self.not_genre))
        if self.year is not None:
            given.append(filters.by_year(movies, self.year))
        if self.only:
            given.append(filters.listed(movies, self.only))
        if self.not_:
            given.append(filters.not_listed(movies, self.not_))
        return given
