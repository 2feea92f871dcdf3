"""Read and write the Parquet files that stages exchange; DESCRIPTIONS explains their columns."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from movierec.core.array_files import check_finite
from movierec.core.checksums import hash_file
from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest, parse_manifest
from movierec.core.paths import INDEX, SPLIT
from movierec.data.parquet_files import explain_errors, read_item_table, read_table
from movierec.data.rating_arrays import Array, Csr, Ratings, indptr_from_counts

if TYPE_CHECKING:
    import pandas as pd

MANIFEST_KEY = "movierec"  # in a Parquet file's metadata
GIVEN = ("validation_given", "test_given")  # parts of the split: given ratings of held-out users
TRAINING_FILES = tuple(  # of the split: all but the test part
    f"{name}.parquet"
    for name in (
        *("train_by_user", "train_users", "train_by_item", "train_items"),
        *("validation", *GIVEN),
    )
)
MAY_BE_NAN = ("ndcg", "recall")  # columns, of users without a list
ROW_GROUP = 1 << 20  # rows in a row group: few enough to read one user's ratings quickly

# What each column means. A file says so itself, in the metadata of its fields (`pq.read_schema`),
# and docs/user-guide/outputs.md lists them (`make docs`).
DESCRIPTIONS = {
    "user_id": "the data set's own id; a string if ids are text",
    "movie_id": "the data set's own id; a string if ids are text",
    "user_index": "row number in `users.parquet`, from 0",
    "item_index": "row number in `items.parquet`, from 0",
    "rating": "stars",
    "timestamp": "seconds since 1970 (UTC); 0 in data without times",
    "part": "of data in parts: 0 train, 1 validation, 2 test",
    "n_ratings": "ratings; in `data/split/`, training ratings",
    "offset": "row of the first rating in the file grouped by user or movie",
    "title": "with its year; the word Movie and the id if there are no titles",
    "year": "from the end of the title, or null",
    "genres": "empty if none is listed",
    "n_test": "test ratings",
    "squared_error": "sum over the test ratings, clipped",
    "absolute_error": "sum over the test ratings, clipped",
    "ndcg": "of the list; NaN if not sampled or no test movie is relevant",
    "recall": "of the list; NaN if not sampled or no test movie is relevant",
    "rank": "from 1, the best or most similar",
    "score": "what lists are sorted by: `recommend.ranking`",
    "predicted_rating": "stars, clipped to the scale",
    "similar_movie_id": "id of the similar movie",
    "similar_title": "its title",
    "similarity": "cosine of both models' factors and genres, at most 1",
    "factors": "vector, of the same length for users and movies",
}


def write_table(
    path: Path, columns: Mapping[str, Any], provenance: Callable[[str], Manifest] | None = None
) -> None:
    """Write columns as a Parquet file, as write_tables does."""
    write_tables(path, [pa.table(dict(columns))], provenance)


def write_tables(
    path: Path, tables: Iterable[pa.Table], provenance: Callable[[str], Manifest] | None = None
) -> None:
    """Write one table in parts, at least one; each part gets its own row groups.

    The same values give the same bytes. provenance: returns the manifest, which is stored in the
    footer, from the sha256 of all bytes before the footer. Raises MovierecError for numbers that
    are not finite.
    """
    parts = iter(tables)
    first = next(parts)
    with writer_of(path, first.schema) as writer:
        for part in itertools.chain([first], parts):
            writer.write_table(part, row_group_size=ROW_GROUP)
        if provenance:
            text = json.dumps(provenance(hash_file(path, "sha256")), ensure_ascii=False)
            writer.add_key_value_metadata({MANIFEST_KEY: text})


class FiniteWriter(pq.ParquetWriter):
    """Writes tables; MovierecError for one with numbers that are not finite."""

    def write_table(self, table: pa.Table, row_group_size: int | None = None) -> None:
        _check_finite(self.where, table)
        super().write_table(table, row_group_size)


def _check_finite(path: Path, table: pa.Table) -> None:
    for name, column in zip(table.column_names, table.columns, strict=True):
        for chunk in column.chunks:
            values = chunk.flatten() if pa.types.is_fixed_size_list(chunk.type) else chunk
            if pa.types.is_floating(values.type):
                numbers = values.to_numpy(zero_copy_only=False)
                check_finite(path, f"column {name}", numbers, name in MAY_BE_NAN)


def writer_of(path: Path, schema: pa.Schema) -> FiniteWriter:
    """A writer of described columns; the same values give the same bytes."""
    integers = [column.name for column in schema if pa.types.is_integer(column.type)]
    options = {
        "compression": "zstd",
        "use_dictionary": ["rating"] if "rating" in schema.names else False,
        "column_encoding": dict.fromkeys(integers, "DELTA_BINARY_PACKED"),
    }
    return FiniteWriter(path, pa.schema(map(_described, schema)), **options)


def _described(field: pa.Field) -> pa.Field:
    description = DESCRIPTIONS.get(field.name)
    return field.with_metadata({"description": description}) if description else field


def read_provenance(path: Path) -> Manifest:
    """The manifest in a Parquet file's footer, empty if there is none."""
    with explain_errors(path):
        metadata = pq.read_metadata(path).metadata or {}
    return parse_manifest(metadata.get(MANIFEST_KEY.encode(), b"{}"), path)


