"""Evaluate errors and rankings on test ratings, with confidence intervals and baselines."""

from movierec.core import atomic, checksums, manifests, paths, result_files, stage
from movierec.core.params import load_params
from movierec.data import parquet_tables
from movierec.engine import factory
from movierec.evaluation import collect, evaluate
from movierec.model import model_file
from movierec.recommending import batch, export
from movierec.recommending.batch import Ranker


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.SPLIT, params.dataset)
    unchanged = checksums.unchanged(*model_file.MODELS.values())
    models = model_file.read_models(manifest)
    manifests.check_files(paths.SPLIT, manifest, "split")
    manifests.check_files(paths.INDEX, manifest, "index", "items.parquet")
    trained = model_file.train_result(models.rating)
    files = collect.RatingFiles.from_split(paths.SPLIT / "test.parquet", trained.refit)
    ranker = Ranker.of(params, models)
    with (
        factory.opened(params.engine) as workers,
        workers.scratch("evaluate") as scratch,
        unchanged,
    ):
        ranker = batch.with_terms(workers, ranker, files.fitted[1], scratch)
        how = trained.intervals, parquet_tables.read_items(), scratch
        outputs, on_train = collect.collect(workers, files, ranker, *how)
    result = evaluate.evaluate(outputs, models.implicit.item_factors, params)
    made_from = models.manifest
    measured = {
        "test": result.metrics.pop("test"),
        "train": {"rmse": on_train.rmse, "mae": on_train.mae},
        "validation": trained.validation or {},
        **result.metrics,
        "intervals": result.intervals,
        "made_from": manifests.hash_manifest(made_from),
    }
    ranking = params.recommend.ranking
    ndcg, coverage = (f"{name}@{params.evaluate.top_n}" for name in ("ndcg", "coverage"))
    lists, popular = (measured["ranking"][name] for name in (ranking, "popularity"))
    best = min(measured["baseline"], key=lambda name: measured["baseline"][name]["rmse"])
    result_files.write_details("evaluate", params, measured)
    result_files.write_metrics(
        "test",
        {key: measured["test"][key] for key in ("rmse", "mae")}
        | {key: lists[key] for key in (ndcg, coverage)},
    )
    result_files.write_metrics(
        "test_baseline", {"rmse": measured["baseline"][best]["rmse"], ndcg: popular[ndcg]}
    )
    for name, rows in result.plots.items():
        result_files.write_plot(f"plots/evaluate/{name}.csv", rows)
    made_with = params.model_dump(include={"seed", "evaluate", "recommend"})
    provenance = export.provenance("evaluate", made_with, made_from)
    with atomic.atomic_file(paths.EVALUATION_BY_USER) as path:
        parquet_tables.write_table(path, result.by_user, provenance)
    test, baseline = measured["test"]["rmse"], measured["baseline"][best]["rmse"]
    low, high = result.intervals["test"]["rmse"].values()
    return {
        "test": f"RMSE {test:.4f} (95%: {low:.4f} to {high:.4f})",
        "baseline": f"RMSE {baseline:.4f} by {best}, the best of {len(measured['baseline'])}",
        "lists": f"{ndcg.upper()} {lists[ndcg]:.4f} by {ranking}; popularity {popular[ndcg]:.4f}",
    }


if __name__ == "__main__":
    stage.run("evaluate", main)
