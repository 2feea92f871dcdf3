"""Draw the pictures of the run, and write the tables of those about models and recommendations."""

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from movierec.core import manifests, paths, result_files, stage
from movierec.core.params import load_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array
from movierec.data.titles import display_title
from movierec.model import model_file
from movierec.plotting import drawing, factor_maps, popularity_tables
from movierec.plotting.registry import PICTURES
from movierec.plotting.results import Results
from movierec.recommending import selection


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.INDEX, params.dataset)
    models = model_file.read_models(manifest)
    model, implicit = models.rating, models.implicit
    manifests.check_files(paths.INDEX, manifest, "index", "users.parquet", "items.parquet")
    items = parquet_tables.read_items()
    items["title"] = items["title"].map(display_title)
    provenance = parquet_tables.read_provenance(paths.RECOMMENDATIONS)
    manifests.check_same_origin(provenance, models.manifest, paths.RECOMMENDATIONS)
    (user_counts,) = parquet_tables.read_columns(paths.INDEX / "users.parquet", ["n_ratings"])
    n_ratings, n_lists = items["n_ratings"].to_numpy(), count_lists(items)
    settings = params.recommend
    of_genres = selection.genre_vectors(items["genres"], settings.genre_weight)
    sides = implicit.item_factors, model.item_factors
    vectors = selection.vectors(*sides, settings.rating_weight, of_genres)
    genres, genre_movies = factor_maps.genres(model.item_factors, items)
    tables = {
        "activity": popularity_tables.activity(user_counts, n_ratings),
        "most_rated": popularity_tables.most_rated(items),
        "genre_ratings": popularity_tables.genre_ratings(items),
        "recommended": popularity_tables.recommended(n_ratings, n_lists),
        "recommended_genres": popularity_tables.recommended_genres(items, n_lists),
        "factors": factor_maps.factor_map(model.item_factors, items),
        "polarising": factor_maps.polarising(model.user_factors, model.item_factors, items),
        "genres": genres,
        "genre_movies": genre_movies,
        "neighbours": factor_maps.neighbours(vectors, items, settings.min_ratings),
    }
    for name, rows in tables.items():
        result_files.write_plot(f"plots/draw/{name}.csv", rows)
    drawing.draw_all(Results.read(params))
    return {"pictures": f"{len(PICTURES)} in plots/pictures"}


def count_lists(items: pd.DataFrame) -> Array:
    """The number of exported lists that contain each movie: (n_items,) int64."""
    movie_ids = parquet_tables.read_table(paths.RECOMMENDATIONS, ["movie_id"])["movie_id"]
    values, counts = (
        part.to_numpy(zero_copy_only=False) for part in pc.value_counts(movie_ids).flatten()
    )
    n_lists = pd.Series(counts, index=values).reindex(items["movie_id"], fill_value=0)
    return n_lists.to_numpy(np.int64)


if __name__ == "__main__":
    stage.run("draw", main)
