"""Index: the archive as Parquet, by user and by item, in falling order of rating count."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from movierec import artifacts, index, movielens, outputs, reports, stage
from movierec.params import load_params
from movierec.rating_table import REASONS, Rows
from movierec.sparse import Ratings


def main() -> stage.Facts:
    params = load_params()
    manifest = outputs.read_manifest(outputs.RAW, params.dataset)
    path, *_ = outputs.check_files(outputs.RAW, manifest, "download")
    archive = movielens.read_archive(path, params.data, params.index.max_refused)
    rows, movies = archive.rows, archive.movies.set_index("movie_id")
    indexed = index.build(archive.ratings, archive.user_ids, movies.index.to_numpy())
    del archive  # for the memory
    ratings, n_users, n_items = indexed.ratings, len(indexed.user_ids), len(indexed.movie_ids)
    by_user = ratings.by_user(n_users)
    with outputs.output_folder(outputs.INDEX) as folder:
        with artifacts.at_once() as write:
            path = folder / "ratings_by_user.parquet"
            write(artifacts.write_by_user, path, by_user, ratings.timestamp)
            by_item = by_user.transpose(n_items)
            write(artifacts.write_by_item, folder / "ratings_by_item.parquet", by_item)
            users = {"user_id": indexed.user_ids}
            write(artifacts.write_rows, folder / "users.parquet", by_user, users)
            items = artifacts.movie_columns(movies.loc[indexed.movie_ids].reset_index())
            write(artifacts.write_rows, folder / "items.parquet", by_item, items)
            plots = histograms(ratings)
        counts = {
            "n_ratings": len(ratings),
            "n_users": n_users,
            "n_movies": n_items,
            "n_rated_movies": int(np.count_nonzero(by_item.counts)),
            "rows": account(rows, len(ratings), indexed.n_superseded),
        }
        made_with = params.model_dump(include={"index"})
        entry = outputs.entry(made_with, outputs.hashes_of(folder), counts)
        outputs.write_manifest(folder, {**manifest, "index": entry})
    reports.write_metrics("metrics/index.json", {**counts, **describe(ratings, n_users, n_items)})
    for name, plot in plots.items():
        reports.write_plot(f"plots/{name}.csv", plot)
    return {
        "rows": f"{rows.n_read:,} read, {rows.refused.total():,} refused,"
        f" {indexed.n_superseded:,} superseded",
        "ratings": f"{counts['n_ratings']:,} by {n_users:,} users",
        "movies": f"{n_items:,}, of which {counts['n_rated_movies']:,} rated",
    }


def account(rows: Rows, n_kept: int, n_superseded: int) -> dict[str, Any]:
    """Every row read: kept, or refused for one reason."""
    refused = {reason: rows.refused[reason] for reason in REASONS}
    return {
        "read": rows.n_read,
        "kept": n_kept,
        "refused": {**refused, "superseded": n_superseded},
    }


def describe(ratings: Ratings, n_users: int, n_items: int) -> dict[str, float]:
    return {
        "mean_rating": float(ratings.rating.mean(dtype=np.float64)),
        "density": len(ratings) / (n_users * n_items),
        "first_timestamp": int(ratings.timestamp.min()),
        "last_timestamp": int(ratings.timestamp.max()),
    }


def histograms(ratings: Ratings) -> dict[str, pd.DataFrame]:
    """Ratings of each number of stars, and of each year."""
    seconds = pa.array(ratings.timestamp.view("datetime64[s]"))
    columns = {"rating": pa.array(ratings.rating), "year": pc.year(seconds)}
    counted = {name: pc.value_counts(column).flatten() for name, column in columns.items()}
    return {
        f"{name}s": pd.DataFrame({name: values, "n_ratings": counts}).sort_values(name)
        for name, (values, counts) in counted.items()
    }


if __name__ == "__main__":
    stage.run("index", main)
