"""Evaluate a model on test ratings, compared with baselines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from movierec.core import random_streams
from movierec.core.params import EvaluateParams, Params
from movierec.data.rating_arrays import Array
from movierec.evaluation import bootstrap
from movierec.evaluation.bootstrap import mean_of, root_of
from movierec.evaluation.rating_errors import ErrorMeter, RatingErrors
from movierec.metrics.ranking_protocol import PerUserMetrics, RankingEvaluator, compare_rankings

Report = dict[str, Any]  # metrics by name, nested


@dataclass(frozen=True)
class Evaluation:
    """The results of an evaluation."""

    metrics: Report
    intervals: Report  # of the headline metrics
    plots: dict[str, pd.DataFrame]  # the data of each plot
    by_user: dict[str, Array]  # columns with a value for each user


@dataclass(frozen=True)
class ModelOutputs:
    """What is evaluated of a model and of baselines.

    errors: on the test ratings, measured by `meter`. lists: lists of the evaluator's users, by
    ranking.
    """

    errors: RatingErrors
    meter: ErrorMeter
    evaluator: RankingEvaluator
    lists: Mapping[str, Array]


def evaluate(outputs: ModelOutputs, item_factors: Array, params: Params) -> Evaluation:
    """Evaluate a model on test ratings, compared with baselines.

    item_factors: the factors by which the diversity of lists is measured.
    """
    errors, n_users = outputs.errors, len(outputs.errors.n_test)
    metrics, plots = outputs.meter.report(errors)
    ranking, per_user = compare_rankings(
        outputs.evaluator,
        outputs.lists,
        item_factors,
        params.evaluate.top_n,
        params.relevant_rating,
    )
    metrics |= ranking
    sums = {name: errors.sums_by_user(name) for name in errors.by_user}
    intervals = bootstrap_intervals(sums, per_user, params.evaluate, params.seed)
    exported = per_user[params.recommend.ranking].of_all_users(outputs.evaluator.users, n_users)
    return Evaluation(
        metrics, intervals, side_by_side(metrics, intervals) | plots, sums["test"] | exported
    )


def side_by_side(metrics: Report, intervals: Report) -> dict[str, pd.DataFrame]:
    """Tables of the model with the baselines, and of all rankings, with intervals."""
    models = {"model": metrics["test"], **metrics["baseline"]}
    errors = {
        name: {"rmse": models[name]["rmse"], **ends["rmse"]}
        for name, ends in {"model": intervals["test"], **intervals["baseline"]}.items()
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
    """The number of test ratings and the sums of squared and absolute errors of each user."""
    return {
        "n_test": np.bincount(user_index, minlength=n_users),
        "squared_error": np.bincount(user_index, np.square(errors), n_users),
        "absolute_error": np.bincount(user_index, np.abs(errors), n_users),
    }


def bootstrap_intervals(
    sums: Mapping[str, Mapping[str, Array]],
    per_user: Mapping[str, PerUserMetrics],
    params: EvaluateParams,
    seed: int,
) -> Report:
    """95% intervals of the headline metrics, with the same keys as the metrics.

    sums: from sums_by_user, for `test` and each baseline. per_user: metrics of each ranking.
    """
    n_test = next(iter(sums.values()))["n_test"] if sums else np.zeros(0)
    is_tested = n_test > 0
    error_sums = {
        (name, metric): columns[column][is_tested]
        for name, columns in sums.items()
        for metric, column in (("rmse", "squared_error"), ("mae", "absolute_error"))
    }
    ranked = {
        (name, f"{metric}@{params.top_n}"): values[~np.isnan(values)]
        for name, metrics in per_user.items()
        for metric, values in vars(metrics).items()
    }
    error_intervals = _intervals(error_sums, n_test[is_tested], params, seed)
    ones = np.ones(len(next(iter(ranked.values()), ())))
    return {
        "test": error_intervals.pop("test", {}),
        "baseline": error_intervals,
        "ranking": _intervals(ranked, ones, params, seed),
    }


def _intervals(
    totals: Mapping[tuple[str, str], Array], counts: Array, params: EvaluateParams, seed: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Intervals of Σ total / Σ count over users, or of its root for RMSE, by name and metric.

    totals: each user's sums by name and metric. counts: each user's number of terms.
    """

    if not totals:
        return {}

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
        n_resamples=params.bootstrap_samples,
        rng=random_streams.stream(seed, "evaluate/bootstrap"),
    )
    report: dict[str, dict[str, dict[str, float]]] = {}
    for (name, metric), low, high in zip(totals, *ends, strict=True):
        report.setdefault(name, {})[metric] = {"low": low, "high": high}
    return report
