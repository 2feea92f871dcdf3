"""Build the index on Dask, for ratings that do not fit into one process.

Workers read pieces of the archive and store the rows in files, which Dask's shuffle groups by user.
This process has only the number of ratings of each user and movie in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from movierec.core.atomic import atomic_file
from movierec.core.params import DataSet, PathSource
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Ratings, RatingsInParts, count_index
from movierec.datasets import movielens
from movierec.datasets.movielens import ArchiveCounts
from movierec.datasets.validation import IDS, Reader, RowCounts
from movierec.engine.local import Engine
from movierec.prepare import index, shuffle
from movierec.prepare.shuffle import Bounds, Columns

COLUMNS = ("item_index", "rating", "timestamp")  # of ratings by user; in parts, with their part
PLACES = ("user_index", "item_index")
TYPES = {"user_index": "i4", "item_index": "i4", "rating": "f4", "timestamp": "i8"}


@dataclass(frozen=True)
class Indexed:
    """An indexed archive. Users and movies are in order of their index."""

    user_ids: Array
    movies: pd.DataFrame
    by_user: Array  # number of ratings of each user
    by_item: Array  # number of ratings of each movie
    counts: ArchiveCounts
    n_superseded: int
    n_in_two_parts: int  # of those superseded: because an earlier part has the pair, too
    blocks: Iterable[Columns]  # the ratings, a block of users at a time


@dataclass(frozen=True)
class Counted:
    """Ids and their numbers of ratings."""

    ids: Array
    counts: Array

    @classmethod
    def from_table(cls, table: pa.Table) -> Counted:
        return cls(*(table[name].to_numpy() for name in ("id", "n")))

    def ordered(self) -> tuple[Counted, Array]:
        """The ids in order of the index, and the index of each id (int32)."""
        order = index.by_falling_count(self.counts, self.ids)
        return Counted(self.ids[order], self.counts[order]), index.inverse(order)


@dataclass(frozen=True)
class PieceSource:
    """A file of ratings whose users and items are not indexed yet, but numbered within the file."""

    ratings: Path
    places: tuple[Path, Path]  # files with the index of each user number, and of each item number
    columns: tuple[str, ...] = COLUMNS
    n_before: int = 0  # rows of the archive before this file


@dataclass(frozen=True)
class Pieces:
    """The rows of an archive that were kept, in a file for each piece."""

    paths: list[Path]
    n_rows: list[int]  # in each file
    ids: list[Counted]  # of users and of movies


def build(
    work: Engine, scratch: Path, path: Path, sha256: str, data: DataSet, max_rejected: int
) -> Indexed:
    """Index an archive; the blocks are stored in the folder `scratch`."""
    columns = (*COLUMNS, "part") if isinstance(data, PathSource) and data.parts else COLUMNS
    gather = partial(_gather, work, scratch)
    read = movielens.read_rows(path, data, max_rejected, sha256, gather)
    pieces: Pieces = read.ratings
    users, rated = pieces.ids
    movies, archive_counts = read.movies_with(rated.ids)
    movies = movies.set_index("movie_id")
    n_rated = pd.Series(rated.counts, rated.ids).reindex(movies.index, fill_value=0)
    users, _ = users.ordered()
    items, _ = Counted(movies.index.to_numpy(), n_rated.to_numpy()).ordered()
    sources = _sources(pieces, users, items, columns)
    blocks, (n_superseded, n_in_two_parts) = _by_user(
        work, scratch / "first", sources, users, columns
    )
    if n_superseded:  # counts differ without these, and so does the order
        counts = _counts(work, blocks, shuffle.bounds_of(work, users.counts), len(items.ids))
        users, of_users = replace(users, counts=counts[0]).ordered()
        items, of_items = replace(items, counts=counts[1]).ordered()
        places = _save(scratch / "users.npy", of_users), _save(scratch / "items.npy", of_items)
        again = [PieceSource(block, places, columns) for block in blocks]
        blocks, _ = _by_user(work, scratch / "again", again, users, columns)
    return Indexed(
        users.ids,
        movies.loc[items.ids].reset_index(),
        users.counts,
        items.counts,
        archive_counts,
        n_superseded,
        n_in_two_parts,
        (_columns(path, columns) for path in blocks),
    )


def _columns(path: Path, names: Sequence[str]) -> Columns:
    return dict(zip(names, parquet_tables.read_columns(path, list(names)), strict=True))


# --- Pieces of the archive


def _gather(
    work: Engine, scratch: Path, read: Reader, pieces: Iterable[tuple[Any, ...]]
) -> tuple[Pieces, RowCounts]:
    """Have workers read the pieces of an archive and store their rows in files."""
    folder = Path(tempfile.mkdtemp(dir=scratch))  # a new one each time reading starts again
    stored, rows = Pieces([], [], []), RowCounts()
    tallies: list[list[pa.Table]] = [[], []]
    paths = (folder / str(number) for number in count())
    for number, more in enumerate(work.map(partial(_store, read), paths, pieces)):
        rows += more
        if more.n_kept:
            stored.paths.append(folder / str(number))
            stored.n_rows.append(more.n_kept)
            for name, tally in zip(IDS, tallies, strict=True):
                _add(tally, parquet_tables.read_table(_ids(stored.paths[-1], name)))
    if stored.paths:
        stored.ids.extend(Counted.from_table(_total(tally)) for tally in tallies)
    return stored, rows


def _store(read: Reader, path: Path, piece: tuple[Any, ...]) -> RowCounts:
    """Read a piece, write its rows to a file and its ids to two more; returns its row counts."""
    table, rows = read(*piece)
    table = table.unify_dictionaries()
    columns = {}
    for name, place in zip(IDS, PLACES, strict=True):
        column = table[name].combine_chunks()
        columns[place] = column.indices.to_numpy()
        n = count_index(columns[place], len(column.dictionary))
        with atomic_file(_ids(path, name), shared=True) as partial_path:
            parquet_tables.write_table(partial_path, {"id": column.dictionary, "n": n})
    with atomic_file(path, shared=True) as partial_path:
        names = table.column_names[len(IDS) :]
        parquet_tables.write_table(partial_path, columns | {name: table[name] for name in names})
    return rows


def _ids(path: Path, name: str) -> Path:
    return path.with_name(f"{path.name}.{name}")


def _add(tally: list[pa.Table], more: pa.Table) -> None:
    """Add counts of ids. The large first table is merged rarely: when the others outgrow it."""
    tally.append(more)
    if sum(table.num_rows for table in tally[1:]) > tally[0].num_rows:
        tally[:] = [_total(tally)]


def _total(tally: list[pa.Table]) -> pa.Table:
    grouped = pa.concat_tables(tally).group_by("id").aggregate([("n", "sum")])
    return pa.table({"id": grouped["id"], "n": grouped["n_sum"]})


def _sources(
    pieces: Pieces, users: Counted, items: Counted, columns: tuple[str, ...]
) -> Iterator[PieceSource]:
    """Yield the pieces, after writing the index of each one's ids to files."""
    indices = [pd.Index(counted.ids, dtype=counted.ids.dtype) for counted in (users, items)]
    n_before = 0
    for path, n_rows in zip(pieces.paths, pieces.n_rows, strict=True):
        places = []
        for name, index_of_ids in zip(IDS, indices, strict=True):
            ids = Counted.from_table(parquet_tables.read_table(_ids(path, name))).ids
            places_of_ids = index_of_ids.get_indexer(pd.Index(ids, dtype=ids.dtype))
            places.append(_save(path.with_name(f"{path.name}.{name}.npy"), places_of_ids))
        yield PieceSource(path, (places[0], places[1]), columns, n_before)
        n_before += n_rows


