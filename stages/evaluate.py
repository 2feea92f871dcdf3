"""Evaluate: errors on every part of the data, rankings, how sure both are, and baselines."""

from functools import partial

from movierec import (
    artifacts,
    engines,
    evaluate,
    model_file,
    outputs,
    passes,
    reports,
    stage,
    user_lists,
)
from movierec.params import Params, load_params
from movierec.user_lists import Ranker


def main() -> stage.Facts:
    params = load_params()
    manifest = outputs.read_manifest(outputs.SPLIT, params.dataset)
    model, watched = model_file.read_models(manifest)
    outputs.check_files(outputs.SPLIT, manifest, "split")
    outputs.check_files(outputs.INDEX, manifest, "index", "items.parquet")
    result = model.manifest["train"]["result"]
    on_validation = result["validation"] or {}
    data = passes.Data.of(outputs.SPLIT / "test.parquet", result["refit"])
    ranker = Ranker(params, data.fitted[0], model_file.trained_with(model))
    with (
        engines.opened(params.engine) as workers,
        workers.scratch("evaluate") as scratch,
    ):
        ranker = user_lists.with_parts(workers, ranker, data.fitted[1], scratch)
        judged, on_train = passes.found(workers, data, ranker, on_validation.get("rmse"), scratch)
    found = evaluate.evaluate(judged, watched.item_factors, artifacts.read_items(), params)
    made_of = {**model.manifest, **watched.manifest}
    report = {
        "test": found.metrics.pop("test"),
        "train": {"rmse": on_train.rmse, "mae": on_train.mae},
        "validation": on_validation,
        **found.metrics,
        "made_from": [outputs.hash_of_manifest(made_of)],  # a list: DVC shows numbers alone
    }
    reports.write_metrics("metrics/evaluate.json", report)
    reports.write_metrics("metrics/intervals.json", found.intervals)
    for name, rows in found.plots.items():
        reports.write_plot(f"plots/{name}.csv", rows)
    with outputs.output_file(outputs.BY_USER) as path:
        artifacts.write_table(path, found.by_user, partial(chain, params, made_of))
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


def chain(params: Params, manifest: outputs.Manifest, data_hash: str) -> outputs.Manifest:
    """The manifest of the values by user."""
    made_with = params.model_dump(include={"seed", "evaluate", "recommend"})
    del made_with["recommend"]["top_n"]  # of the export alone
    return {**manifest, "evaluate": outputs.entry(made_with, {"data": data_hash})}


if __name__ == "__main__":
    stage.run("evaluate", main)
