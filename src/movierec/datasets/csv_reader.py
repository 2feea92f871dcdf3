"""Read ratings from text: by pyarrow in pieces, and line by line where pyarrow fails on a piece."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, starmap
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from movierec.datasets import text_values
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
    join,
    keep_all,
    keep_some,
)

PIECE = 1 << 23  # bytes parsed at a time
MAX_LINE = 1 << 24  # bytes of a line; each part of a longer one counts as a row
SMALL = 1 << 16  # bytes: a bad piece larger than this is halved before it is read line by line
HEX = re.compile(rb"0x", re.IGNORECASE)  # pyarrow would read such a number as an integer


@dataclass(frozen=True)
class Form:
    """The format of a text file of ratings.

    fields: the names of a line's fields, in order; some of them are COLUMNS, all but perhaps
    timestamp. n_header: lines before the first row. is_quoted: whether fields may be in quotes.
    text_ids: the id columns that are text. integers_only: reject an id that is not a 64-bit
    integer; without it, the id's whole column is read as text. part: of the data set, a position in
    PARTS, which each row then has as a column; file: its name, for errors; only for data in parts.
    """

    fields: tuple[str, ...]
    separator: str
    scale: Scale
    n_header: int = 1
    encoding: str = "utf-8"
    is_quoted: bool = True
    integers_only: bool = False
    text_ids: frozenset[str] = frozenset()
    part: int | None = None
    file: str = ""

    @property
    def columns(self) -> list[str]:
        """Those of COLUMNS that the file has."""
        return [name for name in COLUMNS if name in self.fields]


def read(stream: IO[bytes], form: Form, gather: Gather = gather) -> tuple[Any, RowCounts]:
    """Read all ratings of a file, or of a member of a zip archive.

    Without a column of times, each timestamp is 0.
    """
    return read_all([(stream, form)], gather)


def read_all(
    files: Sequence[tuple[IO[bytes], Form]], gather: Gather = gather
) -> tuple[Any, RowCounts]:
    """Read all ratings of several files; if an id is text in one, its column is text in all."""
    try:
        return gather(_read_piece, chain.from_iterable(starmap(_pieces, files)))
    except TextIdsError as error:
        widened = [
            (stream, replace(form, text_ids=form.text_ids.union(error.args)))
            for stream, form in files
        ]
        return read_all(widened, gather)


def split_line(
    line: str, separator: str, is_quoted: bool = True, is_strict: bool = False
) -> list[str]:
    """The fields of a line; none if a quote is not closed. Spaces before a quote are dropped.

    is_strict: none either if a quote is followed by more text, as in "a\\"b".
    """
    if not is_quoted or '"' not in line:
        return line.split(separator)
    # A quote that is not closed takes in the next line.
    rows = csv.reader([line, "next"], delimiter=separator, skipinitialspace=True, strict=is_strict)
    try:
        fields, is_closed = next(rows), next(rows, []) == ["next"]
    except csv.Error:  # a field is too long, or of bad quotes
        return []
    return fields if is_closed else []


def _pieces(stream: IO[bytes], form: Form) -> Iterator[tuple[Form, int, bytes]]:
    """Yield the form, the number of a piece's first line and the piece, of complete lines."""
    stream.seek(0)
    for _ in range(form.n_header):
        stream.readline()
    number = 1 + form.n_header
    while piece := stream.read(PIECE) + stream.readline(MAX_LINE):
        lines = piece.removeprefix(b"\xef\xbb\xbf") if number == 1 else piece
        if form.encoding != "utf-8":
            lines = lines.decode(form.encoding).encode()
        yield form, number, lines
        number += piece.count(b"\n")


def _read_piece(form: Form, first: int, piece: bytes) -> Piece:
    """Read the rows of a piece, with their part. first: the number of its first line."""
    table, rows = _read_rows(form, first, piece)
    if form.part is None:
        return table, rows
    return table.append_column("part", pa.array(np.full(len(table), form.part, np.int8))), rows


