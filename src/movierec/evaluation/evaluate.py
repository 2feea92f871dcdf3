"""Evaluate a model on test ratings, compared with baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from movierec.core import random_streams
from movierec.core.params import EvaluateParams, Params
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array, Ratings
from movierec.evaluation import bootstrap, breakdown, calibration
from movierec.evaluation.bootstrap import mean_of, root_of
from movierec.metrics import measures
from movierec.metrics.ranking_protocol import PerUserMetrics, RankingEvaluator, compare_rankings
from movierec.model.prediction_intervals import PredictionIntervals

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
    """The outputs of a model and of baselines that are evaluated.

    predicted: unclipped predictions for the test ratings, by the model (`test`) and each baseline.
    intervals: of the model's predictions. counts: number of ratings of each user, and of each item,
    that the model was trained on. lists: lists of the evaluator's users, by ranking.
    """

    test: Ratings
    predicted: Mapping[str, Array]
    intervals: PredictionIntervals
    counts: Sequence[Array]
    evaluator: RankingEvaluator
    lists: Mapping[str, Array]


def evaluate(
    outputs: ModelOutputs, item_factors: Array, items: pd.DataFrame, params: Params
) -> Evaluation:
    """Evaluate a model on test ratings, compared with baselines.

    item_factors: the factors by which the diversity of lists is measured. items: items.parquet.
    """
    # As ratings are stored, so that the error of a prediction at an end of the scale can be 0.
    scale = Scale._make(np.array(params.data.scale, np.float32).tolist())
    test, n_users = outputs.test, len(outputs.counts[0])
    errors = {
        name: test.rating - np.clip(predicted, *scale)
        for name, predicted in outputs.predicted.items()
    }
    metrics, plots = evaluate_errors(outputs, errors, items, scale)
    ranking, per_user = compare_rankings(
        outputs.evaluator,
        outputs.lists,
        item_factors,
        params.evaluate.top_n,
        params.relevant_rating,
    )
    metrics |= ranking
    sums = {name: sums_by_user(test.user_index, n_users, values) for name, values in errors.items()}
    intervals = bootstrap_intervals(sums, per_user, params.evaluate, params.seed)
    exported = per_user[params.recommend.ranking].of_all_users(outputs.evaluator.users, n_users)
    return Evaluation(
        metrics, intervals, side_by_side(metrics, intervals) | plots, sums["test"] | exported
    )


def evaluate_errors(
    outputs: ModelOutputs,
    errors: Mapping[str, Array],
    items: pd.DataFrame,
    scale: tuple[float, float],
) -> tuple[Report, dict[str, pd.DataFrame]]:
    """Metrics of predicted ratings, and the data of their plots.

    errors: of the clipped predictions, by the model (`test`) and by each baseline.
    """
    test = outputs.test
    clipped = test.rating - errors["test"]
    squared = [np.square(errors[name]) for name in ("test", "damped_biases")]
    calibrated, bins = calibration.calibration(clipped, test.rating)
    intervals, (by_user, by_item) = outputs.intervals, outputs.counts
    scores = intervals.scores(errors["test"], test, outputs.counts)
    coverage, levels = calibration.interval_coverage(scores, intervals.half_widths)
    counts = {"user": by_user[test.user_index], "movie": by_item[test.item_index]}
    groups = calibration.coverage_by_count(scores, intervals.half_widths, counts)
    metrics = {
        **error_metrics(outputs.predicted, test, scale),
        "cold": breakdown.cold(test, outputs.counts, squared[0]),
        "calibration": calibrated,
        "interval_coverage": coverage,
        "interval_coverage_by_group": groups.to_dict("records"),
    }
    plots = {
        **breakdown.breakdowns(test, outputs.counts, items, *squared),
        "predicted": breakdown.predicted_by_given(clipped, test.rating, scale),
        "residuals": breakdown.residuals(errors["test"], scale),
        "calibration": bins,
        "interval_coverage": levels,
        "interval_coverage_by_group": groups,
    }
    return metrics, plots


def error_metrics(
    predicted: Mapping[str, Array], test: Ratings, scale: tuple[float, float]
) -> Report:
    """The errors of the model, and RMSE and MAE of each baseline."""
    errors = {
        name: measures.errors_in(values, test.rating, scale) for name, values in predicted.items()
    }
    return {
        "test": asdict(errors.pop("test")),
        "baseline": {
            name: {"rmse": values.rmse, "mae": values.mae} for name, values in errors.items()
        },
    }


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
