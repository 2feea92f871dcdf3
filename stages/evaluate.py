"""Evaluate: errors on every part of the data, rankings, how sure both are, and baselines."""

from functools import partial

from movierec import artifacts, evaluate, model_file, outputs, reports, scores, stage
from movierec.metrics import errors_of
from movierec.params import Params, load_params


def main() -> stage.Facts:
    params = load_params()
    manifest = outputs.read_manifest(outputs.SPLIT, params.dataset)
    model, watched = model_file.read_models(manifest)
    outputs.check_files(outputs.SPLIT, manifest, "split")
    outputs.check_files(outputs.INDEX, manifest, "index", "items.parquet")
    result = model.manifest["train"]["result"]
    train, known = artifacts.read_train_by_user(), artifacts.read_train_and_validation()
    test, items = artifacts.read_ratings(outputs.SPLIT / "test.parquet"), artifacts.read_items()
    fitted = known if result["refit"] else train
    on_train = errors_of(model, train.ratings, (params.data.rating_min, params.data.rating_max))
    on_validation = result["validation"] or {}
    expected = on_validation.get("rmse", on_train.rmse)
    trained_with = model_file.trained_with(model)
    ranked = {
        name: scores.ranking(name, watched, model, params, trained_with, lambda: fitted)
        for name in scores.RANKINGS
    }
    found = evaluate.evaluate(model, watched, expected, ranked, fitted, known, test, items, params)
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
