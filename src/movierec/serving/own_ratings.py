"""Find the movies of a file in the data set, and account for each row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from movierec.core.errors import MovierecError
from movierec.core.text import count
from movierec.serving import import_ratings
from movierec.serving.import_ratings import Export, ImportedMovie
from movierec.serving.title_matching import Match
from movierec.serving.title_names import year_of

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
    """ratings: of the movies found. seen: all movies that the file may mean, also those of nearly
    the same title. notes: for people, what was assumed and what was not found."""

    name: str
    ratings: ItemRatings
    seen: set[int]
    notes: list[str]


@dataclass(frozen=True)
class ListedMovies:
    """items: of the movies found. seen, notes: as of OwnRatings. is_complete: whether all movies
    were found, and nothing was skipped or assumed."""

    name: str
    items: set[int]
    seen: set[int]
    notes: Sequence[str] = ()
    is_complete: bool = True


def read(path: Path, movies: Catalogue, scale: Scale, given: Scale | None = None) -> OwnRatings:
    """The ratings in a file, by movie of the data set; parameters as import_ratings.read's.

    Raises MovierecError if the file cannot be read, or has none of the movies.
    """
    export = import_ratings.read(path, scale, given)
    if not export.movies:
        raise MovierecError(f"{path}: contains no ratings of movies{_skipped(export)}")
    rated, seen, notes = _find(path, movies, export, scale)
    if not rated:
        raise MovierecError(
            f"{path}: found none of its movies in the data set; rate others with --like", notes
        )
    ratings = {item: _latest(given) for item, given in rated.items()}
    return OwnRatings(path.name, ratings, seen, notes)


def read_list(path: Path, movies: Catalogue, member: str) -> ListedMovies:
    """The movies of a list or of ratings, whether rated or not.

    member: the file to read in a zip, such as the watchlist.csv in Letterboxd's export. Raises
    MovierecError if the file cannot be read, or is empty.
    """
    export = import_ratings.read_list(path, member)
    if not export.movies:
        raise MovierecError(f"{path}: contains no movies{_skipped(export)}")
    listed, seen, notes = _find(path, movies, export)
    is_complete = len(notes) == 1 and not export.skipped
    return ListedMovies(path.name, set(listed), seen, notes, is_complete)


def _find(
    path: Path, movies: Catalogue, export: Export, scale: Scale = (0, 0)
) -> tuple[dict[int, list[ImportedMovie]], set[int], list[str]]:
    """The movies found, by item_index; all that the file may mean; and notes."""
    matches = _matches(path, movies, export)
    found: dict[int, list[ImportedMovie]] = defaultdict(list)
    for movie, match in zip(export.movies, matches, strict=True):
        if match.item is not None:
            found[match.item].append(movie)
    n_found = sum(map(len, found.values()))
    near = _nearest(movies, export.movies, matches)
    notes = [
        f"{path} ({export.kind}): found {n_found:,} of {count(len(export.movies), 'movie')} in the"
        f" data set{_skipped(export)}",
        *(f"  {note}" for note in _assumptions(movies, export, scale, found)),
        *(f"  {note}" for note in _differences(movies, export.movies, matches)),
        *(f"  {note}" for note in _unmatched(movies, export.movies, matches, near)),
    ]
    seen = {item for match in matches for item in (*match.items, *match.namesakes)}
    seen |= {item for movie in near for item in near[movie] if _may_be(movie, movies.titles[item])}
    return found, seen, notes


def _matches(path: Path, movies: Catalogue, export: Export) -> list[Match]:
    """For each rating, which movies it may mean."""
    item_of_id = {str(movie_id): item for item, movie_id in enumerate(movies.movie_ids)}
    items = [
        item_of_id.get(movie.movie_id, item_of_id.get(INTEGER.sub(r"\1", movie.movie_id)))
        for movie in export.movies
    ]
    if export.has_titles:
        matcher = movies.index.matcher
        matches = [matcher.match(movie.titles, movie.year) for movie in export.movies]
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


def _latest(given: list[ImportedMovie]) -> float:
    """The latest rating of a movie; the last one if any has no time."""
    times = [movie.time for movie in given]
    latest = given[-1]
    if None not in times:
        latest = max(enumerate(given), key=lambda pair: (pair[1].time or 0, pair[0]))[1]
    return cast(float, latest.rating)  # of a list it may be None


def _skipped(export: Export) -> str:
    reasons = export.skipped.most_common()
    named = [f"{n:,} {reason}" for reason, n in reasons[:MAX_TYPES]]
    if others := sum(n for _, n in reasons[MAX_TYPES:]):
        named.append(f"{others:,} of other types")
    return f"; skipped {', '.join(named)}" if named else ""


def _assumptions(
    movies: Catalogue, export: Export, scale: Scale, rated: dict[int, list[ImportedMovie]]
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
    if repeated and repeated[0][0].rating is not None:
        are_dated = all(movie.time is not None for given in repeated for movie in given)
        kept = "latest" if are_dated else "last"
        yield f"rated more than once: {count(len(repeated), 'movie')}; the {kept} rating counts"


def _differences(
    movies: Catalogue, rated: list[ImportedMovie], matches: list[Match]
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


def _nearest(
    movies: Catalogue, rated: list[ImportedMovie], matches: list[Match]
) -> dict[ImportedMovie, list[int]]:
    """The movies with similar titles, for the first ratings whose movies were not found."""
    pairs = zip(rated, matches, strict=True)
    unmatched = dict.fromkeys(movie for movie, match in pairs if not match.items and movie.titles)
    nearest = movies.index.matcher.nearest
    return {
        movie: nearest(movie.titles, movie.year) for movie in list(unmatched)[:MAX_SUGGESTED_FOR]
    }


def _may_be(movie: ImportedMovie, title: str) -> bool:
    """Whether a similar title may be the movie's, so that it is not recommended."""
    year, other = movie.year or year_of(movie.titles[0]), year_of(title)
    return year is None or other is None or abs(year - other) <= 1


def _unmatched(
    movies: Catalogue,
    rated: list[ImportedMovie],
    matches: list[Match],
    near: dict[ImportedMovie, list[int]],
) -> Iterable[str]:
    """The movies that were not found: those with similar titles, then all others in one line."""
    others = []
    pairs = zip(rated, matches, strict=True)
    for movie, match in dict.fromkeys(pair for pair in pairs if pair[1].item is None):
        if match.items:
            titles = movies.index.quoted(match.items)
            why = "which of them?" if movie.year else "add the year:"
            yield f"ambiguous: {movie}; {why} {titles}"
            continue
        if items := near.get(movie):
            yield f"not found: {movie}; did you mean {movies.index.quoted(items)}?"
        else:
            others.append(str(movie))
    if others:
        yield f"not found: {'; '.join(dict.fromkeys(others))}"