def _read_rows(form: Form, first: int, piece: bytes) -> Piece:
    table = None if _may_be_hex(form, piece) else _parse(form, piece, is_typed=True)
    kept = None if table is None else keep_all(table, form.scale)
    if kept and not any(text_values.has_odd_ids(kept[0][name]) for name in form.text_ids):
        return kept
    texts = _parse(form, piece, is_typed=False)
    if texts is not None:
        return _read_texts(form, texts, range(first, first + texts.num_rows), piece.split(b"\n"))
    middle = piece.find(b"\n", len(piece) // 2) + 1
    if len(piece) > SMALL and 0 < middle < len(piece):
        later = first + piece.count(b"\n", 0, middle)
        parts = (first, piece[:middle]), (later, piece[middle:])
        return join([_read_rows(form, *part) for part in parts])
    return _read_lines(form, first, piece)


def _may_be_hex(form: Form, piece: bytes) -> bool:
    if form.text_ids == frozenset(IDS) or not (b"x" in piece or b"X" in piece):
        return False
    return HEX.search(piece) is not None


def _parse(form: Form, piece: bytes, is_typed: bool) -> pa.Table | None:
    """The columns, one row per line; None if pyarrow cannot read one of the lines.

    is_typed: read numbers, and add a timestamp of 0 if there is none; else all columns are text.
    """
    if not _is_plain(form, piece):
        return None
    separator = form.separator
    if len(separator) > 1:
        piece, separator = piece.replace(separator.encode(), b"\t"), "\t"
    types = {name: pa.string() for name in (form.text_ids if is_typed else COLUMNS)}
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(piece),
            pa.csv.ReadOptions(
                block_size=len(piece) + 1, column_names=form.fields, use_threads=False
            ),
            pa.csv.ParseOptions(delimiter=separator, quote_char='"' if form.is_quoted else False),
            pa.csv.ConvertOptions(
                column_types=TYPES | types,
                include_columns=form.columns,
                null_values=[""] if is_typed else [],
                strings_can_be_null=is_typed,
            ),
        )
    except pa.ArrowInvalid:
        return None
    n_lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
    if table.num_rows != n_lines:
        return None
    if is_typed and "timestamp" not in form.columns:
        return table.append_column("timestamp", pa.array(np.zeros(n_lines, np.int64)))
    return table


def _is_plain(form: Form, piece: bytes) -> bool:
    """Whether pyarrow reads one row a line: no carriage returns but at ends, no `, "`."""
    if b"\r" in piece and piece.count(b"\r") != piece.count(b"\r\n"):
        return False
    if len(form.separator) > 1 and b"\t" in piece:
        return False
    blanks = [
        blank for blank in (b" ", b"\t") if blank in piece and blank.decode() != form.separator
    ]
    return not (form.is_quoted and any(blank + b'"' in piece for blank in blanks))


def _read_lines(form: Form, first: int, piece: bytes) -> Piece:
    """Like _read_rows, but line by line; blank lines are ignored."""
    numbered = [(first + k, line) for k, line in enumerate(piece.split(b"\n"))]
    lines = [(number, line) for number, line in numbered if line.strip(b"\r")]
    rows = [_fields(form, _text(line)) for _, line in lines]
    n_fields = [len(row) for row in rows]
    is_wrong = np.array([n != len(form.fields) for n in n_fields], bool)
    nothing = [""] * len(form.fields)
    rows = [nothing if wrong else row for row, wrong in zip(rows, is_wrong, strict=True)]
    places = {name: form.fields.index(name) for name in form.columns}
    texts = {name: pa.array([row[k] for row in rows], pa.string()) for name, k in places.items()}
    numbers = [number for number, _ in lines]
    guess = ""
    if is_wrong.any():
        k = int(is_wrong.argmax())
        n = n_fields[k]
        found = f"number of fields: {n}, not {len(form.fields)}" if n else "an unclosed quote?"
        guess = f"{form.file} line {numbers[k]}: {found}".lstrip()
    return _read_texts(form, pa.table(texts), numbers, [line for _, line in lines], is_wrong, guess)


def _read_texts(
    form: Form,
    texts: pa.Table,
    numbers: Sequence[int],
    lines: list[bytes],
    is_wrong: Any = None,
    guess: str = "",
) -> Piece:
    """The rows that texts stand for. numbers, lines: the number and the bytes of each row.

    is_wrong: rows without the right fields. guess: what may be wrong with the first of them.
    """
    table, reasons = text_values.rows_from_text(
        texts, form.scale, form.text_ids, form.integers_only, is_wrong
    )

    def place(k: int) -> str:
        return f"{form.file} line {numbers[k]}".lstrip()

    guess = guess or text_values.explain_time(texts, reasons, place)
    return keep_some(table, reasons, lambda k: (place(k), _text(lines[k])), guess)


def _fields(form: Form, line: str) -> list[str]:
    return [] if "\r" in line else split_line(line, form.separator, form.is_quoted)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")
