"""Describe a user's own file of ratings as a block of datasets.yaml, from its contents."""

import codecs
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from movierec.core.checksums import hash_file
from movierec.core.errors import MovierecError
from movierec.core.params import PathSource, validated
from movierec.data.rating_arrays import Array
from movierec.datasets import movielens
from movierec.datasets.movielens import MEMBERS
from movierec.datasets.parts_folder import find_parts, separator_without_header
from movierec.datasets.table_columns import (
    Names,
    find_separator,
    guess_names,
    places_of,
    read_names,
)
from movierec.datasets.text_values import INTEGER
from movierec.datasets.validation import (
    COLUMNS,
    IDS,
    Piece,
    Reader,
    RowCounts,
    Scale,
    join,
    shown,
)
from movierec.datasets.zip_members import open_member

SCALES = [(0, 1), (1, 5), (0.5, 5), (0, 5), (1, 10), (0, 10), (1, 100), (0, 100)]
ALL = (-1e9, 1e9)  # a scale for ratings whose scale is not known
ZIPS = ("csv", "dat", "100k")  # layouts of own archives
MAX_REJECTED = 2**62  # the index stage checks that
FORM = ("layout", "folder", "encoding")  # keys that are printed as they are
BEGINNING = 1 << 20  # bytes


@dataclass(frozen=True)
class FileDescription:
    """A block of datasets.yaml, and what was found or assumed, as texts by label."""

    block: dict[str, Any]
    texts: dict[str, str]


def describe(
    path: Path,
    licence: str = "your own",
    scale: Scale | None = None,
    names: Names | None = None,
    separator: str | None = None,
) -> FileDescription:
    """Describe a file of ratings, and read its first piece with that description.

    path: of a folder, too, with a file for each part. names: its names for columns; separator:
    between its fields; else they are guessed. Raises MovierecError if it cannot be read, or if its
    columns or scale are not clear.
    """
    if not path.exists():
        raise MovierecError(f"{path}: no such file")
    parts = find_parts(path) if path.is_dir() else {}
    with movielens.explained(path):
        form = _form(parts.get("train", path), names or {}, separator, in_parts=bool(parts))
        hashes = {part: hash_file(file, "sha256") for part, file in (parts or {"": path}).items()}
    fixed: dict[str, Any] = {"source": "path", "path": str(path)}
    if parts:
        form["parts"] = {
            part: {"file": file.name, "sha256": hashes[part]} for part, file in parts.items()
        }
    else:
        fixed["sha256"] = hashes[""]
    low, high = scale or ALL
    data = _source(path, form, rating_min=low, rating_max=high)
    read = movielens.read_rows(path, data, MAX_REJECTED, hashes.get(""), _first_piece)
    ratings = read.ratings["rating"].to_numpy()
    ids = "; ".join(filter(None, (_about_ids(name, read.ratings[name]) for name in IDS)))
    low, high = scale or _scale(path, ratings, read.counts)
    ends = {"rating_min": float(low), "rating_max": float(high)}
    texts = _texts(form, read.counts, ids, ratings, (low, high), is_guess=scale is None)
    if parts and (unused := set(path.iterdir()) - set(parts.values())):
        texts["not used"] = ", ".join(shown(other.name) for other in sorted(unused))
    _, movie_rows = read.listed.keep(is_text=read.listed.has_text_ids)
    if rejected := _rejected(movie_rows, f"rows of {read.listed.name}"):
        texts["movies"] = rejected
    return FileDescription({**fixed, **form, **ends, "licence": licence}, texts)


def _texts(
    form: Mapping[str, Any],
    rows: RowCounts,
    ids: str,
    ratings: Array,
    scale: Scale,
    is_guess: bool,
) -> dict[str, str]:
    """What was found and assumed, by label."""
    guess = ", so this is a guess; set another with --scale" if is_guess else ""
    span = f"the first {len(ratings):,} ratings are {min(ratings):g} to {max(ratings):g}"
    zero = "; 0 counts as a rating" * bool(ratings.min() == 0)
    has_times = rows.times and any(rows.times)
    texts = {
        "layout": ", ".join(str(form[key]) for key in FORM if form.get(key)),
        "parts": ", ".join(
            f"{part} is {shown(entry['file'])}" for part, entry in form.get("parts", {}).items()
        ),
        "columns": ", ".join(
            f"{ours} is {shown(name or 'none')}" for ours, name in form.get("columns", {}).items()
        )
        or "without a header, so the fields are user, movie, rating and, if there, timestamp"
        * (not form.get("header", True)),
        "ids": ids,
        "scale": f"{scale[0]:g} to {scale[1]:g}; {span}{guess}{zero}",
        "times": "" if has_times else "none, so split.protocol cannot be one by time",
        "rejected": _rejected(rows),
    }
    return {label: text for label, text in texts.items() if text}


def _about_ids(name: str, column: pa.ChunkedArray) -> str:
    """Why a dictionary-encoded column of ids is read as text; "" if it is integers."""
    texts = (text for chunk in column.chunks for text in chunk.dictionary.to_pylist())
    example = next((text for text in texts if not INTEGER.fullmatch(str(text))), None)
    return "" if example is None else f"{name} is text, such as {shown(example)}"


