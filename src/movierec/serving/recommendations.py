"""Lists of recommendations: which movies may be listed, and the choice among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from movierec.recommending import selection
from movierec.serving.filters import Filter, passing, why_none
from movierec.serving.groups import GroupScores
from movierec.serving.score_scale import ScoreScale

if TYPE_CHECKING:
    from movierec.core.array_files import Array
    from movierec.serving.lists import ListOptions
    from movierec.serving.user_profile import UserProfile
    from movierec.serving.user_scores import UserScores
    from movierec.serving.workspace import Project


@dataclass(frozen=True)
class Recommendations:
    """items: of the movies listed, best first unless the list is diverse. scores: of all movies.

    scale: of the scores that people see. filters, others: as of why_none.
    """

    items: Array
    scores: UserScores | GroupScores
    scale: ScoreScale
    filters: list[Filter]
    others: Array

    def why_none(self) -> str:
        """Why the list is empty."""
        return why_none(self.filters, self.others)


def recommend(
    project: Project, people: Sequence[UserProfile], options: ListOptions, seen: Iterable[int] = ()
) -> Recommendations:
    """The list for one person, or for several together. seen: movies to omit, besides those that
    someone has rated."""
    movies, given = project.movies, options.filters(project)
    others = movies.others({int(item) for person in people for item in person.items})
    others[list(seen)] = False
    of_people = [project.score_items(person) for person in people]
    scores: UserScores | GroupScores = of_people[0]
    scale = ScoreScale.from_scores(scores.scores, others)
    if len(people) > 1:
        scores, scale = GroupScores(of_people, others, options.combine), ScoreScale(0, 100)
    eligible = others & passing(given, len(others))
    items = _choose(project, scores.scores, options, eligible)
    return Recommendations(items, scores, scale, given, others)


def _choose(project: Project, scores: Array, options: ListOptions, eligible: Array) -> Array:
    """The item indices of the list. scores, eligible: (n_items,)."""
    if not options.diverse:
        return selection.best(scores, eligible, options.n)
    vectors = project.item_vectors()
    return selection.diverse(scores, eligible, options.n, vectors, options.diverse)
