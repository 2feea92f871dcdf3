"""The Parquet files that stages hand to each other (docs/pipeline.md lists their columns)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from movierec.errors import MovierecError
from movierec.outputs import INDEX, SPLIT
from movierec.sparse import Array, Csr, Ratings, indptr_of

ROW_GROUP = 1 << 20  # values in a row group: small enough to read one user's without the rest


def write_table(path: Path, columns: Mapping[str, Any]) -> None:
    """Write columns as Parquet: the same bytes for the same values."""
    table = pa.table(dict(columns))
    dictionary = ["rating"] if "rating" in columns else False
    pq.write_table(
        table, path, row_group_size=ROW_GROUP, compression="zstd", use_dictionary=dictionary
    )


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns)
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run dvc repro") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise MovierecError(f"{path}: {reason}; restore it with dvc checkout --force") from None


def write_rows(path: Path, csr: Csr, columns: Mapping[str, Any] | None = None) -> None:
    """Write one line a row of a Csr: its own columns, n_ratings and offset (its indptr)."""
    grouping = {"n_ratings": csr.counts.astype(np.int32), "offset": csr.indptr[:-1]}
    write_table(path, {**(columns or {}), **grouping})


def write_by_user(path: Path, by_user: Csr, timestamp: Array) -> None:
    columns = {"item_index": by_user.indices, "rating": by_user.values, "timestamp": timestamp}
    write_table(path, columns)


def write_by_item(path: Path, by_item: Csr) -> None:
    write_table(path, {"user_index": by_item.indices, "rating": by_item.values})


def read_csr(ratings_path: Path, rows_path: Path) -> Csr:
    """Read a grouping back: `ratings_path` its values, `rows_path` its n_ratings."""
    indices_name = "item_index" if "by_user" in ratings_path.name else "user_index"
    ratings = read_table(ratings_path, [indices_name, "rating"])
    counts = read_table(rows_path, ["n_ratings"])["n_ratings"].to_numpy()
    indptr = indptr_of(counts)
    if indptr[-1] != ratings.num_rows:
        raise MovierecError(
            f"{ratings_path}: {ratings.num_rows} ratings, but {rows_path} counts {indptr[-1]}"
        )
    return Csr(indptr, ratings[indices_name].to_numpy(), ratings["rating"].to_numpy())


def read_index(folder: Path = INDEX) -> tuple[Ratings, int, int]:
    """All ratings, by user and item, and the numbers of users and items."""
    by_user = read_csr(folder / "ratings_by_user.parquet", folder / "users.parquet")
    timestamp = read_table(folder / "ratings_by_user.parquet", ["timestamp"])["timestamp"]
    n_items = pq.read_metadata(folder / "items.parquet").num_rows
    ratings = Ratings(by_user.row_index, by_user.indices, by_user.values, timestamp.to_numpy())
    return ratings, by_user.n_rows, n_items


def read_train_by_user(folder: Path = SPLIT) -> Csr:
    """The training ratings by user."""
    return read_csr(folder / "train_by_user.parquet", folder / "train_users.parquet")


def read_train(folder: Path = SPLIT) -> tuple[Csr, Csr]:
    """The training ratings by user and by item."""
    by_user = read_train_by_user(folder)
    by_item = read_csr(folder / "train_by_item.parquet", folder / "train_items.parquet")
    return by_user, by_item


def read_train_and_validation(folder: Path = SPLIT) -> Csr:
    """The ratings that are not test, by user."""
    by_user = read_train_by_user(folder)
    return by_user.insert(read_ratings(folder / "validation.parquet"))


def read_ratings(path: Path) -> Ratings:
    """A held-out part: validation or test."""
    table = read_table(path, ["user_index", "item_index", "rating", "timestamp"])
    return Ratings(*(table[name].to_numpy() for name in table.column_names))


def write_ratings(path: Path, ratings: Ratings) -> None:
    write_table(path, vars(ratings))


def movie_columns(movies: pd.DataFrame) -> dict[str, Any]:
    """The columns of items.parquet that tell of the movie."""
    return {
        "movie_id": movies["movie_id"].to_numpy(),
        "title": pa.array(movies["title"], pa.string()),
        "year": pa.array(movies["year"], pa.int32()),
        "genres": pa.array(movies["genres"], pa.list_(pa.string())),
    }


def read_items(folder: Path = INDEX) -> pd.DataFrame:
    """items.parquet; row number = item_index."""
    return read_table(folder / "items.parquet").to_pandas()


def read_users(folder: Path = INDEX) -> pd.DataFrame:
    """users.parquet; row number = user_index."""
    return read_table(folder / "users.parquet").to_pandas()


def read_seen(user_index: int, folder: Path = INDEX) -> Array:
    """The items that one user has rated, reading only the row groups that they lie in."""
    rows = read_table(folder / "users.parquet", ["offset", "n_ratings"])
    start = rows["offset"][user_index].as_py()
    stop = start + rows["n_ratings"][user_index].as_py()
    groups = range(start // ROW_GROUP, -(-stop // ROW_GROUP))
    with pq.ParquetFile(folder / "ratings_by_user.parquet") as file:
        items = file.read_row_groups(list(groups), ["item_index"])["item_index"].to_numpy()
    return items[start - groups.start * ROW_GROUP : stop - groups.start * ROW_GROUP]


def write_recommendations(
    path: Path,
    users: pd.DataFrame,
    items: pd.DataFrame,
    lists: Array,
    scores: Array,
    predicted_ratings: Array,
) -> None:
    """Write top-n lists (n_users, n) of item indices, −1 where a list is shorter."""
    there = lists >= 0
    rank = np.broadcast_to(np.arange(1, lists.shape[1] + 1, dtype=np.int32), lists.shape)
    listed = pa.array(lists[there])
    columns = {
        "user_id": np.repeat(users["user_id"].to_numpy(), there.sum(axis=1)),
        "rank": rank[there],
        "movie_id": items["movie_id"].to_numpy()[lists[there]],
        "title": pa.DictionaryArray.from_arrays(listed, pa.array(items["title"], pa.string())),
        "score": scores[there],
        "predicted_rating": predicted_ratings[there],
    }
    columns["title"] = columns["title"].cast(pa.string())
    write_table(path, columns)
