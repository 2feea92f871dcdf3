"""Read MovieLens archives, in every layout, and a user's own ratings.

Zip archives are not unpacked: zip_members reads their members directly.
"""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from movierec.core import log
from movierec.core.checksums import opened_as_hashed
from movierec.core.errors import MovierecError
from movierec.core.params import DataSet, PathSource
from movierec.data.rating_arrays import Array
from movierec.datasets import csv_reader, movie_lists, parquet_reader, text_ratings, validation
from movierec.datasets.movie_lists import MovieList, movie_table
from movierec.datasets.validation import IGNORE_TIMES, Gather, RowCounts
from movierec.datasets.zip_members import open_member

# Members of a zip by layout: ratings, the list of movies, the list's reader, and what separates
# fields of ratings, if they have no header.
MEMBERS: dict[str, tuple[str, str, Callable[..., MovieList], str | None]] = {
    "csv": ("ratings.csv", "movies.csv", movie_lists.read_csv, None),
    "dat": ("ratings.dat", "movies.dat", movie_lists.read_dat, "::"),
    "100k": ("u.data", "u.item", movie_lists.read_100k, "\t"),
    "recbole": ("ml-100k.inter", "ml-100k.item", movie_lists.read_recbole, None),
}
NOT_SECONDS = range(1000, 10**8)  # up to 1973; the last time of a data set is later, or an order
UNITS = {  # integers that the last time may be by mistake, and what it may count
    "years": (1900, 2100),
    "days": (9_000, 60_000),
    "hours": (200_000, 700_000),
    "days since the year 0": (700_000, 800_000),
    "dates as YYYYMMDD": (19_000_101, 21_001_231),
    "minutes": (12_000_000, 70_000_000),
}


@dataclass(frozen=True)
class ArchiveCounts:
    """Counts of the rows of ratings and of the list of movies, and of rated movies not in it."""

    ratings: RowCounts
    movies: RowCounts
    n_unlisted: int


@dataclass(frozen=True)
class ReadRows:
    """An archive whose ids are not indexed. ratings: as `gather` returns them."""

    path: Path
    ratings: Any
    counts: RowCounts
    listed: MovieList
    max_rejected: int

    def movies_with(self, rated_ids: Array) -> tuple[pd.DataFrame, ArchiveCounts]:
        """The listed movies, followed by those that are rated but not listed.

        Raises MovierecError for more than max_rejected malformed rows or rated movies not listed.
        """
        movies, rows = self.listed.keep(is_text=rated_ids.dtype == object)
        hint = "is encoding in datasets.yaml correct?" if rows.rejected["not_text"] else ""
        rows.check(str(self.path), f"rows of {self.listed.name}", self.max_rejected, hint)
        unlisted = np.setdiff1d(rated_ids, movies["movie_id"].to_numpy())
        self.listed.check_missing(unlisted, len(rated_ids), str(self.path), self.max_rejected)
        if len(unlisted):
            titles = [f"Movie {number}" for number in unlisted]
            added = movie_table(pd.Series(unlisted), titles, [[]] * len(unlisted))
            movies = pd.concat([movies, added], ignore_index=True) if len(movies) else added
        n_unlisted = len(unlisted) if self.listed.name else 0
        return movies, ArchiveCounts(self.counts, rows, n_unlisted)


def read_rows(
    path: Path,
    data: DataSet,
    max_rejected: int,
    sha256: str | None = None,
    gather: Gather = validation.gather,
) -> ReadRows:
    """Read the rows of an archive in the layout that its block in datasets.yaml names.

    sha256: of the file, which is checked; of a folder of parts, hashes are in the block. gather:
    reads the pieces of ratings. Raises MovierecError, which names the file, if it has another hash,
    is damaged, has another layout, or has more than max_rejected malformed rows of ratings.
    """
    with explained(path), log.timed("read", path):
        if isinstance(data, PathSource) and data.parts:
            (table, rows), listed = text_ratings.read_parts(path, data, gather), MovieList()
        else:
            with _opened(path, sha256) as file:
                (table, rows), listed = _read(file, path, data, gather)
    has_other = rows.rejected["off_scale"] > 0
    scale = f"the scale is {data.rating_min:g} to {data.rating_max:g}" if has_other else ""
    rows.check(str(path), "rows", max_rejected, scale)
    if not rows.n_kept:
        why = f": all rows are rejected ({rows.why(scale)})" if rows.n_read else ""
        raise MovierecError(f"{path}: contains no ratings{why}", map(str, rows.first))
    _check_times(path, rows.times)
    return ReadRows(path, table, rows, listed, max_rejected)


def _opened(path: Path, sha256: str | None) -> Any:
    return opened_as_hashed(path, sha256) if sha256 else path.open("rb")


def _check_times(path: Path, times: tuple[int, int] | None) -> None:
    """Raise MovierecError if all times are so early that they cannot be seconds since 1970."""
    if times and times[1] in NOT_SECONDS:
        units = [unit for unit, (low, high) in UNITS.items() if low <= times[1] <= high]
        raise MovierecError(
            f"{path}: timestamp is {times[0]} to {times[1]} in all rows:"
            f" {(units or ['row numbers'])[0]}? It should be seconds since 1970, or ISO dates such"
            f" as 2020-01-31; {IGNORE_TIMES}"
        )


def _read(
    file: IO[bytes], path: Path, data: DataSet, gather: Gather
) -> tuple[tuple[Any, RowCounts], MovieList]:
    """The gathered ratings, and the list of movies."""
    if data.layout == "ratings_parquet":
        names, scale = text_ratings.names_of(data), (data.rating_min, data.rating_max)
        return parquet_reader.read(file, str(path), names, scale, gather), MovieList()
    if data.layout == "ratings_csv":
        form = text_ratings.form_of(file, str(path), data)
        return csv_reader.read(file, form, gather), MovieList()
    of_ratings, of_movies, read_movies, separator = MEMBERS[data.layout]
    with open_member(path, data, of_movies, file) as stream:
        listed = read_movies(stream, str(path), data, of_movies)
    text_ids = frozenset(["movie_id"] if listed.has_text_ids else [])
    with open_member(path, data, of_ratings, file) as stream:
        form = text_ratings.form_of(stream, f"{path}: {of_ratings}", data, separator)
        return csv_reader.read(stream, replace(form, text_ids=text_ids), gather), listed


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what libraries raise on a bad file into one line that names it."""
    try:
        yield
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run dvc repro") from None
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error) as error:
        reason = str(error) or type(error).__name__
        raise MovierecError(
            f"{path}: not a complete zip archive ({reason}); download it again"
        ) from None
    except UnicodeDecodeError as error:
        raise MovierecError(
            f"{path}: not {error.encoding} text; is its encoding in datasets.yaml correct?"
        ) from None
    except (pa.ArrowException, ValueError, RuntimeError, OverflowError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, OSError):
            if error.filename:  # of the system, and not what zipfile or pyarrow raise
                raise
            raise MovierecError(f"{path}: damaged ({reason}); replace it") from None
        raise MovierecError(f"{path}: {reason}; is its layout in datasets.yaml correct?") from None
