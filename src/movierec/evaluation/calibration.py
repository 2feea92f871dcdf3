"""Whether predictions are right on average, and their intervals as wide as they should be."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from movierec.data.rating_arrays import Array, Ratings
from movierec.model.biased_mf import Model

N_BINS = 20  # of predicted ratings, each with as many
LEVELS = np.array([*range(10, 100, 10), 95]) / 100  # of intervals
HEADLINES = (50, 80, 95)  # per cent, of the levels


def calibration(predicted: Array, rating: Array) -> tuple[dict[str, float], pd.DataFrame]:
    """Whether ratings predicted as r̂ are r̂ on average: in a number, and by bins of r̂.

    error: the mean distance of the two means of a bin, in stars. slope: of the line of given on
    predicted ratings by least squares, 1 where predictions are spread as they should be.
    """
    if not len(rating):
        return {}, pd.DataFrame(columns=["predicted_rating", "rating", "n_test"])
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(N_BINS, len(rating)))
    rows = [(predicted[part].mean(), rating[part].mean(), len(part)) for part in parts]
    bins = pd.DataFrame(rows, columns=["predicted_rating", "rating", "n_test"])
    distance = (bins["predicted_rating"] - bins["rating"]).abs()
    spread = predicted - predicted.mean()
    report = {
        "error": float(np.average(distance, weights=bins["n_test"])),
        "slope": float(spread @ (rating - rating.mean()) / max(spread @ spread, 1e-12)),
    }
    return report, bins


def deviation_of_ratings(model: Model, ratings: Ratings, otherwise: float) -> Array:
    """The expected deviation of each rating from its prediction, in stars: (n_ratings,).

    For a mean of samples: by their spread and the noise together. For other models `otherwise`.
    """
    if model.n_samples < 2:
        return np.full(len(ratings), otherwise)
    spread = model.deviation(ratings.user_index, ratings.item_index)
    return np.asarray(np.sqrt(spread**2 + np.mean(1 / model.sample_noise_precision)))


def interval_coverage(errors: Array, deviations: Array) -> tuple[dict[str, float], pd.DataFrame]:
    """The share of ratings inside the interval of each level about their prediction."""
    if not len(errors):
        return {}, pd.DataFrame(columns=["level", "coverage"])
    widths = ndtri((1 + LEVELS) / 2)
    shares = [float(np.mean(np.abs(errors) <= width * deviations)) for width in widths]
    table = pd.DataFrame({"level": LEVELS, "coverage": shares})
    report = {f"{level}": shares[list(LEVELS).index(level / 100)] for level in HEADLINES}
    return report, table
