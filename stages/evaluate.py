"""Evaluate: errors on every part of the data, rankings, and baselines beside both."""

from dataclasses import asdict

import pandas as pd

from movierec import artifacts, baselines, evaluate, figures, model_file, outputs, reports, stage
from movierec.metrics import errors_of, squared_errors
from movierec.params import load_params


def main() -> None:
    params = load_params()
    manifest = outputs.read_manifest(outputs.SPLIT, params.dataset)
    model = model_file.read_model()
    outputs.check_same_origin(model.manifest, manifest, outputs.MODEL)
    outputs.check_files(outputs.SPLIT, manifest, "split")
    outputs.check_files(outputs.INDEX, manifest, "index", "items.parquet")
    scale = (params.data.rating_min, params.data.rating_max)
    result = model.manifest["train"]["result"]
    train, known = artifacts.read_train_by_user(), artifacts.read_train_and_validation()
    test = artifacts.read_ratings(outputs.SPLIT / "test.parquet")
    by_user = known if result["refit"] else train  # what the model was fitted on
    by_item = by_user.transpose(model.n_items)
    others = {
        "global_mean": baselines.global_mean(by_user, by_item),
        "item_mean": baselines.item_mean(by_user, by_item),
        "damped_biases": baselines.damped_biases(
            by_user, by_item, params.evaluate.baseline_damping
        ),
    }
    ranked = {
        "model": model,
        "damped_biases": others["damped_biases"],
        "popularity": baselines.popularity(by_user, by_item),
    }
    on_train = errors_of(model, train.ratings, scale)
    report = {
        "test": asdict(errors_of(model, test, scale)),
        "train": {"rmse": on_train.rmse, "mae": on_train.mae},
        "validation": result["validation"] or {},
        "baseline": {
            name: {"rmse": errors_of(other, test, scale).rmse} for name, other in others.items()
        },
        **evaluate.rank(ranked, known, test, params),
        "made_from": [outputs.hash_of_manifest(model.manifest)],  # a list: DVC shows numbers alone
    }
    reports.write_metrics("metrics/evaluate.json", report)
    of_model = squared_errors(model, test, scale)
    of_biases = squared_errors(others["damped_biases"], test, scale)
    for name, counts in (
        ("user_activity", by_user.counts[test.user_index]),
        ("item_popularity", by_item.counts[test.item_index]),
    ):
        curve = evaluate.errors_by_count(counts, of_model, of_biases)
        reports.write_plot(f"plots/rmse_by_{name}.csv", curve)
    rmses = {name: errors["rmse"] for name, errors in report["baseline"].items()}
    training = pd.read_csv("plots/training.csv")
    figures.result(
        "plots/result.png",
        params.dataset,
        report["test"]["rmse"],
        rmses,
        training,
        result["best_epoch"],
    )
    titles = artifacts.read_items()["title"]
    figures.factor_map("plots/factors.png", model.item_factors, titles, by_item.counts)
    best = min(rmses, key=lambda name: rmses[name])
    reports.say(
        f"evaluate   test RMSE {report['test']['rmse']:.4f}; the best baseline, {best}, has"
        f" {rmses[best]:.4f}"
    )


if __name__ == "__main__":
    stage.run("evaluate", main)
