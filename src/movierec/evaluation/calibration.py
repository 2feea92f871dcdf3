"""Calibration of predictions, and the coverage of their intervals."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from movierec.core.rating_scale import ROUNDING
from movierec.data.rating_arrays import Array

N_BINS, N_GROUPS = 20, 5  # of predicted ratings and of counts, with equal numbers of ratings
HEADLINES = (50, 80, 95)  # the levels that details.json reports, in per cent


def calibration(predicted: Array, rating: Array) -> tuple[dict[str, float], pd.DataFrame]:
    """Compare predicted with actual ratings on average: overall, and by bins of predictions.

    error: the mean difference between a bin's mean prediction and mean rating, in stars. slope: of
    the least-squares line of actual on predicted ratings; 1 if predictions are calibrated, 0 if all
    are the same.
    """
    if not len(rating):
        return {}, pd.DataFrame(columns=["predicted_rating", "rating", "n_test"])
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(N_BINS, len(rating)))
    rows = [(predicted[part].mean(), rating[part].mean(), len(part)) for part in parts]
    bins = pd.DataFrame(rows, columns=["predicted_rating", "rating", "n_test"])
    distance = (bins["predicted_rating"] - bins["rating"]).abs()
    spread = predicted - predicted.mean()
    differ = np.ptp(predicted) > ROUNDING * np.abs(predicted).max()
    report = {
        "error": float(np.average(distance, weights=bins["n_test"])),
        "slope": float(spread @ (rating - rating.mean()) / (spread @ spread)) if differ else 0.0,
    }
    return report, bins


def interval_coverage(
    scores: Array, half_widths: Mapping[int, float]
) -> tuple[dict[str, float], pd.DataFrame]:
    """The share of ratings inside the interval around their prediction, for each level.

    scores, half_widths: of PredictionIntervals.
    """
    if not len(scores):
        return {}, pd.DataFrame(columns=["level", "coverage"])
    shares = {level: float(np.mean(scores <= h)) for level, h in half_widths.items()}
    table = pd.DataFrame(shares.items(), columns=["level", "coverage"])
    return {f"{level}": shares[level] for level in HEADLINES}, table.assign(level=table.level / 100)


def coverage_by_count(
    scores: Array, half_widths: Mapping[int, float], counts: Mapping[str, Array]
) -> pd.DataFrame:
    """The same for N_GROUPS groups of equally many ratings, by each of counts.

    counts: by side, the number of training ratings of each rating's user or movie.
    """
    rows = []
    for side, n in counts.items():
        for part in np.array_split(np.argsort(n, kind="stable"), N_GROUPS):
            shares = interval_coverage(scores[part], half_widths)[0].values()
            if shares:
                rows.append((side, n[part].min(), n[part].max(), *shares, len(part)))
    shown = [f"coverage_{level}" for level in HEADLINES]
    return pd.DataFrame(rows, columns=["side", "min_ratings", "max_ratings", *shown, "n_test"])
