"""Group rows of a table by user or by item through files, a block of users or items at a time.

Each source stores its rows in one file, in order of the blocks that they belong to. Then each block
takes its rows from all files. So no process has more than a block in memory, and workers exchange
every row once, through the folder that they share. Files are Arrow's, mapped and not copied.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from movierec.core.atomic import atomic_file
from movierec.data.rating_arrays import Array
from movierec.engine.blocks import Bounds, cut_by_cost
from movierec.engine.local import Engine
from movierec.kernels.grouping import group_order

Columns = dict[str, Array]
RATING_BYTES = 600  # memory for a rating of a block, with those of blocks in other threads
BY_ITEM = ("item_index", "user_index", "rating")  # columns that are sent to items


def bounds_of(work: Engine, counts: Array) -> tuple[Bounds, ...]:
    """Blocks of users or items with these numbers of ratings, as large as memory allows."""
    size, limit = work.params.block_ratings, work.params.memory_limit
    return tuple(cut_by_cost(counts, size if limit is None else min(size, limit // RATING_BYTES)))


def save(path: Path, parts: Sequence[Mapping[str, Array] | pa.Table]) -> None:
    """Write tables of the same columns to a file; they may be read one by one."""
    tables = [part if isinstance(part, pa.Table) else pa.table(dict(part)) for part in parts]
    schema = tables[0].schema
    with atomic_file(path, shared=True) as part, pa.ipc.new_file(part, schema) as to:
        for table in tables:
            batches = table.combine_chunks().to_batches()
            to.write_batch(batches[0] if batches else pa.RecordBatch.from_pylist([], schema))


def load(path: Path, part: int = 0) -> pa.RecordBatch:
    """Map one of the tables that `save` wrote to a file."""
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(part)


def columns_of(batch: pa.RecordBatch) -> Columns:
    return {name: batch[name].to_numpy() for name in batch.schema.names}


@dataclass(frozen=True)
class Exchange:
    """Rows on their way from sources, numbered from 0, to blocks.

    folder: of the files, one for each source. bounds: of the blocks of users or items.
    """

    folder: Path
    bounds: tuple[Bounds, ...]

    def store(self, source: int, keys: Array, columns: Columns) -> None:
        """Store the rows of a source. keys (n_rows,): the user or item of each."""
        sizes = [stop - first for first, stop in self.bounds]
        block_of = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        indptr, order = group_order(block_of[keys], len(sizes))
        sorted_columns = {name: column[order] for name, column in columns.items()}
        parts = [
            {name: column[begin:end] for name, column in sorted_columns.items()}
            for begin, end in pairwise(indptr)
        ]
        save(self.folder / f"{source}.arrow", parts)

    def take(self, block: int, n_sources: int) -> Columns:
        """The rows of a block, by source, in the order in which they were stored."""
        batches = [load(self.folder / f"{k}.arrow", block) for k in range(n_sources)]
        return {
            name: np.concatenate([batch[name].to_numpy() for batch in batches])
            for name in batches[0].schema.names
        }


def by_item(work: Engine, arriving: Exchange, n_sources: int) -> Iterator[pa.Table]:
    """Yield the ratings of blocks of items, ordered by item and user; sources are so by user."""
    blocks = range(len(arriving.bounds))
    paths = [arriving.folder / f"sorted-{block}.arrow" for block in blocks]
    for path in work.map_in_threads(partial(_sort, arriving, n_sources), blocks, paths):
        yield pa.Table.from_batches([load(path)])


def _sort(arriving: Exchange, n_sources: int, block: int, path: Path) -> Path:
    """Write the ratings of a block of items, grouped by item."""
    columns, (first, stop) = arriving.take(block, n_sources), arriving.bounds[block]
    order = group_order(columns.pop("item_index") - np.int32(first), stop - first)[1]
    save(path, [{name: column[order] for name, column in columns.items()}])
    return path
