"""Text files of ratings: the format of one, and a folder with a file for each part."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from movierec.core.checksums import opened_as_hashed
from movierec.core.errors import MovierecError
from movierec.core.params import DataSet, PathSource
from movierec.data.rating_arrays import PARTS
from movierec.datasets import csv_reader
from movierec.datasets.csv_reader import Form
from movierec.datasets.table_columns import Names, read_header, read_names
from movierec.datasets.validation import COLUMNS, Gather, RowCounts

TABLES = {"csv", "ratings_csv"}  # layouts whose ids may be text, and whose fields in quotes


def names_of(data: DataSet) -> Names:
    """The data set's names for columns."""
    columns = (data.columns if isinstance(data, PathSource) else None) or {}
    return {str(ours): name for ours, name in columns.items()}


def read_parts(folder: Path, data: PathSource, gather: Gather) -> tuple[Any, RowCounts]:
    """The gathered ratings of all parts, in the order of PARTS, each with its part.

    Raises MovierecError if only some of the files have times.
    """
    with ExitStack() as opened:
        files = []
        for number, part in enumerate(PARTS):
            if described := (data.parts or {}).get(part):  # type: ignore[call-overload]
                path = folder / described.file
                stream = opened.enter_context(opened_as_hashed(path, described.sha256))
                form = form_of(stream, str(path), data)
                files.append((stream, replace(form, part=number, file=described.file)))
        with_times = [form.file for _, form in files if "timestamp" in form.columns]
        if 0 < len(with_times) < len(files):
            raise MovierecError(
                f"{folder}: only {' and '.join(with_times)} has times; add them to the other files,"
                " or remove them"
            )
        return csv_reader.read_all(files, gather)


def form_of(stream: IO[bytes], where: str, data: DataSet, separator: str | None = None) -> Form:
    """The format of a text of ratings. separator: if its layout has no header."""
    fields: tuple[str, ...] = COLUMNS
    n_header = 0
    typed = data.separator if isinstance(data, PathSource) else None
    if isinstance(data, PathSource) and not data.header:
        fields, separator = _fields_without_header(stream, where, data.encoding, typed), typed
    elif separator is None:
        header = read_header(stream, where, data.encoding, typed, names_of(data))
        fields, separator, n_header = header.fields, header.separator, header.n_lines
    return Form(
        fields,
        str(separator),
        (data.rating_min, data.rating_max),
        n_header,
        encoding=data.encoding,
        is_quoted=data.layout in TABLES,
        integers_only=data.layout not in TABLES,
    )


def _fields_without_header(
    stream: IO[bytes], where: str, encoding: str, separator: str | None
) -> tuple[str, ...]:
    """The columns of a file without a header: all of COLUMNS, or all but the timestamp."""
    candidates, _ = read_names(stream, where, encoding, separator)
    [fields] = candidates.values()
    if len(fields) not in (3, 4):
        raise MovierecError(
            f"{where}: its first line has {len(fields)} fields; without a header, there should be"
            " 3 or 4: user, movie, rating and, optionally, timestamp"
        )
    return COLUMNS[: len(fields)]
