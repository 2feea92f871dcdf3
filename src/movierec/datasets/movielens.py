"""Read MovieLens archives, in every layout, and a user's own ratings.

Zip archives are not unpacked: zip_members reads their members directly.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from movierec.core import log
from movierec.core.errors import MovierecError
from movierec.core.params import DataSet
from movierec.data.rating_arrays import Array, Ratings
from movierec.datasets import csv_reader, parquet_reader, validation
from movierec.datasets.csv_reader import Form, is_integer
from movierec.datasets.validation import COLUMNS, Gather, RowCounts
from movierec.datasets.zip_members import open_member

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
NO_GENRES = {"(no genres listed)", "unknown", ""}
Read = tuple[tuple[Any, RowCounts], pd.DataFrame]  # the gathered ratings, and the listed movies
YEAR = re.compile(r"\((\d{4})(?:[-–]\d{0,4})?\s*\)\s*$")


@dataclass(frozen=True)
class Archive:
    """The contents of an archive.

    ratings: user_index is a position in user_ids, item_index a row of movies. user_ids: int64, or
    text (an object array) if one of them is not a 64-bit integer; so are movie ids. movies:
    movie_id, title, year (Int32, may be missing), genres (lists); a movie that is rated but not
    listed has the title "Movie <id>". rows: counts of the rows read and rejected.
    """

    ratings: Ratings
    user_ids: Array
    movies: pd.DataFrame
    rows: RowCounts


def read_archive(path: Path, data: DataSet, max_rejected: int = 0) -> Archive:
    """Read an archive in the layout that its block in datasets.yaml names.

    Raises MovierecError, which names the file, if the archive is damaged, has another layout, or
    has more than max_rejected malformed rows of ratings.
    """
    table, rows, listed = read_rows(path, data, max_rejected)
    user_ids, user_index = _decode(table["user_id"])
    rated_ids, rated_index = _decode(table["movie_id"])
    rating, timestamp = table["rating"].to_numpy(), table["timestamp"].to_numpy()
    del table  # frees memory
    movies = with_rated(listed, rated_ids, path)
    place = pd.Series(np.arange(len(movies), dtype=np.int32), index=movies["movie_id"])
    item_index = place.loc[rated_ids].to_numpy()[rated_index]
    return Archive(Ratings(user_index, item_index, rating, timestamp), user_ids, movies, rows)


def read_rows(
    path: Path, data: DataSet, max_rejected: int, gather: Gather = validation.gather
) -> tuple[Any, RowCounts, pd.DataFrame]:
    """The rows of ratings as `gather` returns them, their counts, and the listed movies.

    Raises MovierecError as read_archive does.
    """
    with _explain(path), log.timed("read", path):
        (table, rows), movies = _READERS[data.layout](path, data, gather)
    rows.check(path, (data.rating_min, data.rating_max), max_rejected)
    if not rows.n_kept:
        raise MovierecError(f"{path}: contains no ratings")
    return table, rows, movies


def with_rated(listed: pd.DataFrame, rated_ids: Array, path: Path) -> pd.DataFrame:
    """The listed movies, followed by those that are rated but not listed."""
    with _explain(path):
        return _with_rated(listed.astype({"movie_id": rated_ids.dtype}), rated_ids, path)


def _read_csv_layout(path: Path, data: DataSet, gather: Gather) -> Read:
    with open_member(path, data, "movies.csv") as stream:
        read = pd.read_csv(
            stream, dtype=str, keep_default_na=False, encoding=data.encoding, index_col=False
        )
    missing = {"movieId", "title", "genres"} - set(read.columns)
    if missing:
        raise MovierecError(
            f"{path}: movies.csv: no column {', '.join(sorted(missing))}; is it the csv layout?"
        )
    movies = _movies(read["movieId"], read["title"], read["genres"].str.split("|"))
    text_ids = frozenset() if all(map(is_integer, movies["movie_id"])) else frozenset(["movie_id"])
    return _read_member(path, data, gather, "ratings.csv", ",", text_ids), movies


def _read_dat_layout(path: Path, data: DataSet, gather: Gather) -> Read:
    ratings = _read_member(path, data, gather, "ratings.dat", "::")
    lines = _lines(path, data, "movies.dat", data.encoding, "::", 3)
    movies = pd.DataFrame(lines, columns=["movie_id", "title", "genres"])
    return ratings, _movies(movies["movie_id"], movies["title"], movies["genres"].str.split("|"))


def _read_100k_layout(path: Path, data: DataSet, gather: Gather) -> Read:
    ratings = _read_member(path, data, gather, "u.data", "\t")
    lines = _lines(path, data, "u.item", "latin-1", "|", 5 + len(GENRES_100K))
    genres = [
        [name for name, flag in zip(GENRES_100K, line[5:], strict=True) if flag == "1"]
        for line in lines
    ]
    ids, titles = [line[0] for line in lines], [line[1] for line in lines]
    return ratings, _movies(pd.Series(ids), pd.Series(titles), pd.Series(genres))


def _read_recbole_layout(path: Path, data: DataSet, gather: Gather) -> Read:
    ratings = _read_member(path, data, gather, "ml-100k.inter", "\t")
    _, *lines = _lines(path, data, "ml-100k.item", data.encoding, "\t", 4)
    titles = [f"{title} ({year})" if year else title for _, title, year, _ in lines]
    genres = pd.Series([line[3].split(" ") for line in lines])
    return ratings, _movies(pd.Series([line[0] for line in lines]), pd.Series(titles), genres)


def _read_ratings_csv(path: Path, data: DataSet, gather: Gather) -> Read:
    with path.open("rb") as stream:
        return _read_text(stream, str(path), data, gather, ","), _movies([], [], [])


def _read_ratings_parquet(path: Path, data: DataSet, gather: Gather) -> Read:
    header = pq.read_schema(path).names
    names = {column: header[place] for column, place in _places(header, str(path)).items()}
    scale = (data.rating_min, data.rating_max)
    return parquet_reader.read(path, names, scale, gather), _movies([], [], [])


_READERS = {
    "csv": _read_csv_layout,
    "dat": _read_dat_layout,
    "100k": _read_100k_layout,
    "recbole": _read_recbole_layout,
    "ratings_csv": _read_ratings_csv,
    "ratings_parquet": _read_ratings_parquet,
}
NO_HEADER = {"dat", "100k"}  # layouts whose ratings begin on the first line
TEXT_IDS = {"csv", "ratings_csv"}  # layouts whose ids may be text
SPELLINGS = {
    "user_id": ("user_id", "userId", "user_id:token"),
    "movie_id": ("movie_id", "movieId", "item_id:token"),
    "rating": ("rating", "rating:float"),
    "timestamp": ("timestamp", "timestamp:float"),
}


@contextmanager
def _explain(path: Path) -> Iterator[None]:
    """Turn what libraries raise on a bad file into one line that names it."""
    try:
        yield
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run dvc repro") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise MovierecError(
            f"{path}: not a complete zip archive ({error}); download it again"
        ) from None
    except UnicodeDecodeError as error:
        raise MovierecError(
            f"{path}: not {error.encoding} text; is its encoding in datasets.yaml correct?"
        ) from None
    except (pa.ArrowException, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise MovierecError(f"{path}: {reason}; is its layout in datasets.yaml correct?") from None


def _read_member(
    path: Path,
    data: DataSet,
    gather: Gather,
    name: str,
    separator: str,
    text_ids: frozenset[str] = frozenset(),
) -> tuple[Any, RowCounts]:
    with open_member(path, data, name) as stream:
        return _read_text(stream, f"{path}: {name}", data, gather, separator, text_ids)


def _read_text(
    stream: IO[bytes],
    where: str,
    data: DataSet,
    gather: Gather,
    separator: str,
    text_ids: frozenset[str] = frozenset(),
) -> tuple[Any, RowCounts]:
    fields = list(COLUMNS)
    if data.layout not in NO_HEADER:
        header = csv_reader.header_of(stream, separator)
        places = {place: column for column, place in _places(header, where).items()}
        fields = [places.get(place, f"field {place}") for place in range(len(header))]
    form = Form(
        tuple(fields),
        separator,
        (data.rating_min, data.rating_max),
        has_header=data.layout not in NO_HEADER,
        encoding=data.encoding,
        integers_only=data.layout not in TEXT_IDS,
        text_ids=text_ids,
    )
    return csv_reader.read(stream, form, gather)


def _places(header: list[str], where: str) -> dict[str, int]:
    """The position of each of COLUMNS in a header, under any of its SPELLINGS."""
    places = {}
    for column in COLUMNS:
        matches = [header.index(name) for name in SPELLINGS[column] if name in header]
        if not matches:
            columns = ", ".join(header) or "none"
            raise MovierecError(f"{where}: no column {column}; its columns are: {columns}")
        places[column] = matches[0]
    return places


def _lines(
    path: Path, data: DataSet, name: str, encoding: str, separator: str, n_fields: int
) -> list[list[str]]:
    with open_member(path, data, name) as stream:
        text = stream.read().decode(encoding)
    lines = [line.rstrip("\r").split(separator) for line in text.split("\n") if line.strip()]
    for number, fields in enumerate(lines, 1):
        if len(fields) != n_fields:
            raise MovierecError(
                f"{path}: {name} line {number}: {len(fields)} fields, expected {n_fields}"
            )
    return lines


def _movies(ids: Any, titles: Any, genres: Any) -> pd.DataFrame:
    """The table of movies; most titles end in the year."""
    title = pd.Series(titles, dtype=object).reset_index(drop=True)
    year = [int(match[1]) if (match := YEAR.search(text)) else None for text in title]
    return pd.DataFrame(
        {
            "movie_id": pd.Series(ids, dtype=object).reset_index(drop=True),
            "title": title,
            "year": pd.array(year, dtype="Int32"),
            "genres": [[name for name in names if name not in NO_GENRES] for names in genres],
        }
    )


def _with_rated(movies: pd.DataFrame, rated_ids: Array, path: Path) -> pd.DataFrame:
    if movies["movie_id"].duplicated().any():
        repeated = movies["movie_id"][movies["movie_id"].duplicated()].iloc[0]
        raise MovierecError(f"{path}: movie {repeated} is listed twice; keep one of them")
    unlisted = np.setdiff1d(rated_ids, movies["movie_id"].to_numpy())
    if not len(unlisted):
        return movies
    added = _movies(unlisted, [f"Movie {number}" for number in unlisted], [[]] * len(unlisted))
    added = added.astype({"movie_id": rated_ids.dtype})
    return pd.concat([movies, added], ignore_index=True) if len(movies) else added


def _decode(ids: pa.ChunkedArray) -> tuple[Array, Array]:
    """The distinct ids of a dictionary-encoded column, and each row's position there (int32)."""
    distinct = pa.chunked_array([chunk.dictionary for chunk in ids.chunks]).unique()
    places = np.empty(len(ids), np.int32)
    start = 0
    for chunk in ids.chunks:  # in place: unify_dictionaries would copy all of them
        here = pc.index_in(chunk.dictionary, distinct).to_numpy()
        here.take(chunk.indices.to_numpy(), out=places[start : start + len(chunk)], mode="clip")
        start += len(chunk)
    return distinct.to_numpy(zero_copy_only=False), places
