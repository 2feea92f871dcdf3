"""Find the movies of a file of ratings in the data set, and account for each row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from movierec.core.errors import MovierecError
from movierec.core.text import count
from movierec.serving import import_ratings
from movierec.serving.import_ratings import Export, ImportedRating
from movierec.serving.title_matching import Match

if TYPE_CHECKING:
    from movierec.serving.catalogue import Catalogue
    from movierec.serving.rating_formats import Scale
    from movierec.serving.user_profile import ItemRatings

INTEGER = re.compile(r"^0*(\d+)(?:\.0*)?$")  # a table with gaps writes the id 1 as 1.0
N_NAMED_IDS = 2  # movies named where ids alone say which are meant
MAX_SUGGESTED_FOR = 50  # movies that were not found, for which similar titles are searched
MAX_TYPES = 5  # reasons to skip rows that are named
DIFFERENCES = {
    "year": "with a year that differs by one",
    "part": "by a part of the title",
    "spelling": "with another spelling",
}


@dataclass(frozen=True)
class OwnRatings:
    """ratings: of the movies found. seen: all movies that the file may mean. notes: for people,
    what was assumed and what was not found."""

    ratings: ItemRatings
    seen: set[int]
    notes: list[str]


def read(path: Path, movies: Catalogue, scale: Scale, given: Scale | None = None) -> OwnRatings:
    """The ratings in a file, by movie of the data set; parameters as import_ratings.read's.

    Raises MovierecError if the file cannot be read, or has none of the movies.
    """
    export = import_ratings.read(path, scale, given)
    if not export.rated:
        raise MovierecError(f"{path}: contains no ratings of movies{_skipped(export)}")
    matches = _matches(path, movies, export)
    rated: dict[int, list[ImportedRating]] = defaultdict(list)
    for movie, match in zip(export.rated, matches, strict=True):
        if match.item is not None:
            rated[match.item].append(movie)
    n_found = sum(map(len, rated.values()))
    notes = [
        f"{path} ({export.kind}): found {n_found:,} of {count(len(export.rated), 'movie')} in the"
        f" data set{_skipped(export)}",
        *(f"  {note}" for note in _assumptions(movies, export, scale, rated)),
        *(f"  {note}" for note in _differences(movies, export.rated, matches)),
        *(f"  {note}" for note in _unmatched(movies, export.rated, matches)),
    ]
    if not rated:
        raise MovierecError(
            f"{path}: found none of its movies in the data set; rate others with --like", notes
        )
    seen = {item for match in matches for item in (*match.items, *match.namesakes)}
    return OwnRatings({item: _latest(given).rating for item, given in rated.items()}, seen, notes)


def _matches(path: Path, movies: Catalogue, export: Export) -> list[Match]:
    """For each rating, which movies it may mean."""
    item_of_id = {str(movie_id): item for item, movie_id in enumerate(movies.movie_ids)}
    items = [
        item_of_id.get(movie.movie_id, item_of_id.get(INTEGER.sub(r"\1", movie.movie_id)))
        for movie in export.rated
    ]
    if export.has_titles:
        matcher = movies.index.matcher
        matches = [matcher.match(movie.titles, movie.year) for movie in export.rated]
        return [
            # Of several with this title, the one with the id; an id alone means nothing elsewhere.
            replace(match, item=item) if match.item is None and item in match.items else match
            for match, item in zip(matches, items, strict=True)
        ]
    n_unknown = items.count(None)
    if 2 * n_unknown > len(items) > n_unknown:
        raise MovierecError(
            f"{path}: {n_unknown:,} of {len(items):,} movie ids are not in the data set, so they"
            " seem to be of another one; use a file with titles"
        )
    return [Match() if item is None else Match((item,), item) for item in items]


def _latest(given: list[ImportedRating]) -> ImportedRating:
    """The latest rating of a movie; the last one if any has no time."""
    times = [movie.time for movie in given]
    if None in times:
        return given[-1]
    return max(enumerate(given), key=lambda pair: (pair[1].time or 0, pair[0]))[1]


def _skipped(export: Export) -> str:
    reasons = export.skipped.most_common()
    named = [f"{n:,} {reason}" for reason, n in reasons[:MAX_TYPES]]
    if others := sum(n for _, n in reasons[MAX_TYPES:]):
        named.append(f"{others:,} of other types")
    return f"; skipped {', '.join(named)}" if named else ""


def _assumptions(
    movies: Catalogue, export: Export, scale: Scale, rated: dict[int, list[ImportedRating]]
) -> Iterable[str]:
    if export.assumed_scale:
        yield f"ratings read as {scale[0]:g} to {scale[1]:g}; --scale MIN-MAX changes that"
    if not export.has_titles and rated:
        named = [
            f'{given[0].movie_id} is "{movies.display(item)}"'
            for item, given in list(rated.items())[:N_NAMED_IDS]
        ]
        yield f"movie ids taken as the data set's own: {', '.join(named)}"
    repeated = [given for given in rated.values() if len(given) > 1]
    if repeated:
        are_dated = all(movie.time is not None for given in repeated for movie in given)
        kept = "latest" if are_dated else "last"
        yield f"rated more than once: {count(len(repeated), 'movie')}; the {kept} rating counts"


def _differences(
    movies: Catalogue, rated: list[ImportedRating], matches: list[Match]
) -> Iterable[str]:
    for difference, text in DIFFERENCES.items():
        found = {
            str(movie): movies.display(match.item)
            for movie, match in zip(rated, matches, strict=True)
            if match.item is not None and match.difference == difference
        }
        if found:
            pairs = (f'{movie} is "{title}"' for movie, title in found.items())
            yield f"found {text}: {'; '.join(pairs)}"


def _unmatched(
    movies: Catalogue, rated: list[ImportedRating], matches: list[Match]
) -> Iterable[str]:
    """The movies that were not found: those with similar titles, then all others in one line."""
    others = []
    unmatched = [
        (movie, match) for movie, match in zip(rated, matches, strict=True) if match.item is None
    ]
    for place, (movie, match) in enumerate(dict.fromkeys(unmatched)):
        if match.items:
            titles = movies.index.quoted(match.items)
            why = "which of them?" if movie.year else "add the year:"
            yield f"ambiguous: {movie}; {why} {titles}"
            continue
        near = place < MAX_SUGGESTED_FOR and movie.titles
        items = movies.index.matcher.nearest(movie.titles, movie.year) if near else []
        if items:
            yield f"not found: {movie}; did you mean {movies.index.quoted(items)}?"
        else:
            others.append(str(movie))
    if others:
        yield f"not found: {'; '.join(dict.fromkeys(others))}"
