"""Append rows to several Parquet files that are written concurrently."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from movierec.core import log
from movierec.data import parquet_tables


class _Table:
    """A file being written; rows wait until they fill a row group."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.writer = parquet_tables.writer_of(path, schema)
        self.waiting = schema.empty_table()
        self.n_groups = 0

    def append(self, rows: pa.Table) -> None:
        self.waiting = pa.concat_tables([self.waiting, rows]) if self.waiting else rows
        while self.waiting.num_rows >= parquet_tables.ROW_GROUP:
            self._write_group()

    def close(self) -> None:
        if self.waiting or not self.n_groups:
            self._write_group()
        self.writer.close()

    def _write_group(self) -> None:
        group = self.waiting.slice(0, parquet_tables.ROW_GROUP).combine_chunks()
        self.writer.write_table(group, row_group_size=parquet_tables.ROW_GROUP)
        self.waiting = self.waiting.slice(parquet_tables.ROW_GROUP)
        self.n_groups += 1


@contextmanager
def tables() -> Iterator[Callable[[Path, Mapping[str, Any] | pa.Table], None]]:
    """Yield a function that appends columns to the file at a path; files are closed at the end.

    The files have the same bytes as if parquet_tables.write_table had written all rows together. A
    call returns as soon as the rows of the previous call for the same file are written.
    """
    files: dict[Path, _Table] = {}
    writing: dict[Path, Future[None]] = {}
    with ThreadPoolExecutor(2) as pool:

        def append(path: Path, columns: Mapping[str, Any] | pa.Table) -> None:
            rows = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
            if path in files:
                writing[path].result()
            else:
                files[path] = _Table(path, rows.schema)
            writing[path] = pool.submit(files[path].append, rows)

        yield append
        for path, file in files.items():
            writing[path].result()
            writing[path] = pool.submit(_close, file, path)
        for future in writing.values():
            future.result()


def _close(file: _Table, path: Path) -> None:
    with log.timed("wrote", Path(path.name), path):
        file.close()
