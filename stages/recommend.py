"""Recommend the best unseen movies to every user, a block of users at a time."""

from movierec.core import atomic, checksums, manifests, paths, result_files, stage
from movierec.core.params import load_params
from movierec.data import parquet_tables
from movierec.data.stored_ratings import StoredRatings
from movierec.engine import factory
from movierec.model import model_file
from movierec.model.top_n_lists import Work
from movierec.recommending import batch, export
from movierec.recommending.batch import Ranker
from movierec.recommending.list_statistics import ListStatistics


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.INDEX, params.dataset)
    unchanged = checksums.unchanged(*model_file.MODELS.values())
    models = model_file.read_models(manifest)
    names = ("users.parquet", "items.parquet", "ratings_by_user.parquet")
    manifests.check_files(paths.INDEX, manifest, "index", *names)
    manifests.check_files(paths.SPLIT, models.manifest, "split", *parquet_tables.TRAINING_FILES)
    users, items = parquet_tables.read_users(), parquet_tables.read_items()
    n_ratings = items["n_ratings"].to_numpy()
    statistics = ListStatistics(n_ratings)
    ranker = Ranker.of(params, models)
    made_with = params.model_dump(include={"recommend"})
    provenance = export.provenance("recommend", made_with, models.manifest)
    with (
        factory.opened(params.engine) as workers,
        workers.scratch("recommend") as scratch,
        atomic.atomic_file(paths.RECOMMENDATIONS) as path,
        unchanged,
    ):
        if params.recommend.ranking == "lower_bound":
            by_item = StoredRatings.train("item", model_file.train_result(models.rating).refit)
            ranker = batch.with_terms(workers, ranker, by_item, scratch)
        eligible = n_ratings >= params.recommend.min_ratings
        work = Work()
        blocks = batch.recommend_all(workers, ranker, StoredRatings.seen(), eligible, work)
        export.write_recommendations(path, users, items, statistics.watch(blocks), provenance)
    measured = {"n_users": len(users), **statistics.metrics()}
    result_files.write_details("recommend", params, measured)
    summary = {
        "ranked by": params.recommend.ranking,
        "lists": f"{measured['n_recommendations']:,} recommendations for {len(users):,} users",
        "coverage": f"{100 * measured['coverage']:.1f}% of {len(items):,} movies",
    }
    if work.of:
        summary["skipped"] = f"{100 * work.skipped:.0f}% of the products, by bounds"
    return summary


if __name__ == "__main__":
    stage.run("recommend", main)
