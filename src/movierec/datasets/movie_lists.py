"""Read lists of movies, in every layout: each row is kept, or rejected and counted."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

import numpy as np
import pandas as pd

from movierec.core.errors import MovierecError
from movierec.core.params import DataSet
from movierec.data.rating_arrays import Array
from movierec.datasets.csv_reader import split_line
from movierec.datasets.table_columns import read_header
from movierec.datasets.text_values import NO_ID, id_from_text, text_id_from_text
from movierec.datasets.validation import N_SHOWN, RowCounts, shown

GENRES_100K = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]
NO_GENRES = NO_ID | {"(no genres listed)", "unknown"}
Movie = tuple[str, str, list[str]]  # id, title, genres
YEAR = re.compile(r"\(((?:1[89]|20)[0-9]{2})(?:[-–][0-9]{0,4})?\s*\)\s*$")


@dataclass(frozen=True)
class MovieRow:
    """A line of a list of movies. reason: why its fields are not the right ones, or ""."""

    number: int
    line: str
    reason: str = ""
    movie_id: str = ""
    title: str = ""
    genres: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class MovieList:
    """The rows of a list of movies. name: of the file; "" if the data set has no list."""

    name: str = ""
    rows: list[MovieRow] = field(default_factory=list)
    integers_only: bool = False

    @property
    def has_text_ids(self) -> bool:
        """Whether the id of a good row is not an integer."""
        return not self.integers_only and any(
            not reason and isinstance(movie_id, str)
            for movie_id, reason in (_identify(row, False) for row in self.rows)
        )

    def keep(self, is_text: bool) -> tuple[pd.DataFrame, RowCounts]:
        """The movies of the rows that are kept, and the counts of all. is_text: of their ids."""
        ids, reasons = [], []
        known: set[int | str] = set()
        for row in self.rows:
            movie_id, reason = _identify(row, is_text)
            if not reason and isinstance(movie_id, str) and not is_text:
                reason = "not_a_number"
            if not reason and movie_id in known:
                reason = "duplicate"
            known.add(movie_id)
            ids.append(movie_id)
            reasons.append(reason)
        kept = [k for k, reason in enumerate(reasons) if not reason]
        movies = movie_table(
            pd.Series([ids[k] for k in kept], dtype=object if is_text else np.int64),
            [self.rows[k].title for k in kept],
            [self.rows[k].genres for k in kept],
        )
        return movies, RowCounts.from_reasons(
            reasons, lambda k: (f"{self.name} line {self.rows[k].number}", self.rows[k].line)
        )

    def check_missing(self, missing: Array, n_rated: int, where: str, max_missing: int) -> None:
        """Raise MovierecError for more than max_missing rated movies that are not in the list."""
        if self.name and len(missing) > max_missing:
            raise MovierecError(
                f"{where}: {len(missing):,} of {n_rated:,} rated movies have no row in {self.name},"
                f" more than index.max_rejected in params.yaml allows ({max_missing:,}); add them"
                " or raise it",
                [f"movie {shown(str(movie_id))}" for movie_id in missing[:N_SHOWN].tolist()],
            )


def movie_table(
    ids: "pd.Series[Any]", titles: list[str], genres: Iterable[list[str]]
) -> pd.DataFrame:
    """The table of movies; most titles end in the year."""
    year = [int(match[1]) if (match := YEAR.search(title)) else None for title in titles]
    return pd.DataFrame(
        {
            "movie_id": ids,
            "title": pd.Series(titles, dtype=object),
            "year": pd.array(year, dtype="Int32"),
            "genres": [[name for name in names if name not in NO_GENRES] for names in genres],
        }
    )


def read_csv(stream: IO[bytes], where: str, data: DataSet, name: str) -> MovieList:
    """Read movies.csv; genres are separated by |."""
    columns = ("movie_id", "title", "genres")
    header = read_header(stream, f"{where}: {name}", data.encoding, columns=columns)

    def movie(fields: list[str]) -> Movie:
        movie_id, title, genres = (fields[header.places[column]] for column in columns)
        return movie_id, title, [genre.strip() for genre in genres.split("|")]

    lines = _lines(stream, data.encoding, header.n_lines + 1)
    separate = partial(split_line, separator=header.separator, is_strict=True)
    return MovieList(name, _rows(lines, separate, len(header.names), movie))


def read_dat(stream: IO[bytes], where: str, data: DataSet, name: str) -> MovieList:
    """Read movies.dat: id, title and genres, which are separated by |."""
    lines = _lines(stream, data.encoding)
    rows = _rows(lines, lambda line: line.split("::"), 3, lambda f: (f[0], f[1], f[2].split("|")))
    return MovieList(name, rows, integers_only=True)


def read_100k(stream: IO[bytes], where: str, data: DataSet, name: str) -> MovieList:
    """Read u.item: id, title, three more fields, and a flag for each genre."""

    def movie(fields: list[str]) -> Movie:
        flags = zip(GENRES_100K, fields[5:], strict=True)
        return fields[0], fields[1], [genre for genre, flag in flags if flag == "1"]

    lines = _lines(stream, "latin-1")
    rows = _rows(lines, lambda line: line.split("|"), 5 + len(GENRES_100K), movie)
    return MovieList(name, rows, integers_only=True)


def read_recbole(stream: IO[bytes], where: str, data: DataSet, name: str) -> MovieList:
    """Read ml-100k.item: a header, then id, title without its year, year, and genres."""

    def movie(fields: list[str]) -> Movie:
        movie_id, title, year, genres = fields
        return movie_id, f"{title} ({year})" if year else title, genres.split(" ")

    stream.readline()
    rows = _rows(_lines(stream, data.encoding, 2), lambda line: line.split("\t"), 4, movie)
    return MovieList(name, rows, integers_only=True)


def _lines(stream: IO[bytes], encoding: str, first: int = 1) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line that is not blank."""
    for number, content in enumerate(stream.read().split(b"\n"), first):
        line = content.removeprefix(b"\xef\xbb\xbf") if number == 1 else content
        if line.strip():
            yield number, line.decode(encoding, "replace").rstrip("\r")


def _rows(
    lines: Iterable[tuple[int, str]],
    separate: Callable[[str], list[str]],
    n_fields: int,
    movie: Callable[[list[str]], Movie],
) -> list[MovieRow]:
    rows = []
    for number, line in lines:
        fields = [] if "\r" in line else separate(line)
        if len(fields) != n_fields:
            rows.append(MovieRow(number, line, "wrong_fields"))
            continue
        movie_id, title, genres = movie(fields)
        reason = "not_text" if "\ufffd" in line else "" if title.strip() else "missing"
        rows.append(MovieRow(number, line, reason, movie_id, title.strip(), genres))
    return rows


def _identify(row: MovieRow, is_text: bool) -> tuple[int | str, str]:
    """The id of a row, and the reason to reject the row, or ""."""
    if row.reason:
        return "", row.reason
    try:
        movie_id = (text_id_from_text if is_text else id_from_text)(row.movie_id)
    except ValueError as error:
        return "", str(error)
    return ("", "missing") if movie_id is None else (movie_id, "")
