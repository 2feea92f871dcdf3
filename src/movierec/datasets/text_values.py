"""What texts in a table mean: ids, ratings and times, or the reason to reject them."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movierec.data.rating_arrays import Array
from movierec.datasets.validation import (
    COLUMNS,
    IDS,
    IGNORE_TIMES,
    TIMES,
    Scale,
    TextIdsError,
    shown,
)

INTEGER = re.compile(r"(-?)0*([0-9]{1,19})")
INTEGER_AS_FLOAT = re.compile(r"(-?[0-9]{1,16})\.0*")
OTHER_FLOAT = re.compile(r"-?[0-9]+\.0*|-?[0-9]+(\.[0-9]*e[+-]?|e\+)[0-9]+", re.IGNORECASE)
# A missing value as pandas, R, Julia, MySQL and Excel write it.
NO_ID = {"", "nan", "NaN", "-nan", "null", "NULL", "None", "NA", "<NA>", "N/A", "n/a", "missing"}
NO_ID |= {"\\N", "#N/A", "#NA", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#DIV/0!", "#NULL!"}
# Texts that are not ids as they stand: what `id_from_text` looks at more closely.
ODD_ID = (
    r"^[\s\pZ\x0b\x1c-\x1f\x85]|[\s\pZ\x0b\x1c-\x1f\x85]$|^-?\d+\.0*$|"
    r"^-?\d+(\.\d*[eE][+-]?|[eE]\+)\d+$|\x{FFFD}|"
    rf"^({'|'.join(map(re.escape, sorted(NO_ID)))})$"
)
NUMBER = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?inf(inity)?", re.IGNORECASE
)
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,([0-9]{1,2}|[0-9]{4,})")  # 1,000 may be a thousand
SECONDS = re.compile(r"(-?[0-9]{1,30})(\.[0-9]*)?")
EPOCH, SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)
LARGE_FLOAT = 2**53  # beyond it, a float may stand for another integer
UNITS = {"milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


def id_from_text(text: str) -> int | str | None:
    """The id that a text stands for: an int if it fits 64 bits, else the text; None if missing.

    Raises ValueError, whose message is the reason to reject it.

    Examples
    --------
    >>> id_from_text(" 007"), id_from_text("7.0"), id_from_text("tt7")
    (7, 7, 'tt7')
    """
    text = text.strip()
    if text in NO_ID:
        return None
    if (match := INTEGER.fullmatch(text)) and -(2**63) <= (n := int(match[1] + match[2])) < 2**63:
        return n
    if (match := INTEGER_AS_FLOAT.fullmatch(text)) and abs(n := int(match[1])) <= LARGE_FLOAT:
        return n
    if OTHER_FLOAT.fullmatch(text):
        raise ValueError("float_id")
    if "\ufffd" in text:
        raise ValueError("not_text")
    return text


def text_id_from_text(text: str) -> str | None:
    """Like id_from_text, in a column of text: integers stay as they are written."""
    number, text = id_from_text(text), text.strip()
    if isinstance(number, int) and not INTEGER.fullmatch(text):
        raise ValueError("float_id")
    return None if number is None else text


def rating_from_text(text: str) -> float:
    """A rating, also with a decimal comma; NaN if it is not a number.

    Examples
    --------
    >>> rating_from_text("3.5"), rating_from_text(" 3,5"), rating_from_text("good")
    (3.5, 3.5, nan)
    """
    text = text.strip(" \t")
    if DECIMAL_COMMA.fullmatch(text):
        return float(text.replace(",", "."))
    return float(text) if NUMBER.fullmatch(text) else math.nan


def seconds_from_text(text: str) -> int | None:
    """The seconds since 1970 of a number of them or of an ISO date or time; None for others.

    Fractions are cut off. Without a time zone, it is UTC; without a time, midnight.

    Examples
    --------
    >>> seconds_from_text("2020-01-02"), seconds_from_text("2020-01-02T01:00:00+01:00")
    (1577923200, 1577923200)
    >>> seconds_from_text("1577923200"), seconds_from_text("yesterday")
    (1577923200, None)
    """
    text = text.strip()
    if match := SECONDS.fullmatch(text):
        return max(-(2**62), min(int(match[1]), 2**62))
    try:
        time = datetime.fromisoformat(re.sub(r" ?UTC$", "+00:00", text))
        return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - EPOCH) // SECOND
    except (ValueError, OverflowError):
        return None


def has_odd_ids(column: pa.ChunkedArray) -> bool:
    """Whether text_id_from_text would change or reject an id of a dictionary-encoded column."""
    dictionaries = (chunk.dictionary for chunk in column.chunks)
    return any(pc.any(pc.match_substring_regex(ids, ODD_ID)).as_py() for ids in dictionaries)


def rows_from_text(
    texts: pa.Table,
    scale: Scale,
    text_ids: frozenset[str] = frozenset(),
    integers_only: bool = False,
    is_wrong: Array | None = None,
) -> tuple[pa.Table, Array]:
    """The rows that texts stand for, and the reason to reject each, "" for rows that are kept.

    texts: columns of strings, with or without a timestamp. text_ids: the id columns to keep as
    text. integers_only: reject ids that are text. is_wrong: rows without the right fields.
    Raises TextIdsError if the id of a good row is text, in a column that should be integers.
    """
    reasons = np.full(texts.num_rows, "", "U12")

    def reject(rows: Array, reason: str | Array) -> None:
        np.copyto(reasons, reason, where=rows & (reasons == ""))

    if is_wrong is not None:
        reject(is_wrong, "wrong_fields")
    for name in texts.column_names:
        blank = pc.equal(pc.utf8_trim_whitespace(texts[name]), "")
        reject(np.asarray(blank), "missing")
    rating, times = _ratings(texts["rating"]), np.zeros(texts.num_rows, np.int64)
    reject(np.isnan(rating), "not_a_number")
    if "timestamp" in texts.column_names:
        times = _seconds(texts["timestamp"])
        reject((times < TIMES[0]) | (times >= TIMES[1]), "not_a_time")
    low, high = (np.float32(end) for end in scale)
    reject(~((rating >= low) & (rating <= high)), "off_scale")
    ids = {name: _ids(texts[name], name in text_ids, integers_only) for name in IDS}
    for _, why in ids.values():
        reject((why != "") & (why != "text"), why)
    good = reasons == ""
    if found := [name for name, (_, why) in ids.items() if np.any((why == "text") & good)]:
        raise TextIdsError(*found)
    columns = [pa.array(values) for values, _ in ids.values()]
    table = pa.table([*columns, pa.array(rating), pa.array(times)], list(COLUMNS))
    return table, reasons


def explain_time(texts: pa.Table, reasons: Array, place: Callable[[int], str]) -> str:
    """What may be wrong with the first time that is rejected, "" if none is."""
    bad = np.flatnonzero(reasons == "not_a_time")
    return describe_time(texts["timestamp"][bad[0]].as_py(), place(bad[0])) if len(bad) else ""


def describe_time(text: str, place: str) -> str:
    """What may be wrong with a time, such as "timestamp 1600001001000 in line 2: milliseconds?"."""
    unit = unit_of(int(match[1])) if (match := SECONDS.fullmatch(text.strip())) else None
    guess = (
        f"{unit}?"
        if unit
        else "should be seconds or an ISO date such as 2020-01-31, of 1970 to 2099"
    )
    return f"timestamp {shown(text)} in {place}: {guess}; {IGNORE_TIMES}"


def unit_of(time: int) -> str | None:
    """The unit in which a number would be a time of 1973 to 2099, if that is not seconds."""
    return next((unit for unit, per in UNITS.items() if 10**8 <= time // per < TIMES[1]), None)


def _ids(column: pa.ChunkedArray, is_text: bool, integers_only: bool) -> tuple[Array, Array]:
    """Ids as int64, or as text, and the reason to reject each; "text" if it is not an integer."""
    texts, places = _distinct(column)
    nothing = "" if is_text else 0
    values, why = np.full(len(texts), nothing, object), np.full(len(texts), "", "U12")
    for k, text in enumerate(texts):
        try:
            value = text_id_from_text(text) if is_text else id_from_text(text)
        except ValueError as error:
            why[k] = str(error)
            continue
        if value is None:
            why[k] = "missing"
        elif isinstance(value, str) and not is_text:
            why[k] = "not_a_number" if integers_only else "text"
        else:
            values[k] = value
    return (values if is_text else values.astype(np.int64))[places], why[places]


def _ratings(column: pa.ChunkedArray) -> Array:
    texts, places = _distinct(column)
    values = np.array([rating_from_text(text) for text in texts], np.float64)
    return np.clip(values, -1e30, 1e30).astype(np.float32)[places]


def _seconds(column: pa.ChunkedArray) -> Array:
    """Times, -1 for those that are none."""
    if pc.all(pc.match_substring_regex(column, "^[0-9]{1,18}$")).as_py():
        return np.asarray(column.cast(pa.int64()))
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return np.asarray(column.cast(kind).cast(pa.int64())) // 10**6
        except pa.ArrowInvalid:  # not all are such times
            continue
    texts, places = _distinct(column)
    values = (seconds_from_text(text) for text in texts)
    return np.array([-1 if value is None else value for value in values], np.int64)[places]


def _distinct(column: pa.ChunkedArray) -> tuple[list[str], Array]:
    """The distinct texts of a column, and each row's position there."""
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
