"""Export: what other tools can use at once, similar movies and vectors, and the model card."""

from functools import partial

import pyarrow as pa

from movierec.core import atomic, manifests, paths, stage
from movierec.core.params import Params, load_params
from movierec.data import parquet_tables
from movierec.model import model_file, top_n_lists
from movierec.recommending import export, model_card, rankers, selection

SIMILAR = 20  # neighbours of each movie


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.INDEX, params.dataset)
    model, watched = model_file.read_models(manifest)
    manifests.check_files(paths.INDEX, manifest, "index", "users.parquet", "items.parquet")
    users, items = parquet_tables.read_users(), parquet_tables.read_items()
    made_of = partial(chain, params, {**model.manifest, **watched.manifest})
    eligible = items["n_ratings"].to_numpy() >= params.recommend.min_ratings
    weight = params.recommend.rating_weight
    factors = selection.vectors(watched.item_factors, model.item_factors, weight)
    similar = top_n_lists.all_similar_items(factors, SIMILAR, eligible)
    scale = (params.data.rating_min, params.data.rating_max)
    blend = rankers.blend(watched, model, weight, scale)
    of_users, of_items = rankers.vectors(blend)
    user_names = {"user_id": pa.array(users["user_id"].to_numpy())}
    movie_names = {
        "movie_id": pa.array(items["movie_id"].to_numpy()),
        "title": pa.array(items["title"], pa.string()),
    }
    writers = {
        "similar_items": lambda path: export.write_similar_items(path, items, *similar, made_of),
        "item_factors": lambda path: export.write_factors(path, movie_names, of_items, made_of),
        "user_factors": lambda path: export.write_factors(path, user_names, of_users, made_of),
    }
    for name, write in writers.items():
        with atomic.atomic_file(paths.RECOMMENDATIONS.with_name(f"{name}.parquet")) as path:
            write(path)
    card = model_card.render(params, model.manifest, model_card.read_metrics())
    with atomic.atomic_file(paths.RECOMMENDATIONS.with_name("MODEL_CARD.md")) as path:
        path.write_text(card, encoding="utf-8")
    return {
        "vectors": f"{len(users):,} users, {len(items):,} movies",
        "similar": f"up to {SIMILAR} movies to each",
    }


def chain(params: Params, manifest: manifests.Manifest, data_hash: str) -> manifests.Manifest:
    """The manifest of a file."""
    entry = manifests.make_record(params.model_dump(include={"recommend"}), {"data": data_hash})
    return {**manifest, "export": entry}


if __name__ == "__main__":
    stage.run("export", main)
