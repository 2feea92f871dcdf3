"""The people whom a list is for: from the options of `movierec recommend`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from movierec.core import console
from movierec.core.text import count
from movierec.serving import user_profile
from movierec.serving.user_profile import UserProfile

if TYPE_CHECKING:
    from movierec.serving.own_ratings import OwnRatings
    from movierec.serving.workspace import Project

Scale = tuple[float, float]


@dataclass(frozen=True)
class Person:
    """seen: movies not to recommend, besides those rated. about: what the list is based on."""

    name: str
    profile: UserProfile
    seen: set[int]
    about: str


def of_data_set(project: Project, user_id: str) -> Person:
    profile = project.user(user_id)
    about = f"Based on the {count(len(profile.items), 'rating')} of user {user_id}"
    return Person(f"user {user_id}", profile, set(), about)


def with_ratings(
    project: Project, files: Sequence[OwnRatings], like: Sequence[str], dislike: Sequence[str]
) -> Person:
    """Someone with these ratings, of which the later ones count: those of titles, last."""
    imported = {item: rating for own in files for item, rating in own.ratings.items()}
    named = user_profile.by_titles(project.movies, project.scale, like, dislike)
    sources = []
    if files:
        names = ", ".join(own.name for own in files)
        sources.append(f"{count(len(imported), 'rating')} from {names}")
    if named:
        stars = (f"{project.movies.display(item)} {rating:g}" for item, rating in named.items())
        sources.append("your ratings: " + ", ".join(stars))
    profile = UserProfile.from_ratings(imported | named)
    seen = {item for own in files for item in own.seen}
    return Person("you", profile, seen, "Based on " + " and ".join(sources))


def companion(own: OwnRatings) -> Person:
    about = f"Together with {own.name}: {count(len(own.ratings), 'rating')}"
    return Person(own.name, UserProfile.from_ratings(own.ratings), own.seen, about)


def read_ratings(
    project: Project, paths: Sequence[Path], scale: Scale | None, folder: Path
) -> list[OwnRatings]:
    """The ratings in files, whose paths are relative to a folder; prints on stderr what was assumed
    and which of their movies were not found in the data set."""
    from movierec.serving import own_ratings

    files = []
    for path in paths:
        with contextlib.chdir(folder):
            files.append(own_ratings.read(path, project.movies, project.scale, scale))
        console.notes(*files[-1].notes)
    return files
