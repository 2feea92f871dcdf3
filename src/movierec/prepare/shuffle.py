"""Group ratings by user or by item with Dask's shuffle.

No process has more than a few blocks in memory. Without Dask, all ratings are one block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from movierec.core.atomic import atomic_file
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr
from movierec.engine.blocks import Bounds, cut_by_cost
from movierec.engine.local import Engine
from movierec.prepare import parquet_writer

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[str, Array]


def bounds_of(work: Engine, counts: Array) -> list[Bounds]:
    """Blocks of users or items with these numbers of ratings; a single one without Dask."""
    return [(0, len(counts))] if work.is_here else cut_by_cost(counts, work.params.block_ratings)


def columns_by_item(by_user: Csr, n_items: int) -> Columns:
    """The columns of a file of ratings by item."""
    by_item = by_user.transpose(n_items)
    return {"user_index": by_item.indices, "rating": by_item.values}


def append_by_item(
    work: Engine, ratings: Path, users: Path, to: Path, user_counts: Array, item_counts: Array
) -> None:
    """Append the ratings of a file by user to a table by item, a block of items at a time.

    ratings, users: the files by user. to: the table by item.
    """
    bounds = bounds_of(work, user_counts)
    read = partial(_read_users, ratings.absolute(), users.absolute())
    types = {"item_index": "i4", "user_index": "i4", "rating": "f4"}
    with work.scratch("by_item") as folder, parquet_writer.tables() as append:
        paths, _ = shuffled(work, read, bounds, types, item_counts, _write_items, folder)
        for path in paths:
            names = ["user_index", "rating"]
            append(to, dict(zip(names, parquet_tables.read_columns(path, names), strict=True)))


def _read_users(ratings: Path, users: Path, bounds: Bounds) -> pd.DataFrame:
    import pandas as pd

    block = parquet_tables.read_block(ratings, users, *bounds)
    user_index = bounds[0] + block.row_index
    columns = {"item_index": block.indices, "user_index": user_index, "rating": block.values}
    return pd.DataFrame(columns)


def _write_items(block: pd.DataFrame, path: Path) -> None:
    """Write a block of items, whose index is the item of each rating."""
    block = block.iloc[np.lexsort((block["user_index"], block.index))]
    with atomic_file(path, shared=True) as partial_path:
        parquet_tables.write_table(partial_path, columns_of(block))


def shuffled(
    work: Engine,
    read: Callable[[Any], pd.DataFrame],
    sources: Sequence[Any],
    types: Mapping[str, str],
    counts: Array,
    write: Callable[[pd.DataFrame, Path], Any],
    folder: Path,
) -> tuple[list[Path], list[Any]]:
    """Group the tables that `read` returns for each source by row, with Dask's shuffle.

    types: the dtypes of a table's columns; the first column is the row and becomes the index.
    counts (n_rows,): how often each row occurs. write: called with each block of rows and its file
    in `folder`. Returns the files in order, and the results of `write`.
    """
    import pandas as pd
    from dask import dataframe, delayed

    key, *_ = types
    bounds = bounds_of(work, counts)
    divisions = [first for first, _ in bounds] + [len(counts)]
    meta = pd.DataFrame({name: np.empty(0, kind) for name, kind in types.items()})
    frame = dataframe.from_map(read, sources, meta=meta)
    blocks = frame.set_index(key, divisions=divisions, shuffle_method="p2p").to_delayed()
    paths = [folder / f"{number}.parquet" for number in range(len(bounds))]
    written = [delayed(write)(block, path) for block, path in zip(blocks, paths, strict=True)]
    return paths, work.compute(written)


def columns_of(frame: pd.DataFrame) -> Columns:
    return {str(name): frame[name].to_numpy() for name in frame}