def data_hash(path: Path) -> str:
    """The sha256 of a Parquet file without its footer."""
    with explain_errors(path), pa.memory_map(str(path)) as file:
        file.seek(file.size() - 8)
        footer = int.from_bytes(file.read(4), "little")
        file.seek(0)
        return hashlib.sha256(file.read_buffer(file.size() - 8 - footer)).hexdigest()


def check_data(path: Path, manifest: Manifest, stage: str) -> None:
    """Raise MovierecError unless a file's data are those that a stage wrote."""
    if data_hash(path) != manifest[stage]["sha256"].get("data"):
        raise MovierecError(
            f"{path}: changed since it was written; restore it with dvc checkout --force"
        )


def read_columns(
    path: Path, names: list[str], first: int = 0, stop: int | None = None
) -> list[Array]:
    """Read numeric columns of the rows first … stop − 1, or of all rows.

    Only the row groups that contain these rows are read, one at a time: reading all of them at once
    would copy each column.
    """
    with explain_errors(path), pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
        if sum(sizes) != file.metadata.num_rows or min(sizes, default=0) < 0:
            raise ValueError("its footer is damaged")
        stop = file.metadata.num_rows if stop is None else stop
        types = [file.schema_arrow.field(name).type.to_pandas_dtype() for name in names]
        arrays = [np.empty(stop - first, dtype) for dtype in types]
        for number, end in enumerate(itertools.accumulate(sizes)):
            begin = end - sizes[number]
            rows = slice(max(first, begin), min(stop, end))
            if rows.start < rows.stop:
                group = file.read_row_group(number, names, use_threads=False)
                for array, name in zip(arrays, names, strict=True):
                    values = group[name].slice(rows.start - begin, rows.stop - rows.start)
                    array[rows.start - first : rows.stop - first] = values.to_numpy()
    return arrays


def read_times(ratings_path: Path) -> tuple[int, int] | None:
    """The first and the last timestamp, from the file's footer; None if the ratings have no times.

    Without times, each timestamp is 0.
    """
    with explain_errors(ratings_path):
        footer = pq.read_metadata(ratings_path)
    place = footer.schema.names.index("timestamp")
    groups = [footer.row_group(k).column(place).statistics for k in range(footer.num_row_groups)]
    known = [group for group in groups if group and group.has_min_max]
    ends = [end for group in known for end in (group.min, group.max)]
    return (min(ends), max(ends)) if any(ends) else None


def write_rows(path: Path, counts: Array, columns: Mapping[str, Any] | None = None) -> None:
    """Write a table with one line for each row of a Csr: see row_columns."""
    write_table(path, row_columns(counts, columns))