def _save(path: Path, places: Array) -> Path:
    np.save(path, places.astype(np.int32))
    return path


# --- Blocks of users


def _by_user(
    work: Engine,
    folder: Path,
    sources: Iterable[PieceSource],
    users: Counted,
    columns: tuple[str, ...],
) -> tuple[list[Path], list[int]]:
    """Group ratings by user; returns the files of the blocks, and what _write_newest counts."""
    folder.mkdir()
    types = TYPES | dict.fromkeys(columns[len(COLUMNS) :], "i1") | {"row": "i8"}
    paths, superseded = shuffle.shuffled(
        work, _read, list(sources), types, users.counts, _write_newest, folder
    )
    return paths, np.sum(superseded, axis=0).tolist()


def _read(source: PieceSource) -> pd.DataFrame:
    """Read the ratings of a source by user_index and item_index. row: position in the archive."""
    columns = _columns(source.ratings, [*PLACES, *source.columns[1:]])
    for name, path in zip(PLACES, source.places, strict=True):
        columns[name] = np.load(path, mmap_mode="r")[columns[name]]
    row = source.n_before + np.arange(len(columns["rating"]))
    return pd.DataFrame({**columns, "row": row})


def _write_newest(block: pd.DataFrame, path: Path) -> tuple[int, int]:
    """Write the newest rating of each pair, by user and item.

    Returns the number superseded, and how many of them because the pair is in two parts.
    """
    user, item = block.index.to_numpy(np.int32), block["item_index"].to_numpy()
    columns = [block[name].to_numpy() for name in block if name not in ("item_index", "row")]
    kind = RatingsInParts if "part" in block else Ratings
    ratings = kind(user, item, *columns).take(np.lexsort((block["row"], item, user)))
    kept = index.newest(ratings)
    with atomic_file(path, shared=True) as partial_path:
        parquet_tables.write_table(partial_path, vars(kept))
    return len(ratings) - len(kept), index.count_in_two_parts(ratings)


def _counts(
    work: Engine, blocks: list[Path], bounds: list[Bounds], n_items: int
) -> tuple[Array, Array]:
    """The number of ratings of each user and of each item."""
    by_user, by_item = [], np.zeros(n_items, np.int64)
    for users, items in work.map(_counts_of_block, blocks, bounds, repeat(n_items)):
        by_user.append(users)
        by_item += items
    return np.concatenate(by_user), by_item


def _counts_of_block(path: Path, bounds: Bounds, n_items: int) -> tuple[Array, Array]:
    user_index, item_index = parquet_tables.read_columns(path, list(PLACES))
    first, stop = bounds
    return count_index(user_index - first, stop - first), count_index(item_index, n_items)
