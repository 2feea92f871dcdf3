"""All that the evaluate stage reports of a model on test ratings, next to baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from movierec.core import random_streams
from movierec.core.params import Params
from movierec.data.rating_arrays import Array, Ratings
from movierec.evaluation import bootstrap, breakdown, calibration
from movierec.evaluation.bootstrap import mean_of, root_of
from movierec.metrics import measures
from movierec.metrics.ranking_protocol import PerUserMetrics, RankingEvaluator, compare_rankings

Report = dict[str, Any]  # metrics by name, nested


@dataclass(frozen=True)
class Evaluation:
    """What is reported: metrics, their intervals, tables behind plots by name, and columns with a
    value for each user."""

    metrics: Report
    intervals: Report
    plots: dict[str, pd.DataFrame]
    by_user: dict[str, Array]


@dataclass(frozen=True)
class ModelOutputs:
    """What is evaluated.

    predicted: predictions of the test ratings, unclipped, by the model (`test`) and by each
    baseline. deviations: how far a rating is expected to lie from the model's prediction. counts:
    ratings of each user and of each item that the model was fitted on. lists: of the evaluator's
    users by each ranking.
    """

    test: Ratings
    predicted: Mapping[str, Array]
    deviations: Array
    counts: Sequence[Array]
    evaluator: RankingEvaluator
    lists: Mapping[str, Array]


def evaluate(
    outputs: ModelOutputs, item_factors: Array, items: pd.DataFrame, params: Params
) -> Evaluation:
    """Evaluate a model on test ratings, next to the baselines.

    item_factors: those that the diversity of lists is measured by. items: year and genres of each.
    """
    scale, test = (params.data.rating_min, params.data.rating_max), outputs.test
    n_users = len(outputs.counts[0])
    errors = {
        name: test.rating - np.clip(predicted, *scale)
        for name, predicted in outputs.predicted.items()
    }
    clipped = test.rating - errors["test"]
    squared = [np.square(errors[name]) for name in ("test", "damped_biases")]
    calibrated, bins = calibration.calibration(clipped, test.rating)
    coverage, levels = calibration.interval_coverage(
        test.rating - outputs.predicted["test"], outputs.deviations
    )
    ranking, per_user = compare_rankings(
        outputs.evaluator, outputs.lists, item_factors, params.evaluate
    )
    sums = {name: sums_by_user(test.user_index, n_users, of) for name, of in errors.items()}
    metrics = {
        **error_metrics(outputs.predicted, test, scale),
        "cold": breakdown.cold(test, outputs.counts, squared[0]),
        "calibration": calibrated,
        "interval_coverage": coverage,
        **ranking,
    }
    intervals = bootstrap_intervals(sums, per_user, params)
    plots = {
        **side_by_side(metrics, intervals),
        **breakdown.breakdowns(test, outputs.counts, items, *squared),
        "predicted": breakdown.predicted_by_given(clipped, test.rating, scale),
        "residuals": breakdown.residuals(errors["test"], scale),
        "calibration": bins,
        "interval_coverage": levels,
    }
    exported = per_user[params.recommend.ranking].of_all_users(outputs.evaluator.users, n_users)
    return Evaluation(metrics, intervals, plots, sums["test"] | exported)


def error_metrics(
    predicted: Mapping[str, Array], test: Ratings, scale: tuple[float, float]
) -> Report:
    """Errors of the model, and RMSE and MAE of each baseline."""
    errors = {
        name: measures.errors_in(values, test.rating, scale) for name, values in predicted.items()
    }
    return {
        "test": asdict(errors.pop("test")),
        "baseline": {name: {"rmse": of.rmse, "mae": of.mae} for name, of in errors.items()},
    }


def side_by_side(metrics: Report, intervals: Report) -> dict[str, pd.DataFrame]:
    """The model next to the baselines, and the rankings next to each other, with intervals."""
    models = {"model": metrics["test"], **metrics["baseline"]}
    errors = {
        name: {"rmse": models[name]["rmse"], **of["rmse"]}
        for name, of in {"model": intervals["test"], **intervals["baseline"]}.items()
    }
    rankings = {}
    for name, values in metrics["ranking"].items():
        ndcg = next(iter(values))  # ndcg@n
        rankings[name] = {key.partition("@")[0]: value for key, value in values.items()}
        rankings[name] |= intervals["ranking"][name][ndcg]
    return {"errors": _table("model", errors), "rankings": _table("ranking", rankings)}


def _table(label: str, rows: dict[str, dict[str, float]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(label).reset_index()


def sums_by_user(user_index: Array, n_users: int, errors: Array) -> dict[str, Array]:
    """Of each user: number of test ratings, sums of squared and of absolute errors."""
    return {
        "n_test": np.bincount(user_index, minlength=n_users),
        "squared_error": np.bincount(user_index, np.square(errors), n_users),
        "absolute_error": np.bincount(user_index, np.abs(errors), n_users),
    }


def bootstrap_intervals(
    sums: Mapping[str, Mapping[str, Array]],
    per_user: Mapping[str, PerUserMetrics],
    params: Params,
) -> Report:
    """95 % intervals of the headline metrics, under the keys that those have.

    sums: of `test` and of each baseline, as sums_by_user returns them. per_user: of each ranking.
    """
    n_test = sums["test"]["n_test"]
    is_tested = n_test > 0
    error_sums = {
        (name, metric): columns[column][is_tested]
        for name, columns in sums.items()
        for metric, column in (("rmse", "squared_error"), ("mae", "absolute_error"))
    }
    ranked = {
        (name, f"{metric}@{params.evaluate.top_n}"): values[~np.isnan(values)]
        for name, metrics in per_user.items()
        for metric, values in vars(metrics).items()
    }
    of_errors = _intervals(error_sums, n_test[is_tested], params)
    ones = np.ones(len(next(iter(ranked.values()))))
    return {
        "test": of_errors.pop("test"),
        "baseline": of_errors,
        "ranking": _intervals(ranked, ones, params),
    }


def _intervals(
    totals: Mapping[tuple[str, str], Array], counts: Array, params: Params
) -> dict[str, dict[str, dict[str, float]]]:
    """The ends of the intervals of total / count, or of its root, by name and metric.

    totals: sums of each user by name and metric; counts: of each user.
    """

    def statistic(count: Array, *resampled: Array) -> Array:
        values = zip(totals, resampled, strict=True)
        return np.stack(
            [
                root_of(total, count) if metric == "rmse" else mean_of(total, count)
                for (_, metric), total in values
            ]
        )

    ends = bootstrap.interval(
        statistic,
        counts,
        *totals.values(),
        n_resamples=params.evaluate.bootstrap_samples,
        draw=random_streams.stream(params.seed, "evaluate/bootstrap"),
    )
    report: dict[str, dict[str, dict[str, float]]] = {}
    for (name, metric), low, high in zip(totals, *ends, strict=True):
        report.setdefault(name, {})[metric] = {"low": low, "high": high}
    return report
