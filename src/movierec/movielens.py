"""Readers of MovieLens' archives, in every layout they come in, and of people's own ratings.

Zip archives are not unpacked: zip_members reads out of them.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from movierec.errors import MovierecError
from movierec.params import DataSet
from movierec.rating_table import COLUMNS, TYPES, check, parse_csv, spelling
from movierec.sparse import Array, Ratings
from movierec.zip_members import open_member

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
YEAR = re.compile(r"\((\d{4})(?:[-–]\d{0,4})?\s*\)\s*$")


@dataclass(frozen=True)
class Archive:
    """What an archive holds. `ratings` index user_ids and movie_ids by their places there.

    movies: movie_id, title, year (Int32, may be missing), genres (lists); every movie of the
    archive, and those only rated, under the title "Movie <id>".
    """

    ratings: Ratings
    user_ids: Array
    movies: pd.DataFrame


def read_archive(path: Path, data: DataSet) -> Archive:
    """Read an archive in the layout that its block in params.yaml states.

    Raises MovierecError, naming file and line, on whatever is not as it should be.
    """
    with _explain(path):
        table, movies = _READERS[data.layout](path, data)
    check(table, path, data)
    user_ids, user_index = _encode(table["user_id"])
    rated_ids, rated_index = _encode(table["movie_id"])
    rating, timestamp = table["rating"].to_numpy(), table["timestamp"].to_numpy()
    del table  # for the memory: its ids are twice as wide
    movies = _with_rated(movies, rated_ids, path)
    place = pd.Series(np.arange(len(movies), dtype=np.int32), index=movies["movie_id"])
    item_index = place.loc[rated_ids].to_numpy()[rated_index]
    return Archive(Ratings(user_index, item_index, rating, timestamp), user_ids, movies)


def _read_csv_layout(path: Path, data: DataSet) -> tuple[pa.Table, pd.DataFrame]:
    names = {"user_id": "userId", "movie_id": "movieId"}
    ratings = _read_csv(path, data, "ratings.csv", names=names)
    with open_member(path, data, "movies.csv") as stream:
        movies = pd.read_csv(
            stream, dtype=str, keep_default_na=False, encoding=data.encoding, index_col=False
        )
    missing = {"movieId", "title", "genres"} - set(movies.columns)
    if missing:
        raise MovierecError(f"{path}: movies.csv: no column {', '.join(sorted(missing))}")
    return ratings, _movies(movies["movieId"], movies["title"], movies["genres"].str.split("|"))


def _read_dat_layout(path: Path, data: DataSet) -> tuple[pa.Table, pd.DataFrame]:
    ratings = _read_csv(path, data, "ratings.dat", separator="::")
    lines = _lines(path, data, "movies.dat", data.encoding, "::", 3)
    movies = pd.DataFrame(lines, columns=["movie_id", "title", "genres"])
    return ratings, _movies(movies["movie_id"], movies["title"], movies["genres"].str.split("|"))


def _read_100k_layout(path: Path, data: DataSet) -> tuple[pa.Table, pd.DataFrame]:
    ratings = _read_csv(path, data, "u.data", separator="\t")
    lines = _lines(path, data, "u.item", "latin-1", "|", 5 + len(GENRES_100K))
    genres = [
        [name for name, flag in zip(GENRES_100K, line[5:], strict=True) if flag == "1"]
        for line in lines
    ]
    ids, titles = [line[0] for line in lines], [line[1] for line in lines]
    return ratings, _movies(pd.Series(ids), pd.Series(titles), pd.Series(genres))


def _read_recbole_layout(path: Path, data: DataSet) -> tuple[pa.Table, pd.DataFrame]:
    names = {"user_id": "user_id:token", "movie_id": "item_id:token"}
    names |= {"rating": "rating:float", "timestamp": "timestamp:float"}
    ratings = _read_csv(path, data, "ml-100k.inter", separator="\t", names=names)
    _, *lines = _lines(path, data, "ml-100k.item", data.encoding, "\t", 4)
    titles = [f"{title} ({year})" if year else title for _, title, year, _ in lines]
    genres = pd.Series([line[3].split(" ") for line in lines])
    return ratings, _movies(pd.Series([line[0] for line in lines]), pd.Series(titles), genres)


def _read_ratings_csv(path: Path, data: DataSet) -> tuple[pa.Table, pd.DataFrame]:
    with path.open("rb") as stream:
        header = stream.readline().decode("utf-8-sig").split(",")
        names = spelling([name.strip().strip('"') for name in header], path)
        stream.seek(0)
        return parse_csv(path, stream, path.name, ",", names), _movies([], [], [])


def _read_ratings_parquet(path: Path, data: DataSet) -> tuple[pa.Table, pd.DataFrame]:
    schema = pa.parquet.read_schema(path)
    names = spelling(schema.names, path)
    kind = schema.field(names["timestamp"]).type
    if pa.types.is_temporal(kind):
        raise MovierecError(f"{path}: timestamp is of type {kind}; make it whole seconds")
    table = pa.parquet.read_table(path, columns=list(names.values()))
    table = table.select(list(names.values())).rename_columns(list(COLUMNS))
    return table.cast(pa.schema(TYPES)), _movies([], [], [])


_READERS = {
    "csv": _read_csv_layout,
    "dat": _read_dat_layout,
    "100k": _read_100k_layout,
    "recbole": _read_recbole_layout,
    "ratings_csv": _read_ratings_csv,
    "ratings_parquet": _read_ratings_parquet,
}


@contextmanager
def _explain(path: Path) -> Iterator[None]:
    """Turn what libraries raise on a bad file into one line that names it."""
    try:
        yield
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run dvc repro") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise MovierecError(f"{path}: not a whole zip archive ({error}); fetch it anew") from None
    except UnicodeDecodeError as error:
        raise MovierecError(
            f"{path}: not {error.encoding} text; is the data set's encoding in params.yaml right?"
        ) from None
    except (pa.ArrowException, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise MovierecError(f"{path}: {reason}; is it the layout that params.yaml says?") from None


def _read_csv(
    path: Path,
    data: DataSet,
    name: str,
    separator: str = ",",
    names: dict[str, str] | None = None,
) -> pa.Table:
    """Read a member's four columns; without a header unless `names` says what they are called."""
    with open_member(path, data, name) as stream:
        header = {column: (names or {}).get(column, column) for column in COLUMNS}
        if len(separator) > 1:
            stream = io.BytesIO(stream.read().replace(separator.encode(), b"\t"))
            separator = "\t"
        return parse_csv(path, stream, name, separator, header, has_header=names is not None)


