"""Tiny archives made by hand: one small data set in every layout."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from movierec.core.params import DataSet, PackageSource, PathSource
from movierec.data.rating_arrays import Array, Ratings, RatingsInParts
from movierec.datasets import movielens
from movierec.datasets.movie_lists import GENRES_100K
from movierec.datasets.movielens import ArchiveCounts

# user_id, movie_id, rating, timestamp: ids neither dense nor in order.
RATINGS = [
    (7, 50, 5.0, 881250949),
    (3, 1, 4.0, 891717742),
    (7, 1, 3.0, 878887116),
    (900, 22, 1.0, 880606923),
    (3, 22, 2.0, 886397596),
    (900, 31, 4.0, 884182806),
]
# movie_id, title, genres: a comma, an accent, no year and no genres, an odd year, unrated.
MOVIES = [
    (50, "Star Wars (1977)", ["Action", "Sci-Fi"]),
    (1, "American President, The (1995)", ["Comedy", "Drama", "Romance"]),
    (22, "Amélie (2001)", ["Romance"]),
    (31, "unknown", []),
    (40, "Cosmos (1983-2005)", ["Children's", "Documentary"]),
]
LAYOUTS = ("csv", "dat", "100k", "recbole", "ratings_csv", "ratings_parquet")
FOLDERS = {"csv": "ml-tiny", "dat": "ml-tiny", "100k": "ml-tiny", "recbole": "set/ml-100k"}


def write(folder, layout, ratings=RATINGS, movies=MOVIES, newline="\n") -> Path:
    """Write the archive of a layout into a folder."""
    if layout == "ratings_csv":
        names = ["user_id", "movie_id", "rating", "timestamp"][: len(ratings[0]) if ratings else 4]
        lines = [",".join(names), *_joined(ratings, ",")]
        path = folder / "ratings.csv"
        path.write_bytes(_text(lines, newline))
        return path
    if layout == "ratings_parquet":
        path = folder / "ratings.parquet"
        columns = ["userId", "movieId", "rating", "timestamp"][: len(ratings[0]) if ratings else 4]
        pd.DataFrame(ratings, columns=columns).to_parquet(path)
        return path
    return write_zip(folder / f"{layout}.zip", members(layout, ratings, movies, newline))


def write_zip(path, contents) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def members(layout, ratings=RATINGS, movies=MOVIES, newline="\n") -> dict[str, bytes]:
    """The members of a layout's archive, by name, for a test to damage one."""
    contents = {"csv": _csv, "dat": _dat, "100k": _100k, "recbole": _recbole}[layout](
        ratings, movies, newline
    )
    return {f"{FOLDERS[layout]}/{name}": content for name, content in contents.items()}


def block(layout, path, **changes) -> DataSet:
    """The data set's block of datasets.yaml for an archive written here."""
    fields = {
        "layout": layout,
        "folder": FOLDERS.get(layout, ""),
        "encoding": "latin-1" if layout == "dat" else "utf-8",
        "rating_min": 0.5,
        "rating_max": 5.0,
        "licence": "none",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "0" * 64,
    }
    if layout != "recbole":
        return PathSource(**(fields | {"source": "path", "path": str(path)} | changes))
    with zipfile.ZipFile(path) as archive:
        hashes = {
            Path(name).name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
        }
    wheel = {
        "source": "package",
        "requirement": "recbole==1.2.1",
        "file": path.name,
        "size": path.stat().st_size,
        "members": hashes,
    }
    return PackageSource(**(fields | wheel | changes))


def _joined(rows, separator) -> list[str]:
    return [separator.join(map(str, row)) for row in rows]


def _text(lines, newline, encoding="utf-8") -> bytes:
    return "".join(line + newline for line in lines).encode(encoding)


def _csv(ratings, movies, newline):
    quoted = [(movie, title.replace('"', '""'), genres) for movie, title, genres in movies]
    lines = [
        f'{movie},"{title}",{"|".join(genres) or "(no genres listed)"}'
        for movie, title, genres in quoted
    ]
    header = "userId,movieId,rating,timestamp"
    return {
        "ratings.csv": _text([header, *_joined(ratings, ",")], newline),
        "movies.csv": _text(["movieId,title,genres", *lines], newline),
    }


def _dat(ratings, movies, newline):
    rows = [(movie, title, "|".join(genres)) for movie, title, genres in movies]
    return {
        "ratings.dat": _text(_joined(ratings, "::"), newline),
        "movies.dat": _text(_joined(rows, "::"), newline, "latin-1"),
    }


def _100k(ratings, movies, newline):
    rows = []
    for movie, title, genres in movies:
        flags = [int(name in (genres or ["unknown"])) for name in GENRES_100K]
        rows.append([movie, title, "01-Jan-1995", "", "http://imdb", *flags])
    return {
        "u.data": _text(_joined(ratings, "\t"), newline),
        "u.item": _text(_joined(rows, "|"), newline, "latin-1"),
    }


def _recbole(ratings, movies, newline):
    rows = []
    for movie, title, genres in movies:
        name, _, year = title.removesuffix(")").partition(" (")
        rows.append((movie, name, year, " ".join(genres)))
    header = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
    columns = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    return {
        "ml-100k.inter": _text([columns, *_joined(ratings, "\t")], newline),
        "ml-100k.item": _text([header, *_joined(rows, "\t")], newline),
    }


@dataclass(frozen=True)
class Archive:
    """An archive in memory. user_index is a position in user_ids, item_index a row of movies."""

    ratings: Ratings
    user_ids: Array
    movies: pd.DataFrame
    counts: ArchiveCounts


def read_archive(path, data, max_rejected=0) -> Archive:
    """Read an archive in the layout that its block names, all at once."""
    read = movielens.read_rows(path, data, max_rejected)
    table = read.ratings.unify_dictionaries()
    (user_ids, user_index), (rated_ids, rated_index) = map(
        _decoded, (table["user_id"], table["movie_id"])
    )
    movies, counts = read.movies_with(rated_ids)
    place = pd.Series(np.arange(len(movies), dtype=np.int32), index=movies["movie_id"])
    item_index = place.loc[rated_ids].to_numpy()[rated_index]
    columns = [table[name].to_numpy() for name in table.column_names[2:]]
    kind = RatingsInParts if "part" in table.column_names else Ratings
    return Archive(kind(user_index, item_index, *columns), user_ids, movies, counts)


def _decoded(column: pa.ChunkedArray):
    column = column.combine_chunks()
    return column.dictionary.to_numpy(zero_copy_only=False), column.indices.to_numpy()
