"""Read an archive piece by piece, and store the rows that are kept: one file for each piece.

A piece's users and movies are numbered within the piece. Only the ids and their numbers of ratings
are put together in this process.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from movierec.data.rating_arrays import Array, count_index
from movierec.datasets.validation import IDS, Reader, RowCounts
from movierec.engine.local import Engine
from movierec.prepare import exchange, index
from movierec.prepare.exchange import Columns

PLACES = ("user_index", "item_index")
COLUMNS = ("rating", "timestamp")  # and, for data in parts, their part


@dataclass(frozen=True)
class Counted:
    """Ids and their numbers of ratings."""

    ids: Array
    counts: Array

    @classmethod
    def from_table(cls, table: pa.Table) -> "Counted":
        return cls(*(table[name].to_numpy() for name in ("id", "n")))

    def ordered(self) -> tuple["Counted", Array]:
        """The ids in order of the index, and the index of each id (int32)."""
        order = index.by_falling_count(self.counts, self.ids)
        return Counted(self.ids[order], self.counts[order]), index.inverse(order)


@dataclass(frozen=True)
class Pieces:
    """The rows of an archive that were kept, in a file for each piece, and all ids.

    folder: of the files, with a new name for each archive.
    """

    folder: Path
    paths: list[Path]
    users: Counted
    movies: Counted

    def write_ids(self, *ids: Array) -> Path:
        """Write the ids of users and of movies, in order of their index; returns their path."""
        path = self.folder / "ids"
        for name, of_side in zip(IDS, ids, strict=True):
            exchange.save(_ids(path, name), [{"id": of_side}])
        return path


def gather(
    work: Engine, scratch: Path, read: Reader, pieces: Iterable[tuple[Any, ...]]
) -> tuple[Pieces | None, RowCounts]:
    """Have workers read the pieces of an archive and store their rows; None if there are none."""
    folder = Path(tempfile.mkdtemp(dir=scratch))  # a new one each time reading starts again
    paths, rows = [], RowCounts()
    tallies: dict[str, list[pa.Table]] = {name: [] for name in IDS}
    names = (folder / f"{number}.arrow" for number in count())
    for path, more in work.map_in_threads(partial(_store, read), names, pieces):
        rows += more
        if more.n_kept:
            paths.append(path)
            for name, tally in tallies.items():
                _add(tally, pa.Table.from_batches([exchange.load(_ids(path, name))]))
    if not paths:
        return None, rows
    users, movies = (Counted.from_table(_total(tally)) for tally in tallies.values())
    return Pieces(folder, paths, users, movies), rows


def _store(read: Reader, path: Path, piece: tuple[Any, ...]) -> tuple[Path, RowCounts]:
    """Read a piece, and write its rows to one file and its ids to two more."""
    table, rows = read(*piece)
    table = table.unify_dictionaries()
    columns = {}
    for name, place in zip(IDS, PLACES, strict=True):
        column = table[name].combine_chunks()
        columns[place] = column.indices.to_numpy()
        counts = count_index(columns[place], len(column.dictionary))
        exchange.save(_ids(path, name), [{"id": column.dictionary, "n": counts}])
    names = table.column_names[len(IDS) :]
    exchange.save(path, [columns | {name: table[name].to_numpy() for name in names}])
    return path, rows


def _ids(path: Path, name: str) -> Path:
    return path.with_suffix(f".{name}")


def _add(tally: list[pa.Table], more: pa.Table) -> None:
    """Add counts of ids. The large first table is merged rarely: when the others outgrow it."""
    tally.append(more)
    if sum(table.num_rows for table in tally[1:]) > tally[0].num_rows:
        tally[:] = [_total(tally)]


def _total(tally: list[pa.Table]) -> pa.Table:
    grouped = pa.concat_tables(tally).group_by("id").aggregate([("n", "sum")])
    return pa.table({"id": grouped["id"], "n": grouped["n_sum"]})


def read(path: Path, ids: Path) -> Columns:
    """The rows of a piece by user_index and item_index. ids: from Pieces.write_ids."""
    columns = exchange.columns_of(exchange.load(path))
    for name, place, known in zip(IDS, PLACES, _index_of_ids(ids), strict=True):
        own = exchange.load(_ids(path, name))["id"].to_numpy(zero_copy_only=False)
        columns[place] = known.get_indexer(own).astype(np.int32)[columns[place]]
    return columns


@lru_cache(1)  # of a worker's tasks, which are all of one archive at a time
def _index_of_ids(path: Path) -> tuple[pd.Index, ...]:
    ids = (exchange.load(_ids(path, name))["id"].to_numpy(zero_copy_only=False) for name in IDS)
    return tuple(pd.Index(of_side, dtype=of_side.dtype) for of_side in ids)
