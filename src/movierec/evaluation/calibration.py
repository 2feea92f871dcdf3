"""Calibration of predictions, and the coverage of their intervals."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from movierec.core.rating_scale import ROUNDING
from movierec.data.rating_arrays import Array, Ratings
from movierec.model.biased_mf import Model

N_BINS = 20  # of predicted ratings, with equal numbers of ratings
LEVELS = np.array([*range(10, 100, 10), 95]) / 100  # of intervals
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


def deviation_of_ratings(model: Model, ratings: Ratings, default: float) -> Array:
    """The expected deviation of each rating from its prediction, in stars: (n_ratings,).

    For a mean of samples it combines their spread and the noise; for other models it is `default`.
    """
    if model.n_samples < 2:
        return np.full(len(ratings), default)
    spread = model.deviation(ratings.user_index, ratings.item_index)
    return np.asarray(np.sqrt(spread**2 + np.mean(1 / model.sample_noise_precision)))


def interval_coverage(errors: Array, deviations: Array) -> tuple[dict[str, float], pd.DataFrame]:
    """The share of ratings inside the interval around their prediction, for each level."""
    if not len(errors):
        return {}, pd.DataFrame(columns=["level", "coverage"])
    widths = ndtri((1 + LEVELS) / 2)
    shares = [float(np.mean(np.abs(errors) <= width * deviations)) for width in widths]
    table = pd.DataFrame({"level": LEVELS, "coverage": shares})
    report = {f"{level}": shares[list(LEVELS).index(level / 100)] for level in HEADLINES}
    return report, table
