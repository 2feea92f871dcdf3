"""All that the evaluate stage reports of a model on test ratings, and of baselines beside it."""

from collections.abc import Mapping
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

GAINS = ("ndcg", "recall")


@dataclass(frozen=True)
class Evaluation:
    """What is reported: metrics, their intervals, data of plots by name, and values a user."""

    metrics: dict[str, Any]
    intervals: dict[str, Any]
    plots: dict[str, pd.DataFrame]
    by_user: dict[str, Array]


@dataclass(frozen=True)
class Found:
    """What there is to judge.

    predicted: what each predicts of the test ratings, unclipped; `test`: the model, the others
    baselines. deviations: how far a rating is expected to lie from the model's prediction. counts:
    ratings of each user and of each item that the model was fitted on. lists: of the judge's users
    by each ranking.
    """

    test: Ratings
    predicted: Mapping[str, Array]
    deviations: Array
    counts: tuple[Array, Array]
    judge: RankingEvaluator
    lists: Mapping[str, Array]


def evaluate(found: Found, item_factors: Array, items: pd.DataFrame, params: Params) -> Evaluation:
    """Judge a model on test ratings, beside the baselines.

    item_factors: by which lists are diverse or not. items: year and genres of each.
    """
    scale, test, predicted = (
        (params.data.rating_min, params.data.rating_max),
        found.test,
        found.predicted,
    )
    errors = {name: test.rating - np.clip(values, *scale) for name, values in predicted.items()}
    squared = [np.square(errors[name]) for name in ("test", "damped_biases")]
    ranking, gains = compare_rankings(found.judge, found.lists, item_factors, params.evaluate)
    calibrated, bins = calibration.calibration(test.rating - errors["test"], test.rating)
    coverage, levels = calibration.interval_coverage(
        test.rating - predicted["test"], found.deviations
    )
    n_users = len(found.counts[0])
    sums = {name: sums_by_user(test.user_index, n_users, of) for name, of in errors.items()}
    of_parts = {
        name: measures.errors_in(values, test.rating, scale) for name, values in predicted.items()
    }
    report = {
        "test": asdict(of_parts.pop("test")),
        "baseline": {name: {"rmse": of.rmse, "mae": of.mae} for name, of in of_parts.items()},
        "cold": breakdown.cold(test, found.counts, squared[0]),
        "calibration": calibrated,
        "interval_coverage": coverage,
        **ranking,
    }
    sure = intervals(sums, gains, params)
    return Evaluation(
        metrics=report,
        intervals=sure,
        plots={
            **side_by_side(report, sure),
            **breakdown.breakdowns(test, found.counts, items, *squared),
            "predicted": breakdown.predicted_by_given(
                test.rating - errors["test"], test.rating, scale
            ),
            "residuals": breakdown.residuals(errors["test"], scale),
            "calibration": bins,
            "interval_coverage": levels,
        },
        by_user=sums["test"]
        | gains_of_users(gains[params.recommend.ranking], found.judge.users, n_users),
    )


def side_by_side(report: dict[str, Any], intervals: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """The model beside the baselines, and the rankings side by side, with their intervals."""
    errors = {
        name: {"rmse": entry["rmse"], **of["rmse"]}
        for name, entry, of in (
            ("model", report["test"], intervals["test"]),
            *((name, report["baseline"][name], of) for name, of in intervals["baseline"].items()),
        )
    }
    rankings = {}
    for name, entry in report["ranking"].items():
        key = next(iter(entry))  # ndcg@n
        values = {each.partition("@")[0]: value for each, value in entry.items()}
        rankings[name] = values | intervals["ranking"][name][key]
    tables = {"errors": ("model", errors), "rankings": ("ranking", rankings)}
    return {
        name: pd.DataFrame.from_dict(rows, orient="index").rename_axis(of).reset_index()
        for name, (of, rows) in tables.items()
    }


def sums_by_user(user_index: Array, n_users: int, errors: Array) -> dict[str, Array]:
    """Of each user: number of test ratings, sums of squared and of absolute errors."""
    return {
        "n_test": np.bincount(user_index, minlength=n_users),
        "squared_error": np.bincount(user_index, np.square(errors), n_users),
        "absolute_error": np.bincount(user_index, np.abs(errors), n_users),
    }


def gains_of_users(gains: PerUserMetrics, users: Array, n_users: int) -> dict[str, Array]:
    """The gains of all users; NaN for those who were not in the sample."""
    columns = {name: np.full(n_users, np.nan) for name in vars(gains)}
    for name, column in columns.items():
        column[users] = getattr(gains, name)
    return columns


def intervals(
    sums: Mapping[str, Mapping[str, Array]], gains: Mapping[str, PerUserMetrics], params: Params
) -> dict[str, Any]:
    """95 % intervals of the headline metrics, under the keys that those have.

    sums: of `test` and of each baseline, as sums_by_user gives them.
    """
    there = sums["test"]["n_test"] > 0
    counts, names = sums["test"]["n_test"][there], list(sums)
    kinds = {"rmse": ("squared_error", root_of), "mae": ("absolute_error", mean_of)}
    of_errors = [(name, kind) for kind in kinds for name in names]
    errors = [sums[name][kinds[kind][0]][there] for name, kind in of_errors]
    n, of_gains = params.evaluate.top_n, [(name, kind) for name in gains for kind in GAINS]
    values = [getattr(gains[name], kind) for name, kind in of_gains]

    def statistic_of_errors(count: Array, *totals: Array) -> Array:
        pairs = zip(of_errors, totals, strict=True)
        return np.stack([kinds[kind][1](total, count) for (_, kind), total in pairs])

    def statistic_of_gains(count: Array, *totals: Array) -> Array:
        return np.stack([mean_of(total, count) for total in totals])

    def bounds(statistic: bootstrap.Statistic, *columns: Array) -> list[dict[str, float]]:
        draw = random_streams.stream(params.seed, "evaluate/bootstrap")
        n_resamples = params.evaluate.bootstrap_samples
        ends = bootstrap.interval(statistic, *columns, n_resamples=n_resamples, draw=draw)
        return [{"low": low, "high": high} for low, high in zip(*ends, strict=True)]

    report: dict[str, Any] = {"test": {}, "baseline": {}, "ranking": {}}
    for (name, kind), found in zip(
        of_errors, bounds(statistic_of_errors, counts, *errors), strict=True
    ):
        part = report if name == "test" else report["baseline"]
        part.setdefault(name, {})[kind] = found
    judged = [column[~np.isnan(column)] for column in values]
    ones = np.ones(len(judged[0]))
    for (name, kind), found in zip(
        of_gains, bounds(statistic_of_gains, ones, *judged), strict=True
    ):
        report["ranking"].setdefault(name, {})[f"{kind}@{n}"] = found
    return report
