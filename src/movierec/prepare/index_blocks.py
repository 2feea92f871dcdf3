"""Build and write the index, a block of users or movies at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from movierec.core.params import DataSet
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Ratings, RatingsInParts, count_index
from movierec.datasets import movielens
from movierec.datasets.movielens import ArchiveCounts
from movierec.engine.local import Engine
from movierec.prepare import archive_pieces, exchange, index, parquet_writer
from movierec.prepare.archive_pieces import Counted, Pieces
from movierec.prepare.exchange import Columns, Exchange


@dataclass(frozen=True)
class Indexed:
    """An indexed archive. Users and movies are in order of their index."""

    user_ids: Array
    movies: pd.DataFrame
    by_user: Array  # number of ratings of each user
    by_item: Array  # number of ratings of each movie
    counts: ArchiveCounts
    n_superseded: int
    n_in_two_parts: int  # of those superseded: because an earlier part has the pair, too
    blocks: list[Path]  # files of the ratings, a block of users each
    to_items: Exchange  # of these blocks' ratings


def build(
    work: Engine, scratch: Path, path: Path, sha256: str, data: DataSet, max_rejected: int
) -> Indexed:
    """Index an archive, checked by its hash. scratch: a folder for the files of workers."""
    gather = partial(archive_pieces.gather, work, scratch)
    read = movielens.read_rows(path, data, max_rejected, sha256, gather)
    pieces: Pieces = read.ratings
    movies, archive_counts = read.movies_with(pieces.movies.ids)
    movies = movies.set_index("movie_id")
    n_rated = pd.Series(pieces.movies.counts, pieces.movies.ids)
    n_rated = n_rated.reindex(movies.index, fill_value=0)
    users, _ = pieces.users.ordered()
    items, _ = Counted(movies.index.to_numpy(), n_rated.to_numpy()).ordered()
    read_piece = partial(archive_pieces.read, ids=pieces.write_ids(users.ids, items.ids))
    grouped = _group(work, scratch / "first", read_piece, pieces.paths, users, items)
    n_superseded, n_in_two_parts = grouped.n_superseded
    if n_superseded:  # counts differ without these, and so does the order
        users, of_users = replace(users, counts=grouped.by_user).ordered()
        items, of_items = replace(items, counts=grouped.by_item).ordered()
        places = scratch / "users.arrow", scratch / "items.arrow"
        for place, of_side in zip(places, (of_users, of_items), strict=True):
            exchange.save(place, [{"index": of_side}])
        again = partial(_read_again, places)
        grouped = _group(work, scratch / "again", again, grouped.blocks, users, items)
    return Indexed(
        users.ids,
        movies.loc[items.ids].reset_index(),
        users.counts,
        items.counts,
        archive_counts,
        n_superseded,
        n_in_two_parts,
        grouped.blocks,
        grouped.to_items,
    )


# --- Blocks of users


@dataclass(frozen=True)
class _Grouped:
    """Ratings grouped by user, and numbers of ratings: of each user, each item, and superseded."""

    blocks: list[Path]
    to_items: Exchange
    by_user: Array
    by_item: Array
    n_superseded: tuple[int, int]  # and how many of them because the pair is in two parts


def _group(
    work: Engine,
    folder: Path,
    read: Callable[[Path], Columns],
    sources: Sequence[Path],
    users: Counted,
    items: Counted,
) -> _Grouped:
    """Group ratings by user. read: returns the ratings of a source by user_index and item_index."""
    to_users, to_items = (
        Exchange(folder / name, exchange.bounds_of(work, counted.counts))
        for name, counted in (("users", users), ("items", items))
    )
    numbers = range(len(sources))
    for _ in work.map_in_threads(partial(_send, to_users, read), numbers, sources):
        pass
    n_items, n_blocks = len(items.ids), len(to_users.bounds)
    blocks = [folder / f"{block}.arrow" for block in range(n_blocks)]
    keep = partial(_keep_newest, to_users, to_items, len(sources), n_items)
    of_users, of_items, superseded = [], np.zeros(n_items, np.int64), np.zeros(2, np.int64)
    for by_user, by_item, n_superseded in work.map_in_threads(keep, range(n_blocks), blocks):
        of_users.append(by_user)
        of_items += by_item
        superseded += n_superseded
    n_pairs, n_in_two_parts = superseded.tolist()
    return _Grouped(blocks, to_items, np.concatenate(of_users), of_items, (n_pairs, n_in_two_parts))


def _send(to: Exchange, read: Callable[[Path], Columns], number: int, source: Path) -> None:
    columns = read(source)
    to.store(number, columns["user_index"], columns)


def _read_again(places: Sequence[Path], block: Path) -> Columns:
    """The ratings of a block of users by their new indices."""
    columns = exchange.columns_of(exchange.load(block))
    for name, path in zip(archive_pieces.PLACES, places, strict=True):
        columns[name] = exchange.load(path)["index"].to_numpy()[columns[name]]
    return columns


def _keep_newest(
    arriving: Exchange, to_items: Exchange, n_sources: int, n_items: int, block: int, path: Path
) -> tuple[Array, Array, tuple[int, int]]:
    """Write a block's newest rating of each pair, by user and item, and send them to the items.

    Returns the number of ratings of each of its users and of each item, the number superseded, and
    how many of them because the pair is in two parts.
    """
    columns = arriving.take(block, n_sources)
    first, stop = arriving.bounds[block]
    columns["user_index"] = columns["user_index"] - np.int32(first)
    kind = RatingsInParts if "part" in columns else Ratings
    ratings = kind(**columns).sort(stop - first, n_items)
    kept = index.newest(ratings)
    by_user = count_index(kept.user_index, stop - first)
    columns = vars(kept) | {"user_index": kept.user_index + np.int32(first)}
    exchange.save(path, [columns])
    sent = {name: columns[name] for name in exchange.BY_ITEM}
    to_items.store(block, kept.item_index, sent)
    n_superseded = len(ratings) - len(kept), index.count_in_two_parts(ratings)
    return by_user, count_index(kept.item_index, n_items), n_superseded


# --- Files of the index


@dataclass(frozen=True)
class Description:
    """Histograms of the ratings, in ascending order."""

    ratings: pd.DataFrame  # by number of stars
    years: pd.DataFrame  # by year; no rows without times
    times: tuple[int, int] | None  # the first and the last


def write(work: Engine, indexed: Indexed, folder: Path) -> Description:
    """Write the files of the index, and describe the ratings."""
    ratings, stars, years = folder / "ratings_by_user.parquet", [], []
    with parquet_writer.tables() as append:
        for path in indexed.blocks:
            block = exchange.load(path)
            append(ratings, pa.Table.from_batches([block]).drop_columns("user_index"))
            stars.append(_histogram("rating", block["rating"]))
            seconds = block["timestamp"].cast(pa.timestamp("s"))
            years.append(_histogram("year", pc.year(seconds)))
        users = parquet_tables.row_columns(indexed.by_user, {"user_id": indexed.user_ids})
        append(folder / "users.parquet", users)
        movies = parquet_tables.movie_columns(indexed.movies)
        append(folder / "items.parquet", parquet_tables.row_columns(indexed.by_item, movies))
        by_item = exchange.by_item(work, indexed.to_items, len(indexed.blocks))
        for table in by_item:
            append(folder / "ratings_by_item.parquet", table)
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
