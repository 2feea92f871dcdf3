"""Evaluate: errors on every part of the data, rankings, how sure both are, and baselines."""

from functools import partial

from movierec.core import atomic, manifests, paths, reporting, stage
from movierec.core.params import Params, load_params
from movierec.data import parquet_tables
from movierec.engine import factory
from movierec.evaluation import collect, evaluate
from movierec.model import model_file
from movierec.recommending import batch
from movierec.recommending.batch import Ranker


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.SPLIT, params.dataset)
    model, watched = model_file.read_models(manifest)
    manifests.check_files(paths.SPLIT, manifest, "split")
    manifests.check_files(paths.INDEX, manifest, "index", "items.parquet")
    result = model.manifest["train"]["result"]
    on_validation = result["validation"] or {}
    data = collect.EvaluationData.of(paths.SPLIT / "test.parquet", result["refit"])
    ranker = Ranker(params, data.fitted[0], model_file.trained_with(model))
    with (
        factory.opened(params.engine) as workers,
        workers.scratch("evaluate") as scratch,
    ):
        ranker = batch.with_parts(workers, ranker, data.fitted[1], scratch)
        judged, on_train = collect.found(workers, data, ranker, on_validation.get("rmse"), scratch)
    found = evaluate.evaluate(judged, watched.item_factors, parquet_tables.read_items(), params)
    made_of = {**model.manifest, **watched.manifest}
    report = {
        "test": found.metrics.pop("test"),
        "train": {"rmse": on_train.rmse, "mae": on_train.mae},
        "validation": on_validation,
        **found.metrics,
        "made_from": [manifests.hash_manifest(made_of)],  # a list: DVC shows numbers alone
    }
    reporting.write_metrics("metrics/evaluate.json", report)
    reporting.write_metrics("metrics/intervals.json", found.intervals)
    for name, rows in found.plots.items():
        reporting.write_plot(f"plots/evaluate/{name}.csv", rows)
    with atomic.atomic_file(paths.EVALUATION_BY_USER) as path:
        parquet_tables.write_table(path, found.by_user, partial(chain, params, made_of))
    rmses = {name: errors["rmse"] for name, errors in report["baseline"].items()}
    low, high = found.intervals["test"]["rmse"].values()
    best = min(rmses, key=lambda name: rmses[name])
    ndcg = f"ndcg@{params.evaluate.top_n}"
    names = (params.recommend.ranking, "popularity")
    lists = [f"{report['ranking'][name][ndcg]:.4f} by {name}" for name in names]
    return {
        "test": f"RMSE {report['test']['rmse']:.4f} (95 %: {low:.4f} to {high:.4f})",
        "baseline": f"RMSE {rmses[best]:.4f} by {best}, the best of {len(rmses)}",
        "lists": f"{ndcg.upper()} {', '.join(lists)}",
    }


def chain(params: Params, manifest: manifests.Manifest, data_hash: str) -> manifests.Manifest:
    """The manifest of the values by user."""
    made_with = params.model_dump(include={"seed", "evaluate", "recommend"})
    del made_with["recommend"]["top_n"]  # of the export alone
    return {**manifest, "evaluate": manifests.make_record(made_with, {"data": data_hash})}


if __name__ == "__main__":
    stage.run("evaluate", main)
