"""Errors on test ratings: measured a block of users at a time, and added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array, Ratings
from movierec.evaluation import breakdown, calibration
from movierec.evaluation.breakdown import Groups, Levels
from movierec.metrics.measures import Errors
from movierec.model.prediction_intervals import PredictionIntervals

MODEL, BASELINE = "test", "damped_biases"  # names of predictions


@dataclass(frozen=True)
class RatingErrors:
    """Sums of the errors of clipped predictions, by the model (`test`) and by each baseline.

    n_test (n_users,): test ratings of each user. by_user: by the name of the predictions, sums of
    squared, absolute and unclipped squared errors of each user (3, n_users). counted: tables of
    integers, which can be added up.
    """

    n_test: Array
    by_user: Mapping[str, Array]
    counted: Mapping[str, Array]

    @classmethod
    def join(cls, blocks: Sequence[RatingErrors]) -> RatingErrors:
        """Those of consecutive blocks of users together."""
        return cls(
            np.concatenate([block.n_test for block in blocks]),
            {
                name: np.concatenate([block.by_user[name] for block in blocks], axis=1)
                for name in blocks[0].by_user
            },
            {
                name: np.sum([block.counted[name] for block in blocks], axis=0)
                for name in blocks[0].counted
            },
        )

    def errors(self, name: str) -> Errors:
        """The errors of these predictions, in stars."""
        squared, absolute, unclipped = self.by_user[name].sum(axis=1) / self.n_test.sum()
        return Errors(float(squared**0.5), float(absolute), float(unclipped**0.5))

    def sums_by_user(self, name: str) -> dict[str, Array]:
        squared, absolute, _ = self.by_user[name]
        return {"n_test": self.n_test, "squared_error": squared, "absolute_error": absolute}


@dataclass(frozen=True)
class ErrorMeter:
    """Measures the errors of predictions for test ratings.

    intervals: of the model's predictions. groups, levels: what ratings are grouped by.
    """

    scale: Scale
    intervals: PredictionIntervals
    groups: Groups
    levels: Levels

    @classmethod
    def of(
        cls,
        scale: Scale,
        intervals: PredictionIntervals,
        items: pd.DataFrame,
        counts: Sequence[Array],
        distinct: Array,
    ) -> ErrorMeter:
        """items: items.parquet. counts: training ratings of each user, and of each item.

        distinct: the distinct test ratings, ascending.
        """
        # As ratings are stored, so that the error of a prediction at an end of the scale can be 0.
        scale = Scale._make(np.array(scale, np.float32).tolist())
        groups = Groups.of_items(items, (counts[0], counts[1]))
        return cls(scale, intervals, groups, Levels(distinct, scale))

    def measure(
        self, test: Ratings, predicted: Mapping[str, Array], first: int, n_users: int
    ) -> RatingErrors:
        """Measure unclipped predictions for the test ratings of the users from `first` on."""
        users = test.user_index - first
        clipped = {name: np.clip(values, *self.scale) for name, values in predicted.items()}
        errors = {name: test.rating - values for name, values in clipped.items()}
        by_user = {}
        for name, error in errors.items():
            kinds = np.square(error), np.abs(error), np.square(test.rating - predicted[name])
            by_user[name] = np.stack([np.bincount(users, kind, n_users) for kind in kinds])
        return RatingErrors(
            np.bincount(users, minlength=n_users),
            by_user,
            self._count(test, clipped[MODEL], errors),
        )

    def _count(
        self, test: Ratings, clipped: Array, errors: Mapping[str, Array]
    ) -> dict[str, Array]:
        widest, counts = self.scale[1] - self.scale[0], self.groups.counts
        shares = [np.square(errors[name] / widest) for name in (MODEL, BASELINE)]
        scores = self.intervals.scores(errors[MODEL], test, counts)
        indices = test.user_index, test.item_index
        of_rating = {
            side: (n[index], int(n.max(initial=0)))
            for side, n, index in zip(("user", "movie"), counts, indices, strict=True)
        }
        half_widths = self.intervals.half_widths
        return {
            **self.groups.count(test, *shares),
            **calibration.count_predicted(clipped, test.rating, self.scale),
            **calibration.count_coverage(scores, half_widths, of_rating),
            "predicted": self.levels.count(clipped, test.rating),
            "residuals": breakdown.count_residuals(errors[MODEL], self.scale),
        }

    def report(self, errors: RatingErrors) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
        """Metrics of predicted ratings, and the data of their plots."""
        counted, half_widths = errors.counted, self.intervals.half_widths
        calibrated, bins = calibration.calibration(counted, self.scale)
        coverage, levels = calibration.interval_coverage(counted["inside"], half_widths)
        by_side = {side: counted[f"inside_{side}"] for side in ("user", "movie")}
        groups = calibration.coverage_by_count(by_side)
        found = {name: errors.errors(name) for name in errors.by_user}
        metrics = {
            "test": asdict(found.pop(MODEL)),
            "baseline": {
                name: {"rmse": values.rmse, "mae": values.mae} for name, values in found.items()
            },
            "cold": breakdown.cold(counted["cold"], self.scale),
            "calibration": calibrated,
            "interval_coverage": coverage,
            "interval_coverage_by_group": groups.to_dict("records"),
        }
        plots = {
            **self.groups.tables(counted, self.scale),
            "predicted": self.levels.table(counted["predicted"]),
            "residuals": breakdown.residuals(counted["residuals"], self.scale),
            "calibration": bins,
            "interval_coverage": levels,
            "interval_coverage_by_group": groups,
        }
        return metrics, plots