def row_columns(counts: Array, columns: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The columns that describe the rows of a Csr: `columns`, n_ratings and offset (indptr)."""
    grouping = {"n_ratings": counts.astype(np.int32), "offset": indptr_from_counts(counts)[:-1]}
    return {**(columns or {}), **grouping}


def read_csr(ratings_path: Path, rows_path: Path) -> Csr:
    """Read a Csr: its indices and values from ratings_path, its counts from rows_path."""
    indices_name = "item_index" if "by_user" in ratings_path.name else "user_index"
    indices, rating = read_columns(ratings_path, [indices_name, "rating"])
    indptr = indptr_from_counts(*read_columns(rows_path, ["n_ratings"]))
    if indptr[-1] != len(rating):
        raise MovierecError(
            f"{ratings_path}: {len(rating)} ratings, but {rows_path} counts {indptr[-1]};"
            " run dvc repro --force"
        )
    return Csr(indptr, indices, rating)


def n_rows(path: Path) -> int:
    with explain_errors(path):
        return int(pq.read_metadata(path).num_rows)


def read_block(
    ratings_path: Path, rows_path: Path, first: int, stop: int, values: str = "rating"
) -> Csr:
    """Read the rows first … stop − 1 of a Csr, and only the parts of its files that they need.

    values: the column of the values.
    """
    indices_name = "item_index" if "by_user" in ratings_path.name else "user_index"
    counts, offsets = read_columns(rows_path, ["n_ratings", "offset"], first, stop)
    begin, end = (int(offsets[0]), int(offsets[-1] + counts[-1])) if len(counts) else (0, 0)
    return Csr(
        indptr_from_counts(counts),
        *read_columns(ratings_path, [indices_name, values], begin, end),
    )


def read_train_by_user(folder: Path = SPLIT) -> Csr:
    """Read the training ratings by user."""
    return read_csr(folder / "train_by_user.parquet", folder / "train_users.parquet")


def read_train(folder: Path = SPLIT) -> tuple[Csr, Csr]:
    """Read the training ratings by user and by item."""
    by_user = read_train_by_user(folder)
    by_item = read_csr(folder / "train_by_item.parquet", folder / "train_items.parquet")
    return by_user, by_item


def read_ratings(path: Path) -> Ratings:
    """Read a part of the split other than train."""
    return Ratings(*read_columns(path, ["user_index", "item_index", "rating", "timestamp"]))


def movie_columns(movies: pd.DataFrame) -> dict[str, Any]:
    """The columns of items.parquet that describe the movie."""
    return {
        "movie_id": movies["movie_id"].to_numpy(),
        "title": pa.array(movies["title"], pa.string()),
        "year": pa.array(movies["year"], pa.int32()),
        "genres": pa.array(movies["genres"], pa.list_(pa.string())),
    }


def read_items(folder: Path = INDEX) -> pd.DataFrame:
    """Read items.parquet; row number = item_index."""
    return read_item_table(folder).to_pandas()


def read_genres(folder: Path = INDEX) -> Csr:
    """Read the genres of each item, as genre_csr returns them."""
    return genre_csr(read_table(folder / "items.parquet", ["genres"])["genres"].combine_chunks())


def genre_csr(lists: pa.ListArray) -> Csr:
    """The genres of each item, given as lists of names, as indices of the sorted names."""
    names = lists.flatten().dictionary_encode()
    place = np.argsort(np.argsort(names.dictionary.to_numpy(zero_copy_only=False)))
    indptr = indptr_from_counts(lists.value_lengths().to_numpy(zero_copy_only=False))
    indices = place[names.indices.to_numpy()].astype(np.int32)
    return Csr(indptr, indices, np.ones(len(indices), np.float32))


def read_users(folder: Path = INDEX) -> pd.DataFrame:
    """Read users.parquet; row number = user_index."""
    return read_table(folder / "users.parquet").to_pandas()
