"""Evaluate: errors on every part of the data, rankings, and baselines beside both."""

import numpy as np
import pandas as pd

from movierec import artifacts, baselines, errors, figures, metrics, model_file, outputs, recommend, reports, seeds
from movierec.metrics import Errors, errors_of
from movierec.model import Model
from movierec.params import Params, load_params
from movierec.sparse import Array, Csr, Ratings


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
        "ranking": rank(
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
        curve = errors_by_count(counts[index], on_test, biases)
        reports.write_plot(f"plots/rmse_by_{name}.csv", curve)
    rmses = {name: entry.rmse for name, entry in of_others.items()}
    curve = pd.read_csv("plots/training.csv")
    figures.result("plots/result.png", params.dataset, on_test.rmse, rmses, curve)
    items = artifacts.read_items()
    figures.factor_map("plots/factors.png", model.item_factors, items["title"], by_item.counts)
    say(report)


def rank(
    models: dict[str, Model], known: Csr, test: Ratings, params: Params
) -> dict[str, dict[str, float]]:
    """Judge each model's lists over a seeded sample of users; all items not in `known` compete."""
    n, draw = params.evaluate.top_n, seeds.stream(params.seed, "evaluate/users")
    n_sampled = min(params.evaluate.ranking_users, known.n_rows)
    users = np.sort(draw.choice(known.n_rows, n_sampled, replace=False))
    row = np.full(known.n_rows, -1, np.int32)
    row[users] = np.arange(len(users), dtype=np.int32)
    wanted = (test.rating >= params.evaluate.relevant_rating) & (row[test.user_index] >= 0)
    relevant = test.take(wanted)
    relevant = Ratings(row[relevant.user_index], *list(vars(relevant).values())[1:])
    counts = np.bincount(known.indices, minlength=next(iter(models.values())).n_items)
    seen = known.take(users)
    result = {}
    for name, model in models.items():
        # As in the export, the model recommends no movie with fewer ratings than the floor.
        floor = params.recommend.min_ratings if name == "model" else 0
        lists, _ = recommend.top_n(model, seen, n, counts >= floor, users)
        quality = metrics.ranking(lists, relevant, counts, known.n_rows)
        result[name] = {
            f"ndcg@{n}": quality.ndcg,
            f"recall@{n}": quality.recall,
            f"precision@{n}": quality.precision,
            f"coverage@{n}": quality.coverage,
            f"novelty@{n}": quality.novelty,
            "n_users": quality.n_users,
            "n_left_out": quality.n_left_out,
        }
    return result


def errors_by_count(counts: Array, model: Errors, baseline: Errors) -> pd.DataFrame:
    """RMSE on test by the number of ratings in training, in bins that double."""
    bins = np.where(counts > 0, np.floor(np.log2(np.maximum(counts, 1))) + 1, 0).astype(int)
    rows = []
    for number in np.unique(bins):
        inside = bins == number
        low, high = (0, 0) if number == 0 else (2 ** (number - 1), 2**number - 1)
        rows.append(
            {
                "n_ratings": str(low) if low == high else f"{low}-{high}",
                "rmse": np.sqrt(model.squared[inside].mean()),
                "damped_biases_rmse": np.sqrt(baseline.squared[inside].mean()),
                "n_test": int(inside.sum()),
            }
        )
    return pd.DataFrame(rows)


def say(report: dict[str, dict]) -> None:
    """The result in a few lines: test RMSE beside the baselines, then the rankings."""
    reports.say(f"evaluate   test RMSE       {report['test']['rmse']:.4f}   the model")
    for name, entry in report["baseline"].items():
        reports.say(f"                           {entry['rmse']:.4f}   {name.replace('_', ' ')}")
    for name, entry in report["ranking"].items():
        (key, value), *_ = entry.items()
        label = f"test {key.upper()}" if name == "model" else ""
        of = "the model" if name == "model" else name.replace("_", " ")
        reports.say(f"           {label:14}  {value:.4f}   {of}")


if __name__ == "__main__":
    errors.run(main)