def _rejected(rows: RowCounts, what: str = "rows") -> str:
    n_rejected = rows.rejected.total()
    if not n_rejected:
        return ""
    first = rows.first[0]
    return (
        f"{n_rejected:,} of the first {rows.n_read:,} {what} ({rows.why()}), such as {first.place};"
        " fix them, or allow them by index.max_rejected"
    )


def _source(path: Path, form: Mapping[str, Any], **changes: Any) -> PathSource:
    ends = {"rating_min": 0.0, "rating_max": 1.0}
    fields = {"source": "path", "path": str(path), "sha256": None, "licence": "", **ends}
    try:
        return validated(PathSource, **{**fields, **form, **changes})
    except ValueError as error:
        raise MovierecError(f"{path}: {error}") from None


def _form(
    path: Path, names: Names, separator: str | None, in_parts: bool = False
) -> dict[str, Any]:
    """The keys that describe a file of ratings. in_parts: perhaps without a header."""
    if zipfile.is_zipfile(path):
        if names or separator:
            raise MovierecError(f"{path}: is a zip; --column and --separator are for tables")
        return _form_of_zip(path)
    with path.open("rb") as stream:
        beginning = stream.read(BEGINNING)
        if beginning.startswith(b"PAR1"):
            header = pq.read_schema(path).names
            return {"layout": "ratings_parquet", **_named(path, header, names)}
        encoding = _encoding(beginning)
        stream.seek(0)
        candidates, _ = read_names(stream, str(path), encoding, separator)
    guessed = {one: guess_names(header, names) for one, header in candidates.items()}
    best = find_separator(candidates, guessed)
    if in_parts and not names and (only := separator_without_header(candidates)):
        form: dict[str, Any] = {"layout": "ratings_csv", "header": False, "separator": only}
    else:
        form = {"layout": "ratings_csv", **_named(path, candidates[best], names)}
        form |= {"separator": separator} if separator else {}
    return form if encoding == "utf-8" else form | {"encoding": encoding}


def _named(path: Path, header: Sequence[str], names: Names) -> dict[str, Any]:
    guessed = guess_names(header, names)
    try:
        places_of(header, str(path), guessed)
    except MovierecError as error:
        column = str(error).partition(": no column ")[2].partition(";")[0]
        if column in COLUMNS:
            raise MovierecError(f"{error}; name it: --column {column}=NAME") from None
        raise
    return {"columns": guessed} if guessed else {}


def _form_of_zip(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        listed = set(archive.namelist())
    found = []
    visible = [
        member
        for member in map(PurePosixPath, sorted(listed))
        if not any(part.startswith((".", "__MACOSX")) for part in member.parts)
    ]
    for layout in ZIPS:
        of_ratings, of_movies, *_ = MEMBERS[layout]
        for member in visible:
            if member.name == of_ratings and str(member.with_name(of_movies)) in listed:
                folder = str(member.parent)
                found.append({"layout": layout} | ({} if folder == "." else {"folder": folder}))
    if len(found) != 1:
        pairs = " or ".join(f"{MEMBERS[layout][0]} with {MEMBERS[layout][1]}" for layout in ZIPS)
        if found:
            both = " and ".join(
                str(PurePosixPath(form.get("folder", ""), MEMBERS[form["layout"]][0]))
                for form in found[:2]
            )
            raise MovierecError(f"{path}: contains {both}; keep the ratings of one data set")
        raise MovierecError(
            f"{path}: should contain, in one folder, {pairs}, named exactly so; add a table of"
            " ratings alone, or a spreadsheet saved as CSV, without a zip"
        )
    [form] = found
    with open_member(path, _source(path, form), MEMBERS[form["layout"]][1]) as stream:
        encoding = _encoding(stream.read())
    return (
        form if encoding == "utf-8" or form["layout"] == "100k" else form | {"encoding": encoding}
    )


def _encoding(content: bytes) -> str:
    """Of the beginning of a text; if it is not UTF-8, that of Windows or Latin-1."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return "cp1252" if re.search(rb"[\x80-\x9f]", content) else "latin-1"
    return "utf-8"


def _first_piece(read: Reader, pieces: Iterable[tuple[Any, ...]]) -> Piece:
    piece = next(iter(pieces), None)
    return read(*piece) if piece else join([])


def _scale(path: Path, ratings: Array, rows: RowCounts) -> Scale:
    """The smallest usual scale that has these ratings; MovierecError if it is not clear.

    Ratings are rounded, since many a table has 4.9999999 for 5.
    """
    ratings = ratings.astype(np.float64).round(4)
    low, high = float(ratings.min()), float(ratings.max())
    steps = {1: np.all(ratings % 1 == 0), 0.5: np.all(ratings % 0.5 == 0)}
    for first, last in SCALES:
        if first <= low < high <= last and steps.get(first, True):
            return first, last
    raise MovierecError(
        f"{path}: the first ratings are {low:g} to {high:g}, of which scale? Give it, such as"
        " --scale 1-5" + (f"; rejected: {_rejected(rows)}" if rows.rejected else ""),
        map(str, rows.first),
    )
