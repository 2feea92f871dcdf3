"""Build and write the index: in this process as one block of users, on Dask in many."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from movierec.core.params import DataSet
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Csr, count_index, indptr_from_counts
from movierec.datasets import movielens
from movierec.engine.local import Engine
from movierec.prepare import index, index_pieces, parquet_writer, shuffle
from movierec.prepare.index_pieces import Indexed


def build(
    work: Engine, scratch: Path, path: Path, sha256: str, data: DataSet, max_rejected: int
) -> Indexed:
    """Index an archive, checked by its hash. scratch: a folder for the workers' files."""
    if not work.is_here:
        return index_pieces.build(work, scratch, path, sha256, data, max_rejected)
    return _build_here(path, sha256, data, max_rejected)


@dataclass(frozen=True)
class Description:
    """Histograms of the ratings, in ascending order."""

    ratings: pd.DataFrame  # by number of stars
    years: pd.DataFrame  # by year; no rows without times
    times: tuple[int, int] | None  # the first and the last


def write(work: Engine, indexed: Indexed, folder: Path) -> Description:
    """Write the files of the index, and describe the ratings."""
    ratings, users = folder / "ratings_by_user.parquet", folder / "users.parquet"
    by_item, stars, years = folder / "ratings_by_item.parquet", [], []
    with parquet_writer.tables() as append:
        for block in indexed.blocks:
            append(ratings, block)
            stars.append(_histogram("rating", pa.array(block["rating"])))
            seconds = pa.array(block["timestamp"].view("datetime64[s]"))
            years.append(_histogram("year", pc.year(seconds)))
        append(users, parquet_tables.row_columns(indexed.by_user, {"user_id": indexed.user_ids}))
        movies = parquet_tables.movie_columns(indexed.movies)
        append(folder / "items.parquet", parquet_tables.row_columns(indexed.by_item, movies))
        if len(stars) == 1:
            everything = Csr(
                indptr_from_counts(indexed.by_user), block["item_index"], block["rating"]
            )
            columns = shuffle.columns_by_item(everything, len(indexed.by_item))
            append(by_item, columns)
    if len(stars) > 1:
        shuffle.append_by_item(work, ratings, users, by_item, indexed.by_user, indexed.by_item)
    times = parquet_tables.read_times(ratings)
    by_year = _add_up(years)
    return Description(_add_up(stars), by_year if times else by_year.head(0), times)


def _histogram(name: str, column: pa.Array) -> pd.DataFrame:
    values, counts = pc.value_counts(column).flatten()
    return pd.DataFrame({name: values, "n_ratings": counts})


def _add_up(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Add up histograms; ascending order."""
    together = pd.concat(tables)
    return together.groupby(together.columns[0], as_index=False).sum()


def _build_here(path: Path, sha256: str, data: DataSet, max_rejected: int) -> Indexed:
    archive = movielens.read_archive(path, data, max_rejected, sha256)
    counts, movies = archive.counts, archive.movies.set_index("movie_id")
    built = index.build(archive.ratings, archive.user_ids, movies.index.to_numpy())
    ratings = built.ratings
    return Indexed(
        built.user_ids,
        movies.loc[built.movie_ids].reset_index(),
        count_index(ratings.user_index, len(built.user_ids)),
        count_index(ratings.item_index, len(movies)),
        counts,
        built.n_superseded,
        built.n_in_two_parts,
        [{name: column for name, column in vars(ratings).items() if name != "user_index"}],
    )
