"""What the genres of a new user's movies add to the scores of others, while ratings are few.

From four cartoons, the models conclude that you watch what everybody watches: Star Wars. What the
four have in common are their genres (docs/benchmarks.md has figures).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from movierec.core.array_files import Array

FADE = 5  # ratings with which genres count half as much as with the first


@dataclass(frozen=True)
class GenreProfiles:
    """What is known of all movies.

    vectors (n_items, n_genres): selection.genre_vectors. popularity (n_items,): the share of users
    who rated each.
    """

    vectors: Array
    popularity: Array


@dataclass(frozen=True)
class GenrePart:
    """popularity · vector · (mean of cells[k] · vectors[k] over the user's n movies), faded by n.

    A ScorePart, which is linear in the cells (n_ratings,): how much the user likes each movie. With
    popularity as a factor, the movies of a genre that rise are those that people watch.
    """

    of_all: GenreProfiles
    items: Array
    cells: Array

    @classmethod
    def from_cells(cls, of_all: GenreProfiles, items: Array, cells: Array) -> GenrePart:
        """With the items in order, as LinearScores has them."""
        order = np.argsort(items, kind="stable")
        return cls(of_all, items[order], np.asarray(cells, np.float64)[order])

    @property
    def weighted_scores(self) -> Array:
        vectors = self.of_all.vectors
        profile = self._per_rating @ vectors[self.items]
        return np.asarray(self.of_all.popularity * (vectors @ profile))

    def contributions(self, items: Array) -> Array:
        """What each rating adds to the scores of these items (n, n_ratings)."""
        vectors = self.of_all.vectors
        shared = vectors[items] @ vectors[self.items].T
        return np.asarray(self.of_all.popularity[items, None] * shared * self._per_rating)

    @cached_property
    def _per_rating(self) -> Array:
        n = max(len(self.items), 1)
        return self.cells * (FADE / (n + FADE) / n)
