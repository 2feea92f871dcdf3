"""Draw: every picture of the run, and the data of those that show models and recommendations."""

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from movierec.core import manifests, paths, reporting, stage
from movierec.core.params import RecommendParams, load_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array
from movierec.model import model_file
from movierec.model.biased_mf import Model
from movierec.plotting import drawing, factor_maps, popularity_tables
from movierec.plotting.registry import PICTURES
from movierec.plotting.results import Results
from movierec.recommending import selection


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.INDEX, params.dataset)
    model, watched = model_file.read_models(manifest)
    manifests.check_files(paths.INDEX, manifest, "index", "users.parquet", "items.parquet")
    items = parquet_tables.read_items()
    made_of = {**model.manifest, **watched.manifest}
    manifests.check_same_origin(
        parquet_tables.read_provenance(paths.RECOMMENDATIONS), made_of, paths.RECOMMENDATIONS
    )
    tables = {
        **of_counts(items),
        **of_factors(model, watched, items, params.recommend),
    }
    for name, rows in tables.items():
        reporting.write_plot(f"plots/draw/{name}.csv", rows)
    drawing.draw(Results.read(params.dataset))
    return {"pictures": f"{len(PICTURES)}, in plots/draw"}


def of_counts(items: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The data of what shows numbers of ratings and of recommendations."""
    n_ratings, listed = items["n_ratings"].to_numpy(), n_listed(items)
    (of_users,) = parquet_tables.read_columns(paths.INDEX / "users.parquet", ["n_ratings"])
    return {
        "activity": popularity_tables.activity(of_users, n_ratings),
        "most_rated": popularity_tables.most_rated(items),
        "genre_ratings": popularity_tables.genre_ratings(items),
        "recommended": popularity_tables.recommended(n_ratings, listed),
        "recommended_genres": popularity_tables.recommended_genres(items, listed),
    }


def n_listed(items: pd.DataFrame) -> Array:
    """In how many of the exported lists each movie is."""
    counted = pc.value_counts(
        parquet_tables.read_table(paths.RECOMMENDATIONS, ["movie_id"])["movie_id"]
    )
    values, counts = (part.to_numpy(zero_copy_only=False) for part in counted.flatten())
    listed = pd.Series(counts, index=values).reindex(items["movie_id"], fill_value=0)
    return listed.to_numpy(np.int64)


def of_factors(
    model: Model, watched: Model, items: pd.DataFrame, settings: RecommendParams
) -> dict[str, pd.DataFrame]:
    """The data of what shows item factors."""
    factors = selection.vectors(watched.item_factors, model.item_factors, settings.rating_weight)
    genres, movies = factor_maps.genres(model.item_factors, items)
    return {
        "factors": factor_maps.factor_map(model.item_factors, items),
        "polarising": factor_maps.polarising(model.user_factors, model.item_factors, items),
        "genres": genres,
        "genre_movies": movies,
        "neighbours": factor_maps.neighbours(factors, items, settings.min_ratings),
    }


if __name__ == "__main__":
    stage.run("draw", main)