def _lines(
    path: Path, data: DataSet, name: str, encoding: str, separator: str, n_fields: int
) -> list[list[str]]:
    with open_member(path, data, name) as stream:
        text = stream.read().decode(encoding)
    lines = [line.rstrip("\r").split(separator) for line in text.split("\n") if line.strip()]
    for number, fields in enumerate(lines, 1):
        if len(fields) != n_fields:
            raise MovierecError(
                f"{path}: {name} line {number}: {len(fields)} fields, not {n_fields}"
            )
    return lines


def _movies(ids: Any, titles: Any, genres: Any) -> pd.DataFrame:
    """The table of movies out of its columns; the year is at the end of most titles."""
    title = pd.Series(titles, dtype=object).reset_index(drop=True)
    year = [int(found[1]) if (found := YEAR.search(text)) else None for text in title]
    return pd.DataFrame(
        {
            "movie_id": pd.Series(ids, dtype=object).astype(np.int64).to_numpy(),
            "title": title,
            "year": pd.array(year, dtype="Int32"),
            "genres": [[name for name in names if name not in NO_GENRES] for names in genres],
        }
    )


def _with_rated(movies: pd.DataFrame, rated_ids: Array, path: Path) -> pd.DataFrame:
    if movies["movie_id"].duplicated().any():
        twice = movies["movie_id"][movies["movie_id"].duplicated()].iloc[0]
        raise MovierecError(f"{path}: movie {twice} is listed twice among the movies")
    unlisted = np.setdiff1d(rated_ids, movies["movie_id"].to_numpy())
    if not len(unlisted):
        return movies
    added = _movies(unlisted, [f"Movie {number}" for number in unlisted], [[]] * len(unlisted))
    return pd.concat([movies, added], ignore_index=True) if len(movies) else added


def _encode(ids: pa.ChunkedArray) -> tuple[Array, Array]:
    """The distinct ids, and each one's place among them (int32)."""
    encoded = ids.dictionary_encode().unify_dictionaries()
    places = np.concatenate([chunk.indices.to_numpy() for chunk in encoded.chunks])
    return encoded.chunk(0).dictionary.to_numpy(), places
