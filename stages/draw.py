"""Draw: every picture of the run, and the data of those that show models and recommendations."""

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from movierec import (
    artifacts,
    figures,
    landscape,
    lists,
    model_file,
    outputs,
    popularity,
    reports,
    stage,
)
from movierec.model import Model
from movierec.params import RecommendParams, load_params
from movierec.pictures import PICTURES
from movierec.results import Results
from movierec.sparse import Array


def main() -> stage.Facts:
    params = load_params()
    manifest = outputs.read_manifest(outputs.INDEX, params.dataset)
    model, watched = model_file.read_models(manifest)
    outputs.check_files(outputs.INDEX, manifest, "index", "users.parquet", "items.parquet")
    items = artifacts.read_items()
    made_of = {**model.manifest, **watched.manifest}
    outputs.check_same_origin(artifacts.read_chain(outputs.EXPORT), made_of, outputs.EXPORT)
    tables = {
        **of_counts(items),
        **of_factors(model, watched, items, params.recommend),
    }
    for name, rows in tables.items():
        reports.write_plot(f"plots/{name}.csv", rows)
    figures.draw(Results.read(params.dataset))
    return {"pictures": f"{len(PICTURES)}, in plots"}


def of_counts(items: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The data of what shows numbers of ratings and of recommendations."""
    n_ratings, listed = items["n_ratings"].to_numpy(), n_listed(items)
    (of_users,) = artifacts.read_columns(outputs.INDEX / "users.parquet", ["n_ratings"])
    return {
        "activity": popularity.activity(of_users, n_ratings),
        "most_rated": popularity.most_rated(items),
        "genre_ratings": popularity.genre_ratings(items),
        "recommended": popularity.recommended(n_ratings, listed),
        "recommended_genres": popularity.recommended_genres(items, listed),
    }


def n_listed(items: pd.DataFrame) -> Array:
    """In how many of the exported lists each movie is."""
    counted = pc.value_counts(artifacts.read_table(outputs.EXPORT, ["movie_id"])["movie_id"])
    values, counts = (part.to_numpy(zero_copy_only=False) for part in counted.flatten())
    listed = pd.Series(counts, index=values).reindex(items["movie_id"], fill_value=0)
    return listed.to_numpy(np.int64)


def of_factors(
    model: Model, watched: Model, items: pd.DataFrame, settings: RecommendParams
) -> dict[str, pd.DataFrame]:
    """The data of what shows item factors."""
    factors = lists.vectors(watched.item_factors, model.item_factors, settings.rating_weight)
    genres, movies = landscape.genres(model.item_factors, items)
    return {
        "factors": landscape.factor_map(model.item_factors, items),
        "polarising": landscape.polarising(model.user_factors, model.item_factors, items),
        "genres": genres,
        "genre_movies": movies,
        "neighbours": landscape.neighbours(factors, items, settings.min_ratings),
    }


if __name__ == "__main__":
    stage.run("draw", main)
