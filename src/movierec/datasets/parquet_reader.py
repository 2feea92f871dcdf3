"""Read ratings from a user's own Parquet file, a batch of rows at a time."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from movierec.core.errors import MovierecError
from movierec.datasets.validation import (
    COLUMNS,
    IDS,
    Gather,
    Piece,
    RowCounts,
    Scale,
    TextIdsError,
    encode,
    gather,
    reject_rows,
    rejection_reasons,
)

BATCH = 1 << 18  # rows


def read(
    path: Path,
    names: dict[str, str],
    scale: Scale,
    gather: Gather = gather,
    text_ids: frozenset[str] = frozenset(),
) -> tuple[Any, RowCounts]:
    """Read all ratings; names: the file's name for each of COLUMNS."""
    try:
        return gather(partial(_read_batch, path, scale, text_ids), _batches(path, names))
    except TextIdsError as error:
        return read(path, names, scale, gather, text_ids | {error.args[0]})


def _batches(path: Path, names: dict[str, str]) -> Iterator[tuple[int, pa.Table]]:
    """Yield the number of a batch's first row and the batch."""
    number = 1
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH, columns=list(names.values())):
            columns = [batch[names[name]] for name in COLUMNS]
            yield number, pa.table(columns, list(COLUMNS))
            number += batch.num_rows


def _read_batch(
    path: Path, scale: Scale, text_ids: frozenset[str], first: int, batch: pa.Table
) -> Piece:
    ids = [_ids(path, name, batch[name], name in text_ids) for name in IDS]
    rating = pc.cast(batch["rating"], pa.float32(), safe=False)
    table = pa.table([*ids, rating, _seconds(batch["timestamp"])], list(COLUMNS))
    reasons = rejection_reasons(table, scale)
    if reasons is None:
        return encode(table), RowCounts(table.num_rows)

    def show(row: int) -> tuple[str, str]:
        values = (batch[name][row].as_py() for name in COLUMNS)
        return f"row {first + row}", ",".join(
            "" if value is None else str(value) for value in values
        )

    return reject_rows(table, reasons, show)


def _ids(path: Path, name: str, column: pa.ChunkedArray, is_text: bool) -> pa.ChunkedArray:
    """Ids as int64 or text; raises TextIdsError for an integer that does not fit int64."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if is_text or _is_string(kind):
        return column.cast(pa.string())
    if not pa.types.is_integer(kind):
        raise MovierecError(f"{path}: {name} is of type {kind}; make it integers or text")
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        raise TextIdsError(name) from None


def _is_string(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()


def _seconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_temporal(kind):
        zone = kind.tz if pa.types.is_timestamp(kind) else None
        column = column.cast(pa.timestamp("s", zone), safe=False)
    return column.cast(pa.int64())
