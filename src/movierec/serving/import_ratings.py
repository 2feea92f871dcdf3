"""Import one person's ratings or a list of movies: an export of another site, or a plain file."""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from movierec.core.errors import MovierecError
from movierec.core.text import shortened
from movierec.serving.rating_formats import (
    LIST_FORMATS,
    MOVIE_TYPES,
    USER_COLUMNS,
    Format,
    Scale,
    column,
)
from movierec.serving.rating_tables import Cells, FileTable, read_table, shown

NUMBER = re.compile(r"[+-]?(?:[0-9]{1,9}(?:[.,][0-9]{0,15})?|[.,][0-9]{1,15})")
TIMESTAMP = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,9})?")
YEAR = re.compile(r"(?<!\d)(?:1[89]|20)[0-9]{2}(?!\d)")
LIKELY_SCALES: tuple[Scale, ...] = ((1, 5), (0.5, 5), (0, 5), (1, 10), (0, 10), (0, 100))
IMDB_DATE = "%a %b %d %H:%M:%S %Y"  # until 2017


@dataclass(frozen=True)
class ImportedMovie:
    """A movie in a file: all its titles, its year, rating and id, where given.

    time: of the rating, in seconds; None if it is not known.
    """

    titles: tuple[str, ...]
    year: int | None
    rating: float | None
    movie_id: str = ""
    time: float | None = None

    def __str__(self) -> str:
        year = f" ({self.year})" if self.year else ""
        name = self.titles[0] if self.titles else f"movie_id {shortened(self.movie_id, 40)}"
        return f"{name}{year}"


@dataclass(frozen=True)
class Export:
    """The movies in a file, ratings on the data set's scale, and how many rows were skipped, by
    reason.

    has_titles: without them, movies are known by their ids only. assumed_scale: whether the scale
    is the data set's because neither the format nor the user gave one.
    """

    kind: str
    movies: list[ImportedMovie] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    has_titles: bool = True
    assumed_scale: bool = False


def read(path: Path, scale: Scale, given: Scale | None = None) -> Export:
    """The ratings in a file, or in the ratings.csv of a zip.

    scale: the data set's, to which ratings on another scale are mapped linearly. given: the scale
    of the file, instead of its format's. Raises MovierecError, with the line number, for a row that
    cannot be read, and if the ratings are of several users.
    """
    table = read_table(path)
    form, (kept, skipped) = table.form, _kept_rows(table)
    scales = {name: given or own or scale for name, own in form.ratings.items()}
    numbers = [_number(table, line, name, cells[name]) for line, name, cells in kept]
    _check(table, [(line, name) for line, name, _ in kept], numbers, scales)
    rated_movies = [
        _imported(table, line, cells, _map(number, scales[name], scale))
        for (line, name, cells), number in zip(kept, numbers, strict=True)
    ]
    is_assumed = given is None and None in form.ratings.values()
    return Export(form.name, rated_movies, skipped, bool(form.titles), is_assumed)


def read_list(path: Path, name: str) -> Export:
    """The movies in a file, rated or not, or in the member of this name in a zip."""
    table = read_table(path, LIST_FORMATS, name)
    kept, skipped = _kept_rows(table)
    movies = [_imported(table, line, cells, None) for line, _, cells in kept]
    return Export(table.form.name, movies, skipped, bool(table.form.titles))


def _kept_rows(table: FileTable) -> tuple[list[tuple[int, str, Cells]], Counter[str]]:
    """The line, the column of the rating, and the cells of each row; and how many are skipped."""
    form, skipped, users = table.form, Counter[str](), set[str]()
    kept: list[tuple[int, str, Cells]] = []
    for line, cells in table.rows():
        users |= {cells[name] for name in USER_COLUMNS if cells.get(name)}
        rated = next((name for name in form.ratings if cells.get(name)), "")
        reason = _reason_to_skip(form, cells, rated)
        skipped.update([reason] if reason else [])
        if not reason:
            kept.append((line, rated, cells))
    if len(users) > 1:
        raise MovierecError(
            f"{table.path}: ratings of {len(users):,} users; keep the rows of one of them, such as"
            f" user {min(users)[:20]}"
        )
    return kept, skipped


def _reason_to_skip(form: Format, cells: Cells, rated: str) -> str:
    title_type = cells.get(form.type, "")
    if title_type and column(title_type) not in MOVIE_TYPES:
        return f"of type {title_type[:20]}"
    if form.ratings and not rated:
        return "without a rating"
    if not any(cells.get(name) for name in form.titles or (form.movie_id,)):
        return "without a title" if form.titles else "without an id"
    return ""


def _number(table: FileTable, line: int, name: str, text: str) -> float:
    if not NUMBER.fullmatch(text):
        raise MovierecError(
            f"{table.place(line, name)}: {shown(text)} is not a rating; correct it, or leave it"
            " empty"
        )
    return float(text.replace(",", "."))


def _check(
    table: FileTable, where: list[tuple[int, str]], numbers: list[float], scales: dict[str, Scale]
) -> None:
    """Raise MovierecError for a number that is not on its column's scale, and guess which it is."""
    for (line, name), number in zip(where, numbers, strict=True):
        low, high = scales[name]
        if low <= number <= high:
            continue
        on_it = [value for (_, other), value in zip(where, numbers, strict=True) if other == name]
        likely = sorted(LIKELY_SCALES, key=lambda one: one[1] != high)  # first, of the same maximum
        guess = next((s for s in likely if s[0] <= min(on_it) and max(on_it) <= s[1]), None)
        scale = f"{guess[0]:g}-{guess[1]:g}" if guess else "MIN-MAX"
        meant = f"a scale of {guess[0]:g} to {guess[1]:g}? give" if guess else "give its scale with"
        unrated = "not rated? leave it empty; " if number == 0 else ""
        raise MovierecError(
            f"{table.place(line, name)}: {number:g} is not on the scale of {low:g} to {high:g};"
            f" {unrated}{meant} --scale {scale}"
        )


def _map(number: float, own: Scale, scale: Scale) -> float:
    """A rating mapped linearly from its own scale to another."""
    if own == scale:
        return number
    return scale[0] + (number - own[0]) / (own[1] - own[0]) * (scale[1] - scale[0])


def _imported(table: FileTable, line: int, cells: Cells, rating: float | None) -> ImportedMovie:
    form = table.form
    titles = filter(None, (cells.get(name) for name in form.titles))
    dated = next((name for name in form.years if cells.get(name)), "")
    year = YEAR.search(cells.get(dated, ""))
    if dated and not year and cells[dated].strip("0."):
        raise MovierecError(
            f"{table.place(line, dated)}: {shown(cells[dated])} is not a year; correct it, or leave"
            " it empty"
        )
    return ImportedMovie(
        tuple(dict.fromkeys(titles)),
        int(year[0]) if year else None,
        rating,
        cells.get(form.movie_id, ""),
        _time(next(filter(None, (cells.get(name) for name in form.dates)), "")),
    )


def _time(text: str) -> float | None:
    """The seconds of a date, or of a timestamp; None if it is neither."""
    with suppress(ValueError, OverflowError):
        if TIMESTAMP.fullmatch(text):
            return float(text)
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    with suppress(ValueError, OverflowError):
        return datetime.strptime(text, IMDB_DATE).replace(tzinfo=UTC).timestamp()
    return None
