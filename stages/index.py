"""Index the archive: ratings as Parquet by user and by item, the most rated first."""

from typing import Any

import numpy as np
import pandas as pd

from movierec.core import atomic, manifests, paths, result_files, stage
from movierec.core.errors import MovierecError
from movierec.core.params import Params, PathSource, load_params
from movierec.datasets.validation import MOVIE_REASONS, RATING_REASONS, RowCounts
from movierec.engine import factory
from movierec.prepare import index_blocks


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.RAW, params.dataset)
    hashes = manifests.hashes_of(manifest, "download", paths.RAW)
    in_parts = isinstance(params.data, PathSource) and params.data.parts
    name, sha256 = ("", "") if in_parts else next(iter(hashes.items()))
    with factory.opened(params.engine) as work, work.scratch("index") as scratch:
        indexed = index_blocks.build(
            work, scratch, paths.RAW / name, sha256, params.data, params.index.max_rejected
        )
        check_parts(indexed.n_in_two_parts, params)
        rows, movies = indexed.counts.ratings, indexed.counts.movies
        n_ratings = int(indexed.by_user.sum())
        counts = {
            "n_ratings": n_ratings,
            "n_users": len(indexed.by_user),
            "n_movies": len(indexed.by_item),
            "n_rated_movies": int(np.count_nonzero(indexed.by_item)),
            "n_unlisted_movies": indexed.counts.n_unlisted,
            "rows": count_rows(rows, n_ratings, indexed.n_superseded, indexed.n_in_two_parts),
            "movie_rows": {
                "read": movies.n_read,
                "kept": movies.n_kept,
                "rejected": movies.by_reason(MOVIE_REASONS),
            },
        }
        with atomic.atomic_folder(paths.INDEX) as folder:
            description = index_blocks.write(work, indexed, folder)
            made_with = params.model_dump(include={"index"})
            entry = manifests.make_record(made_with, manifests.hash_files(folder), counts)
            manifests.write_manifest(folder, {**manifest, "index": entry})
    described = describe(description.ratings, len(indexed.by_user) * len(indexed.by_item))
    first, last = description.times or (None, None)
    times = {"first_timestamp": first, "last_timestamp": last}
    result_files.write_details("index", params, {**counts, **described, **times})
    result_files.write_plot("plots/index/ratings.csv", description.ratings)
    result_files.write_plot("plots/index/years.csv", description.years)
    return {
        "rows": f"{rows.n_read:,} read, {rows.rejected.total():,} rejected,"
        f" {indexed.n_superseded:,} superseded"
        + (f", of them {n:,} in two parts" if (n := indexed.n_in_two_parts) else ""),
        "ratings": f"{n_ratings:,} by {counts['n_users']:,} users",
        "movies": ", ".join(
            [
                f"{counts['n_movies']:,}, of which {counts['n_rated_movies']:,} rated",
                *([f"{n:,} rows rejected"] if (n := movies.rejected.total()) else []),
                *([f"{n:,} without a row"] if (n := indexed.counts.n_unlisted) else []),
            ]
        ),
        **({} if description.times else {"times": "none"}),
    }


def check_parts(n_in_two_parts: int, params: Params) -> None:
    """Raise MovierecError for more than index.max_rejected ratings that two parts have."""
    if n_in_two_parts > params.index.max_rejected:
        raise MovierecError(
            f"{params.dataset}: {n_in_two_parts:,} ratings of validation or test are of a user and"
            " movie that an earlier part has, too, more than index.max_rejected in params.yaml"
            f" allows ({params.index.max_rejected:,}); delete them or raise it"
        )


def count_rows(
    rows: RowCounts, n_kept: int, n_superseded: int, n_in_two_parts: int
) -> dict[str, Any]:
    """Count every row read as kept, or as rejected under one reason."""
    rejected = rows.by_reason(RATING_REASONS)
    rejected["superseded"] = n_superseded - n_in_two_parts
    if n_in_two_parts:
        rejected["in_two_parts"] = n_in_two_parts
    return {"read": rows.n_read, "kept": n_kept, "rejected": rejected}


def describe(ratings: pd.DataFrame, n_pairs: int) -> dict[str, float]:
    """The mean rating and the density. ratings: the number of ratings by stars."""
    n_ratings = int(ratings["n_ratings"].sum())
    stars = ratings["rating"].to_numpy(np.float64)
    total = float((stars * ratings["n_ratings"].to_numpy()).sum())
    return {"mean_rating": total / n_ratings, "density": n_ratings / n_pairs}


if __name__ == "__main__":
    stage.run("index", main)
