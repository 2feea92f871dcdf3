"""Export similar movies and vectors for other tools, and write the model card and the page."""

from collections.abc import Iterator
from functools import partial
from itertools import islice

import pyarrow as pa

from movierec.core import atomic, manifests, paths, result_files, stage
from movierec.core.params import load_params
from movierec.data import parquet_tables
from movierec.engine.blocks import cut_evenly
from movierec.model import model_file, top_n_lists
from movierec.model.biased_mf import Model
from movierec.page import bundle, payload
from movierec.recommending import export, model_card, rankers, selection

N_SIMILAR = 20  # neighbours of each movie
USERS = 1 << 16  # users whose vectors are written at a time


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.INDEX, params.dataset)
    models = model_file.read_models(manifest)
    model, watched = models.rating, models.implicit
    manifests.check_files(paths.INDEX, manifest, "index", "users.parquet", "items.parquet")
    users, items = parquet_tables.read_users(), parquet_tables.read_items()
    settings, scale = params.recommend, params.data.scale
    genres = selection.genre_vectors(items["genres"], settings.genre_weight)
    sides = watched.item_factors, model.item_factors
    factors = selection.vectors(*sides, settings.rating_weight, genres)
    eligible = items["n_ratings"].to_numpy() >= settings.min_ratings
    similar = top_n_lists.all_similar_items(factors, N_SIMILAR, eligible)

    def blends() -> Iterator[Model]:
        for first, stop in cut_evenly(len(users), USERS):
            of_block = slice(first, stop)
            sides = watched.of_users(of_block), model.of_users(of_block)
            yield rankers.blend(*sides, settings.rating_weight, scale)

    item_factors = map(rankers.item_vectors, islice(blends(), 1))
    user_factors = map(rankers.user_vectors, blends())
    user_names = {"user_id": pa.array(users["user_id"].to_numpy())}
    movie_names = {
        "movie_id": pa.array(items["movie_id"].to_numpy()),
        "title": pa.array(items["title"], pa.string()),
    }
    writers = {
        "similar_items": partial(
            export.write_similar_items, items=items, lists=similar[0], cosines=similar[1]
        ),
        "item_factors": partial(export.write_factors, names=movie_names, blocks=item_factors),
        "user_factors": partial(export.write_factors, names=user_names, blocks=user_factors),
    }
    provenance = export.provenance(
        "export", params.model_dump(include={"recommend"}), models.manifest
    )
    for name, write in writers.items():
        with atomic.atomic_file(paths.RECOMMENDATIONS.with_name(f"{name}.parquet")) as path:
            write(path, provenance=provenance)
    measured = {name: result_files.read_details(name, params=params) for name in model_card.STAGES}
    card = model_card.render(params, model.manifest, measured)
    with atomic.atomic_file(paths.RECOMMENDATIONS.with_name("MODEL_CARD.md")) as path:
        path.write_text(card, encoding="utf-8")
    page = payload.Page(params, models, items, measured)
    html, described = bundle.NO_PAGE, "none, since page.movies is 0"
    if page.n_movies:
        html = bundle.render(page.data())
        described = f"{page.n_movies:,} movies in {paths.PAGE}"
    with atomic.atomic_file(paths.PAGE) as path:
        path.write_text(html, encoding="utf-8")
    return {
        "vectors": f"{len(users):,} users, {len(items):,} movies",
        "similar": f"up to {N_SIMILAR} movies per movie",
        "page": described,
    }


if __name__ == "__main__":
    stage.run("export", main)
