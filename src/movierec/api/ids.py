"""Ids of users and items: read, looked up and joined without a change of an id.

Ids are an int64 array, or an object array of text. An integer and its text are different ids, so a
column contains either integers or text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movierec.api import arrow_columns
from movierec.core.errors import UnknownIdError
from movierec.core.yaml_file import shorten
from movierec.data.rating_arrays import Array

EXACT = 2.0**53  # below it, a float that is a whole number is exactly that integer


def read(column: pa.Array, name: str) -> pa.Array:
    """Ids as int64 or text; ValueError, which names the column, for anything else."""
    arrow_columns.refuse_missing(column, name)
    kind = column.type
    if pa.types.is_floating(kind):
        values = pc.cast(column, pa.float64()).to_numpy()
        is_whole = (values == np.floor(values)) & (np.abs(values) < EXACT)
        problem = "is not a whole number below 2**53; make ids integers or text"
        arrow_columns.refuse(~is_whole, column, name, problem)
        return pa.array(values.astype(np.int64))
    if kind in arrow_columns.TEXT:
        return column.cast(pa.large_string())
    if not (pa.types.is_integer(kind) or not len(column)):
        raise ValueError(f"{name}: {kind} cannot be ids; make them integers or text")
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        raise ValueError(f"{name}: an id is larger than 64-bit integers; make ids text") from None


def encode(column: pa.Array, name: str) -> tuple[Array, Array]:
    """The distinct ids, and each row's position among them (n_rows,) int32."""
    encoded = read(column, name).dictionary_encode()
    return _as_numpy(encoded.dictionary), _as_numpy(encoded.indices).astype(np.int32)


def places(wanted: Any, known: Array, name: str) -> Array:
    """The position of each id among the known ones, −1 if it is not there: (n,) int64.

    wanted: one id, or a list, array or column of them. Raises UnknownIdError if these are text and
    the known ones integers, or the other way round.
    """
    return _find(_read_any(wanted, name), known, name)


def known_places(wanted: Any, known: Array, name: str) -> Array:
    """The position of each id; UnknownIdError names the first that is not known."""
    column = _read_any(wanted, name)
    found = _find(column, known, name)
    unknown = np.flatnonzero(found < 0)
    if len(unknown):
        first = column[int(unknown[0])].as_py()
        more = f", and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        raise UnknownIdError(
            f"{name} {shorten(first)} was not in the ratings that the model was fitted on{more}"
        )
    return found


def join(own: Array, onto: Array, name: str) -> tuple[Array, Array]:
    """The ids `onto`, then the others of `own`; and the place of each of `own` there (int32)."""
    if own.dtype != onto.dtype and len(own) and len(onto):
        kinds = " and ".join("text" if ids.dtype == object else "integers" for ids in (own, onto))
        raise ValueError(f"{name}: {kinds} in two tables of ratings; make them the same")
    found = _find(_as_arrow(own), onto, name)
    is_new = found < 0
    found[is_new] = len(onto) + np.arange(is_new.sum())
    joined = np.concatenate((onto, own[is_new])) if is_new.any() else onto
    return joined, found.astype(np.int32)


def _read_any(wanted: Any, name: str) -> pa.Array:
    is_scalar = isinstance(wanted, np.ndarray) and wanted.ndim == 0
    if is_scalar or isinstance(wanted, str | bytes) or not hasattr(wanted, "__iter__"):
        wanted = [wanted.item() if is_scalar else wanted]
    return read(arrow_columns.read(wanted, name), name)


def _find(column: pa.Array, known: Array, name: str) -> Array:
    values = _as_arrow(known)
    if len(column) and column.type != values.type:
        kinds = "integers" if known.dtype == np.int64 else "text"
        first = column[0].as_py()
        raise UnknownIdError(
            f"{name} {shorten(first)} was not in the ratings that the model was fitted on: there,"
            f" ids are {kinds}"
        )
    found = pc.index_in(column, value_set=values) if len(column) else pa.array([], pa.int32())
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64)


def _as_arrow(ids: Array) -> pa.Array:
    return pa.array(ids, pa.int64() if ids.dtype == np.int64 else pa.large_string())


def _as_numpy(column: pa.Array) -> Array:
    return np.asarray(column.to_numpy(zero_copy_only=False))
