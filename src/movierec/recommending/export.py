"""Write the Parquet files for people and other tools."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from movierec.core.manifests import Manifest, make_record
from movierec.data.parquet_tables import ROW_GROUP, write_tables
from movierec.data.rating_arrays import Array
from movierec.engine.blocks import cut_evenly

Provenance = Callable[[str], Manifest]  # from the sha256 of a file's data to its manifest
UserLists = tuple[Array, Array, Array, Array]  # users, their lists, scores, predicted ratings


def provenance(stage: str, params: Mapping[str, Any], made_from: Manifest) -> Provenance:
    """A function that returns an output's manifest: the models', and a record of the stage."""
    return lambda sha256: {**made_from, stage: make_record(params, {"data": sha256})}


def blocks_of_users(n_users: int, top_n: int) -> list[tuple[int, int]]:
    """Bounds of blocks of users whose lists fill a row group."""
    return cut_evenly(n_users, max(1, ROW_GROUP // top_n))


def write_recommendations(
    path: Path,
    users: pd.DataFrame,
    items: pd.DataFrame,
    blocks: Iterable[UserLists],
    provenance: Provenance | None = None,
) -> None:
    """Write top-n lists. Each block becomes a row group, so that only one is in memory.

    A block: users (n,), and item indices, scores and predicted ratings (n, top_n); indices are −1
    past the end of a shorter list. provenance: as in write_tables.
    """
    user_ids, (movie_ids, titles) = pa.array(users["user_id"].to_numpy()), _names(items)

    def tables() -> Iterator[pa.Table]:
        for block_users, lists, scores, predicted in blocks:
            row, place, listed = _listed(lists)
            columns = {
                "user_id": user_ids.take(pa.array(block_users[row])),
                "rank": _ranks(place),
                "movie_id": movie_ids.take(listed),
                "title": titles.take(listed),
                "score": scores[row, place],
                "predicted_rating": predicted[row, place],
            }
            yield pa.table(columns)

    write_tables(path, tables(), provenance)


def write_similar_items(
    path: Path,
    items: pd.DataFrame,
    lists: Array,
    cosines: Array,
    provenance: Provenance | None = None,
) -> None:
    """Write each movie's neighbours. lists, cosines (n_items, n): as all_similar_items returns."""
    row, place, listed = _listed(lists)
    movie_ids, titles = _names(items)
    columns = {
        "movie_id": movie_ids.take(pa.array(row)),
        "rank": _ranks(place),
        "similar_movie_id": movie_ids.take(listed),
        "similar_title": titles.take(listed),
        "similarity": cosines[row, place],
    }
    write_tables(path, [pa.table(columns)], provenance)


def write_factors(
    path: Path,
    names: Mapping[str, pa.Array],
    blocks: Iterable[Array],
    provenance: Provenance | None = None,
) -> None:
    """Write vectors (n, n_factors), a block at a time. names: the columns that identify them."""

    def tables() -> Iterator[pa.Table]:
        first = 0
        for factors in blocks:
            values = pa.array(np.ascontiguousarray(factors).ravel())
            vectors = pa.FixedSizeListArray.from_arrays(values, factors.shape[1])
            of_block = {name: column.slice(first, len(factors)) for name, column in names.items()}
            yield pa.table({**of_block, "factors": vectors})
            first += len(factors)

    write_tables(path, tables(), provenance)


def _names(items: pd.DataFrame) -> tuple[pa.Array, pa.Array]:
    """The ids and titles of movies."""
    return pa.array(items["movie_id"].to_numpy()), pa.array(items["title"], pa.string())


def _listed(lists: Array) -> tuple[Array, Array, pa.Array]:
    """The list and the position of each listed item, and the item."""
    row, place = np.nonzero(lists >= 0)
    return row, place, pa.array(lists[row, place])


def _ranks(place: Array) -> Array:
    return (place + 1).astype(np.int32)
