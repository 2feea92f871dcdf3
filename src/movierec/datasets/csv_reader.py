"""Read ratings from text: by pyarrow in pieces, and line by line where pyarrow fails on a piece."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from movierec.datasets.validation import (
    COLUMNS,
    EMPTY,
    IDS,
    TYPES,
    Gather,
    Piece,
    RowCounts,
    Scale,
    TextIdsError,
    encode,
    gather,
    join,
    reject_rows,
    rejection_reasons,
)

PIECE = 1 << 23  # bytes parsed at a time
MAX_LINE = 1 << 24  # bytes of a line; each part of a longer one counts as a row
SMALL = 1 << 16  # bytes: a bad piece larger than this is halved before it is read line by line
INTEGER = re.compile(r"[ \t]*(-?)0*([0-9]{1,19})[ \t]*")
NUMBER = re.compile(
    r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?[ \t]*|[+-]?inf(inity)?", re.IGNORECASE
)
HEX = re.compile(rb"0x", re.IGNORECASE)  # pyarrow would read such a number as an integer


@dataclass(frozen=True)
class Form:
    """The format of a text file of ratings.

    fields: the names of a line's fields, in order; four of them are COLUMNS. text_ids: the id
    columns that are text. integers_only: reject an id that is not a 64-bit integer; without it, the
    id's whole column is read as text.
    """

    fields: tuple[str, ...]
    separator: str
    scale: Scale
    has_header: bool = True
    encoding: str = "utf-8"
    integers_only: bool = False
    text_ids: frozenset[str] = frozenset()


def header_of(stream: IO[bytes], separator: str) -> list[str]:
    """The names in the first line."""
    line = stream.readline().decode("utf-8-sig").rstrip("\r\n")
    return next(csv.reader([line], delimiter=separator), [])


def read(stream: IO[bytes], form: Form, gather: Gather = gather) -> tuple[Any, RowCounts]:
    """Read all ratings of a file, or of a member of a zip archive."""
    try:
        return gather(partial(_read_piece, form), _pieces(stream, form))
    except TextIdsError as error:
        return read(stream, replace(form, text_ids=form.text_ids | {error.args[0]}), gather)


def is_integer(text: str) -> bool:
    """Whether a text is an integer that fits 64 bits."""
    match = INTEGER.fullmatch(text)
    return match is not None and -(2**63) <= int(match[1] + match[2]) < 2**63


def _pieces(stream: IO[bytes], form: Form) -> Iterator[tuple[int, bytes]]:
    """Yield the number of a piece's first line and the piece, which consists of complete lines."""
    stream.seek(0)
    number = 1
    if form.has_header:
        stream.readline()
        number = 2
    while piece := stream.read(PIECE) + stream.readline(MAX_LINE):
        lines = piece.removeprefix(b"\xef\xbb\xbf") if number == 1 else piece
        yield number, lines if form.encoding == "utf-8" else lines.decode(form.encoding).encode()
        number += piece.count(b"\n")


def _read_piece(form: Form, first: int, piece: bytes) -> Piece:
    """Read the rows of a piece. first: the number of its first line."""
    table = None if _may_be_hex(form, piece) else _parse(form, piece)
    if table is not None:
        reasons = rejection_reasons(table, form.scale)
        if reasons is None:
            return encode(table), RowCounts(table.num_rows)
        lines = piece.split(b"\n")
        return reject_rows(table, reasons, lambda k: (f"line {first + k}", _text(lines[k])))
    middle = piece.find(b"\n", len(piece) // 2) + 1
    if len(piece) > SMALL and 0 < middle < len(piece):
        later = first + piece.count(b"\n", 0, middle)
        parts = (first, piece[:middle]), (later, piece[middle:])
        return join([_read_piece(form, *part) for part in parts])
    return _read_lines(form, first, piece)


def _may_be_hex(form: Form, piece: bytes) -> bool:
    if form.text_ids == frozenset(IDS) or not (b"x" in piece or b"X" in piece):
        return False
    return HEX.search(piece) is not None


def _parse(form: Form, piece: bytes) -> pa.Table | None:
    """The four columns, one row per line; None if pyarrow cannot read one of the lines."""
    types = TYPES | {name: pa.string() for name in form.text_ids}
    separator = form.separator
    if len(separator) > 1:
        piece, separator = piece.replace(separator.encode(), b"\t"), "\t"
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(piece),
            pa.csv.ReadOptions(
                block_size=len(piece) + 1, column_names=form.fields, use_threads=False
            ),
            pa.csv.ParseOptions(delimiter=separator, quote_char='"' if separator == "," else False),
            pa.csv.ConvertOptions(
                column_types=types,
                include_columns=COLUMNS,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    n_lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
    return table if table.num_rows == n_lines else None


def _read_lines(form: Form, first: int, piece: bytes) -> Piece:
    """Like _read_piece, but line by line; blank lines are ignored."""
    numbered = [(first + k, line) for k, line in enumerate(piece.split(b"\n"))]
    lines = [(number, line) for number, line in numbered if line.strip(b"\r")]
    reasons = [_reason_against(form, _text(line)) for _, line in lines]
    good = [line for (_, line), reason in zip(lines, reasons, strict=True) if not reason]
    table = _parse(form, b"\n".join(good)) if good else EMPTY
    if table is None:
        raise pa.ArrowInvalid(f"quotes that do not match in lines {first} to {numbered[-1][0]}")

    def show(k: int) -> tuple[str, str]:
        return f"line {lines[k][0]}", _text(lines[k][1])

    return encode(table), RowCounts.from_reasons(reasons, show)


def _reason_against(form: Form, line: str) -> str:
    """One of REASONS, or "" for a row that pyarrow can read."""
    fields = _fields(form, line)
    if len(fields) != len(form.fields):
        return "wrong_fields"
    row = dict(zip(form.fields, fields, strict=True))
    if any(row[name] == "" for name in COLUMNS):
        return "missing"
    if not NUMBER.fullmatch(row["rating"]) or not is_integer(row["timestamp"]):
        return "not_a_number"
    low, high = (np.float32(end) for end in form.scale)
    if not low <= np.float32(np.clip(float(row["rating"]), -1e30, 1e30)) <= high:
        return "off_scale"
    return next(filter(None, (_reason_against_id(form, name, row[name]) for name in IDS)), "")


def _reason_against_id(form: Form, name: str, text: str) -> str:
    if name in form.text_ids:
        return "not_text" if "\ufffd" in text else ""
    if not is_integer(text) and not form.integers_only:
        raise TextIdsError(name)
    return "" if is_integer(text) else "not_a_number"


def _fields(form: Form, line: str) -> list[str]:
    if form.separator != "," or '"' not in line:
        return line.split(form.separator)
    try:
        return next(csv.reader([line])) if line.count('"') % 2 == 0 else []
    except csv.Error:
        return []


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")
