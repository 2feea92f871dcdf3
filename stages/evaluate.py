"""Evaluate: errors on every part of the data, rankings, and baselines beside both."""

import pandas as pd

from movierec import artifacts, baselines, errors, evaluate, figures, model_file, outputs, reports
from movierec.metrics import errors_of
from movierec.params import load_params
from movierec.sparse import Ratings


def main() -> None:
    params = load_params()
    manifest = outputs.read_manifest(outputs.SPLIT, params.dataset)
    model = model_file.read_model()
    outputs.check_same_origin(model.manifest, manifest, outputs.MODEL)
    scale = (params.data.rating_min, params.data.rating_max)
    known = artifacts.read_train_and_validation()
    train, by_item = artifacts.read_train()
    if model.manifest["train"]["result"]["refit"]:
        by_item = known.transpose(model.n_items)
    fitted_on = known if model.manifest["train"]["result"]["refit"] else train
    test = artifacts.read_ratings(outputs.SPLIT / "test.parquet")
    on_test = errors_of(model, test, scale)
    damping = params.evaluate.baseline_damping
    others = {
        "global_mean": baselines.global_mean(fitted_on, by_item),
        "item_mean": baselines.item_mean(fitted_on, by_item),
        "damped_biases": baselines.damped_biases(fitted_on, by_item, damping),
    }
    of_others = {name: errors_of(other, test, scale) for name, other in others.items()}
    train_ratings = Ratings(train.row_index, train.indices, train.values, train.values)
    report = {
        "test": on_test.summary,
        "train": errors_of(model, train_ratings, scale).summary,
        "validation": model.manifest["train"]["result"]["validation"] or {},
        "baseline": {name: entry.summary for name, entry in of_others.items()},
        "ranking": evaluate.rank(
            {
                "model": model,
                "damped_biases": others["damped_biases"],
                "popularity": baselines.popularity(fitted_on, by_item),
            },
            known,
            test,
            params,
        ),
    }
    reports.write_metrics("metrics/evaluate.json", report)
    biases = of_others["damped_biases"]
    for name, counts, index in (
        ("user_activity", fitted_on.counts, test.user_index),
        ("item_popularity", by_item.counts, test.item_index),
    ):
        curve = evaluate.errors_by_count(counts[index], on_test, biases)
        reports.write_plot(f"plots/rmse_by_{name}.csv", curve)
    rmses = {name: entry.rmse for name, entry in of_others.items()}
    curve = pd.read_csv("plots/training.csv")
    figures.result("plots/result.png", params.dataset, on_test.rmse, rmses, curve)
    items = artifacts.read_items()
    figures.factor_map("plots/factors.png", model.item_factors, items["title"], by_item.counts)
    say(report)


def say(report: dict[str, dict]) -> None:
    name, best = min(report["baseline"].items(), key=lambda entry: entry[1]["rmse"])
    reports.say(
        f"evaluate   test RMSE {report['test']['rmse']:.4f}; the best baseline, {name}, has"
        f" {best['rmse']:.4f}"
    )


if __name__ == "__main__":
    errors.run(main)
