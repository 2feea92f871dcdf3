"""Read ratings from a user's own Parquet file, a batch of rows at a time."""

from collections.abc import Iterator
from functools import partial
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from movierec.core.errors import MovierecError
from movierec.datasets import text_values
from movierec.datasets.table_columns import Names, places_of
from movierec.datasets.text_values import LARGE_FLOAT
from movierec.datasets.validation import (
    COLUMNS,
    IDS,
    TYPES,
    Gather,
    Piece,
    RowCounts,
    Scale,
    TextIdsError,
    gather,
    keep_all,
    keep_some,
)

BATCH = 1 << 18  # rows
EXACT = {pa.float32(): 2**24, pa.float16(): 2**11}  # as LARGE_FLOAT, for these


def read(
    file: IO[bytes],
    where: str,
    names: Names,
    scale: Scale,
    gather: Gather = gather,
    text_ids: frozenset[str] = frozenset(),
) -> tuple[Any, RowCounts]:
    """Read all ratings. where: the file, for errors. names: its names for some of COLUMNS.

    Without a column of times, each timestamp is 0.
    """
    try:
        return gather(partial(_read_batch, where, scale, text_ids), _batches(file, where, names))
    except TextIdsError as error:
        return read(file, where, names, scale, gather, text_ids.union(error.args))


def _batches(file: IO[bytes], where: str, names: Names) -> Iterator[tuple[int, pa.Table]]:
    """Yield the number of a batch's first row and the batch."""
    file.seek(0)
    number = 1
    parquet = pq.ParquetFile(file)
    header = parquet.schema_arrow.names
    places = places_of(header, where, names)
    for batch in parquet.iter_batches(BATCH, columns=[header[k] for k in places.values()]):
        columns = [batch[header[place]] for place in places.values()]
        yield number, pa.table(columns, list(places))
        number += batch.num_rows


def _read_batch(
    where: str, scale: Scale, text_ids: frozenset[str], first: int, batch: pa.Table
) -> Piece:
    """Read the rows of a batch; as text if a column is, or if a row has to be rejected."""
    plain = {name: _plain(where, name, batch[name], text_ids) for name in batch.column_names}
    if not any(_is_text(plain[name].type) for name in COLUMNS[2:] if name in plain):
        timestamp = plain.get("timestamp", pa.array(np.zeros(batch.num_rows, np.int64)))
        kept = keep_all(pa.table(plain | {"timestamp": timestamp}), scale)
        of_text = (name for name in IDS if _is_text(plain[name].type))
        if kept and not any(text_values.has_odd_ids(kept[0][name]) for name in of_text):
            return kept
    texts = pa.table({name: plain[name].cast(pa.string()).fill_null("") for name in plain})
    are_text = frozenset(name for name in IDS if _is_text(plain[name].type))
    table, reasons = text_values.rows_from_text(texts, scale, are_text)

    def place(row: int) -> str:
        return f"row {first + row}"

    def show(row: int) -> tuple[str, str]:
        try:
            values = [batch[name][row].as_py() for name in batch.column_names]
        except (ValueError, OverflowError):  # a date that Python cannot hold
            values = [texts[name][row].as_py() for name in batch.column_names]
        return place(row), ",".join("" if value is None else str(value) for value in values)

    return keep_some(table, reasons, show, text_values.explain_time(texts, reasons, place))


def _plain(where: str, name: str, column: pa.ChunkedArray, text_ids: frozenset[str]) -> Any:
    """A column of ratings in its type of TYPES, or as strings.

    Raises TextIdsError for an integer id that does not fit int64, and MovierecError for a type that
    a column cannot have.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_null(kind):
        return column.cast(TYPES[name])
    if name in text_ids or _is_text(kind):
        return column.cast(pa.string())
    if name == "timestamp" and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        zone = kind.tz if pa.types.is_timestamp(kind) else None
        return column.cast(pa.timestamp("s", zone), safe=False).cast(pa.int64())
    is_float = pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not is_float and not pa.types.is_integer(kind):
        what = "integers or text" if name in IDS else "numbers" + " or times" * (name != "rating")
        raise MovierecError(f"{where}: {name} is of type {kind}; make it {what}")
    if name == "rating":
        return column.cast(pa.float32(), safe=False)
    if is_float:
        return _whole(where, name, column)
    try:
        return column.cast(pa.int64(), safe=name in IDS)
    except pa.ArrowInvalid:
        raise TextIdsError(name) from None


def _whole(where: str, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Floats as int64: of times, the fraction is cut off; an id with one is an error."""
    numbers = column.cast(pa.float64(), safe=False)
    numbers = pc.if_else(pc.is_nan(numbers), None, numbers)
    whole = pc.max_element_wise(pc.min_element_wise(pc.floor(numbers), 1e18, skip_nulls=False),
                                -1e18, skip_nulls=False)  # fmt: skip
    if name in IDS:
        largest = EXACT.get(column.type, LARGE_FLOAT)
        odd = pc.or_(pc.not_equal(whole, numbers), pc.greater(pc.abs(whole), float(largest)))
        if pc.any(odd).as_py():
            example = pc.filter(numbers, odd)[0].as_py()
            raise MovierecError(
                f"{where}: {name} is of type {column.type} and contains {example:g}; make it"
                " integers or text"
            )
    return whole.cast(pa.int64())


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()
