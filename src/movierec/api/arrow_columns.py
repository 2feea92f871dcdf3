"""Columns of any kind as Arrow arrays, without a change of a value; or a refusal in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

TEXT = (pa.string(), pa.large_string())


def read(values: Any, name: str) -> pa.Array:
    """A list, array or column as an Arrow array; missing values are null.

    name: of the column, for errors. Raises TypeError for anything else, such as a set, and
    ValueError for values of different types, for a masked value, and for text that is not Unicode.
    """
    try:
        if hasattr(values, "__arrow_c_stream__"):
            values = pa.chunked_array(values)
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if isinstance(values, pa.Array):
            return _plain(values)
        if isinstance(values, np.ndarray):
            if np.ma.is_masked(values):
                row = int(np.flatnonzero(np.ma.getmaskarray(values))[0])
                raise ValueError(f"the value in row {row} is masked; leave such rows out")
            values = np.asarray(values)
            if not values.dtype.isnative:
                values = values.astype(values.dtype.newbyteorder("="))
        elif isinstance(values, str | bytes) or not (
            isinstance(values, Sequence) or hasattr(values, "__array__")
        ):
            raise TypeError(f"{name}: give a list, array or column, not {type(values).__name__}")
        return _plain(pa.array(values, from_pandas=True))
    except OverflowError:
        raise ValueError(f"{name}: a number is larger than 64-bit integers") from None
    except (pa.ArrowTypeError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        line = " ".join(str(error).split())
        raise ValueError(f"{name}: values of different or unsupported types ({line})") from None
    except ValueError as error:  # also UnicodeError
        raise ValueError(f"{name}: {error}") from None


def _plain(column: pa.Array) -> pa.Array:
    """Categories as their values; texts of Polars in a form that all functions of Arrow take."""
    if pa.types.is_dictionary(column.type):
        return _plain(column.dictionary).take(column.indices)
    return column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column


def refuse_missing(column: pa.Array, name: str) -> None:
    if column.null_count:
        refuse(column.is_null(), column, name, "is missing")


def refuse(is_bad: Any, column: pa.Array, name: str, problem: str) -> None:
    """Raise ValueError, which names the first bad row, if there is one."""
    rows = np.flatnonzero(np.asarray(is_bad))
    if len(rows):
        value = column[int(rows[0])].as_py()
        more = f" ({len(rows):,} such rows)" if len(rows) > 1 else ""
        raise ValueError(f"{name}: {value!r} in row {rows[0]} {problem}{more}")
