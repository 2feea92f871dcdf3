"""The four columns of ratings as a table: parsed, typed, and every rating on the scale."""

import re
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from movierec.errors import MovierecError
from movierec.params import DataSet

COLUMNS = ("user_id", "movie_id", "rating", "timestamp")
TYPES = {"user_id": pa.int64(), "movie_id": pa.int64(), "rating": pa.float32()}
TYPES |= {"timestamp": pa.int64()}
NO_HEADER = {"dat", "100k"}  # layouts whose ratings begin on the first line


def parse_csv(
    path: Path,
    stream: IO[bytes],
    name: str,
    separator: str,
    header: dict[str, str],
    has_header: bool = True,
) -> pa.Table:
    """Read four columns, called as `header` says; of an error the second reading knows the line."""
    spelt = {header[column]: kind for column, kind in TYPES.items()}

    def parse(use_threads: bool) -> pa.Table:
        return pa.csv.read_csv(
            pa.PythonFile(stream, mode="r"),
            pa.csv.ReadOptions(
                block_size=1 << 24,
                column_names=None if has_header else list(spelt),
                use_threads=use_threads,
            ),
            pa.csv.ParseOptions(delimiter=separator, quote_char='"' if separator == "," else False),
            pa.csv.ConvertOptions(
                column_types=spelt, include_columns=list(spelt), null_values=[""]
            ),
        )

    try:
        try:
            table = parse(use_threads=True)
        except pa.ArrowInvalid:
            stream.seek(0)
            table = parse(use_threads=False)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise MovierecError(f"{path}: {name}: {_reason(error)}") from None
    return table.rename_columns(list(COLUMNS))


def _reason(error: Exception) -> str:
    """What pyarrow says of a CSV file, as people would."""
    text = str(error.args[0]).splitlines()[0]
    if found := re.search(r"Column '(.+)' in include_columns does not exist", text):
        return f"no column {found[1]}"
    if found := re.search(r"column #(\d+): Row #(\d+): .* to (\w+): invalid value '(.*)'", text):
        kind = "a whole number" if found[3].startswith("int") else "a number"
        return f"line {found[2]}: {found[4]!r} in column {int(found[1]) + 1} is not {kind}"
    if found := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", text):
        return f"line {found[1]}: {found[3]} fields, not {found[2]}"
    return text


def spelling(there: list[str], path: Path) -> dict[str, str]:
    """How people's own file spells the four columns: user_id or userId, movie_id or movieId."""
    spellings = {"user_id": ("user_id", "userId"), "movie_id": ("movie_id", "movieId")}
    names = {}
    for column in COLUMNS:
        found = [name for name in spellings.get(column, (column,)) if name in there]
        if not found:
            raise MovierecError(f"{path}: no column {column}; it has {', '.join(there)}")
        names[column] = found[0]
    return names


def check(table: pa.Table, path: Path, data: DataSet) -> None:
    """Raise MovierecError unless there are ratings, all whole and on the scale."""
    if not table.num_rows:
        raise MovierecError(f"{path}: no ratings in it")
    for name in COLUMNS:
        if table[name].null_count:
            row = table[name].is_null().index(True).as_py()
            raise MovierecError(f"{path}: ratings, {_place(row, data)}: no {name}")
    least, most = (pa.scalar(end, pa.float32()) for end in (data.rating_min, data.rating_max))
    good = pc.and_(pc.greater_equal(table["rating"], least), pc.less_equal(table["rating"], most))
    if not pc.all(good).as_py():
        row = good.index(False).as_py()
        n_bad = table.num_rows - pc.sum(good).as_py()
        raise MovierecError(
            f"{path}: ratings, {_place(row, data)}: rating {table['rating'][row].as_py():g} is not"
            f" on the scale of {data.rating_min:g} to {data.rating_max:g} in params.yaml"
            f" ({n_bad:,} in all)"
        )


def _place(row: int, data: DataSet) -> str:
    """Where a rating stands in its file, counted from 1."""
    if data.layout == "ratings_parquet":
        return f"row {row + 1}"
    return f"line {row + (1 if data.layout in NO_HEADER else 2)}"
