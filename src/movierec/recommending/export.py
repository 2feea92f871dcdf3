"""The Parquet files for people and other tools (docs/pipeline.md lists their columns)."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from movierec.core.manifests import Manifest
from movierec.data.parquet_tables import ROW_GROUP, write_tables
from movierec.data.rating_arrays import Array

Chain = Callable[[str], Manifest]
UserLists = tuple[Array, Array, Array, Array]  # users, their lists, scores, predicted ratings


def blocks_of_users(n_users: int, top_n: int) -> list[tuple[int, int]]:
    """Bounds of runs of users whose lists fill a row group."""
    size = max(1, ROW_GROUP // top_n)
    return [(first, min(first + size, n_users)) for first in range(0, max(1, n_users), size)]


def write_recommendations(
    path: Path,
    users: pd.DataFrame,
    items: pd.DataFrame,
    blocks: Iterable[UserLists],
    chain: Chain | None = None,
) -> None:
    """Write top-n lists, a row group a block of users, so that only one is held in memory.

    Each block: users (n,), and of shape (n, top_n) item indices, −1 where a list is shorter, their
    scores and predicted ratings. chain: as of write_tables.
    """
    user_ids, movie_ids = (
        pa.array(ids.to_numpy()) for ids in (users["user_id"], items["movie_id"])
    )
    titles = pa.array(items["title"], pa.string())

    def table(block: UserLists) -> pa.Table:
        of_users, lists, scores, predicted = block
        there = lists >= 0
        rank = np.broadcast_to(np.arange(1, lists.shape[1] + 1, dtype=np.int32), lists.shape)
        listed = pa.array(lists[there])
        columns = {
            "user_id": user_ids.take(pa.array(of_users[np.nonzero(there)[0]])),
            "rank": rank[there],
            "movie_id": movie_ids.take(listed),
            "title": titles.take(listed),
            "score": scores[there],
            "predicted_rating": predicted[there],
        }
        return pa.table(columns)

    write_tables(path, map(table, blocks), chain)


def write_similar_items(
    path: Path, items: pd.DataFrame, lists: Array, cosines: Array, chain: Chain | None = None
) -> None:
    """Write each movie's neighbours (n_items, n): item indices, −1 where a list is shorter."""
    there = lists >= 0
    ids, titles = pa.array(items["movie_id"].to_numpy()), pa.array(items["title"], pa.string())
    rank = np.broadcast_to(np.arange(1, lists.shape[1] + 1, dtype=np.int32), lists.shape)
    of_items, listed = pa.array(np.nonzero(there)[0]), pa.array(lists[there])
    columns = {
        "movie_id": ids.take(of_items),
        "rank": rank[there],
        "similar_movie_id": ids.take(listed),
        "similar_title": titles.take(listed),
        "similarity": cosines[there],
    }
    write_tables(path, [pa.table(columns)], chain)


def write_factors(
    path: Path, names: Mapping[str, pa.Array], factors: Array, chain: Chain | None = None
) -> None:
    """Write vectors (n, n_factors) beside the columns that name them."""
    values = pa.array(np.ascontiguousarray(factors).ravel())
    vectors = pa.FixedSizeListArray.from_arrays(values, factors.shape[1])
    write_tables(path, [pa.table({**names, "factors": vectors})], chain)
