"""Index: the archive as Parquet, by user and by item, in falling order of rating count."""

import numpy as np
import pandas as pd

from movierec import artifacts, errors, index, movielens, outputs, pinned, reports
from movierec.params import load_params
from movierec.sparse import Ratings


def main() -> None:
    params = load_params()
    manifest = outputs.read_manifest(outputs.RAW, params.dataset)
    path = outputs.RAW / manifest["archive"]["file"]
    pinned.check_sha256(path, manifest["archive"]["sha256"])
    archive = movielens.read_archive(path, params.data)
    indexed = index.build(archive.ratings, archive.user_ids, archive.movies["movie_id"].to_numpy())
    ratings, n_users, n_items = indexed.ratings, len(indexed.user_ids), len(indexed.movie_ids)
    by_user = ratings.by_user(n_users)
    by_item = by_user.transpose(n_items)
    movies = archive.movies.set_index("movie_id").loc[indexed.movie_ids].reset_index()
    counts = {
        "n_ratings": len(ratings),
        "n_users": n_users,
        "n_movies": n_items,
        "n_rated_movies": int(np.count_nonzero(by_item.counts)),
        "n_duplicates": indexed.n_duplicates,
    }
    with outputs.output_folder(outputs.INDEX) as folder:
        artifacts.write_rows(folder / "users.parquet", by_user, {"user_id": indexed.user_ids})
        artifacts.write_rows(folder / "items.parquet", by_item, artifacts.movie_columns(movies))
        artifacts.write_by_user(folder / "ratings_by_user.parquet", by_user, ratings.timestamp)
        artifacts.write_by_item(folder / "ratings_by_item.parquet", by_item)
        outputs.write_manifest(folder, {**manifest, "index": counts})
    reports.write_metrics("metrics/index.json", {**counts, **describe(ratings, n_users, n_items)})
    write_plots(ratings)
    reports.say(
        f"index      {counts['n_ratings']:,} ratings, {n_users:,} users, {n_items:,} movies,"
        f" of which {counts['n_rated_movies']:,} rated; {indexed.n_duplicates:,} duplicates"
    )


def describe(ratings: Ratings, n_users: int, n_items: int) -> dict[str, float]:
    return {
        "mean_rating": float(ratings.rating.mean(dtype=np.float64)),
        "density": len(ratings) / (n_users * n_items),
        "first_timestamp": int(ratings.timestamp.min()),
        "last_timestamp": int(ratings.timestamp.max()),
    }


def write_plots(ratings: Ratings) -> None:
    earliest, latest = ratings.timestamp.min(), ratings.timestamp.max()
    values, counts = np.unique(ratings.rating, return_counts=True)
    histogram = pd.DataFrame({"rating": values, "n_ratings": counts})
    reports.write_plot("plots/ratings.csv", histogram)
    first, last = (int(str(end.astype("datetime64[s]"))[:4]) for end in (earliest, latest))
    years = np.arange(first, last + 1)
    starts = (years - 1970).astype("datetime64[Y]").astype("datetime64[s]").astype(np.int64)
    counts = np.histogram(ratings.timestamp, [*starts, latest + 1])[0]
    reports.write_plot("plots/years.csv", pd.DataFrame({"year": years, "n_ratings": counts}))


if __name__ == "__main__":
    errors.run(main)
