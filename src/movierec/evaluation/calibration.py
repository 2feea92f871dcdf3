"""Calibration of predictions, and the coverage of their intervals.

Ratings are counted in fine cells of their predictions, and by the counts of their user and movie;
groups of equally many ratings are made of whole cells. So counts of blocks can be added up.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from movierec.core.rating_scale import ROUNDING
from movierec.data.rating_arrays import Array
from movierec.evaluation.exact_sums import (
    counts_and_sums,
    group_of_cells,
    means_of,
    merge_cells,
    sums_by,
)

N_BINS, N_GROUPS = 20, 5  # of predicted ratings and of counts, with equally many ratings
HEADLINES = (50, 80, 95)  # the levels that details.json reports, in per cent
N_CELLS = (1 << 14) + 1  # of predictions, the ends of the scale included


def cells_of(predicted: Array, scale: tuple[float, float]) -> Array:
    """The cell of each clipped prediction."""
    share = (predicted - scale[0]) / (scale[1] - scale[0])
    return np.rint(share * (N_CELLS - 1)).astype(np.int64)


def stars_of(cell: Array, scale: tuple[float, float]) -> Array:
    """The predictions at the middle of cells."""
    return np.asarray(scale[0] + cell * ((scale[1] - scale[0]) / (N_CELLS - 1)))


def count_predicted(
    predicted: Array, rating: Array, scale: tuple[float, float]
) -> dict[str, Array]:
    """Count clipped predictions by cell, and add up what calibration needs."""
    p, r = ((values - scale[0]) / (scale[1] - scale[0]) for values in (predicted, rating))
    everywhere = np.zeros(len(p), np.int64)
    moments = [sums_by(everywhere, values, 1)[0] for values in (p, r, p * p, p * r)]
    cells = counts_and_sums(cells_of(predicted, scale), N_CELLS, p, r)
    return {"cells": cells, "moments": np.array(moments)}


def calibration(
    counted: Mapping[str, Array], scale: tuple[float, float]
) -> tuple[dict[str, float], pd.DataFrame]:
    """Compare predicted with actual ratings on average: overall, and by bins of predictions.

    counted: from count_predicted. error: the mean difference between a bin's mean prediction and
    mean rating, in stars. slope: of the least-squares line of actual on predicted ratings; 1 if
    predictions are calibrated, 0 if all are the same.
    """
    cells, n = counted["cells"], int(counted["cells"][0].sum())
    table = merge_cells(cells, group_of_cells(cells[0], N_BINS), N_BINS)
    table = table[:, table[0] > 0]
    width = scale[1] - scale[0]
    bins = pd.DataFrame(
        {
            "predicted_rating": scale[0] + width * means_of(table[1], table[0]),
            "rating": scale[0] + width * means_of(table[2], table[0]),
            "n_test": table[0],
        }
    )
    if not n:
        return {}, bins
    p, r, pp, pr = means_of(counted["moments"], n)
    variance = pp - p * p
    differ = variance > ROUNDING**2
    distance = (bins["predicted_rating"] - bins["rating"]).abs()
    report = {
        "error": float(np.average(distance, weights=bins["n_test"])),
        "slope": float((pr - p * r) / variance) if differ else 0.0,
    }
    return report, bins


def count_coverage(
    scores: Array, half_widths: Mapping[int, float], counts: Mapping[str, tuple[Array, int]]
) -> dict[str, Array]:
    """Count the ratings inside the intervals around their predictions.

    scores, half_widths: of PredictionIntervals. counts: by side, the number of training ratings of
    each rating's user or movie, and the largest such number of all.
    """
    inside = [np.count_nonzero(scores <= h) for h in half_widths.values()]
    counted = {"inside": np.array([len(scores), *inside])}
    for side, (n, largest) in counts.items():
        tables = [np.bincount(n, minlength=largest + 1)]
        for level in HEADLINES:
            tables.append(np.bincount(n, scores <= half_widths[level], largest + 1))
        counted[f"inside_{side}"] = np.stack(tables).astype(np.int64)
    return counted


def interval_coverage(
    counted: Array, half_widths: Mapping[int, float]
) -> tuple[dict[str, float], pd.DataFrame]:
    """The share of ratings inside the interval around their prediction, for each level.

    counted: the numbers of all ratings, and of those inside, by level.
    """
    if not counted[0]:
        return {}, pd.DataFrame(columns=["level", "coverage"])
    shares = dict(zip(half_widths, (counted[1:] / counted[0]).tolist(), strict=True))
    table = pd.DataFrame(shares.items(), columns=["level", "coverage"])
    return {f"{level}": shares[level] for level in HEADLINES}, table.assign(level=table.level / 100)


def coverage_by_count(counted: Mapping[str, Array]) -> pd.DataFrame:
    """The same for N_GROUPS groups of about equally many ratings, by each side.

    counted: by side, from count_coverage. A group has all ratings of a count.
    """
    rows = []
    for side, table in counted.items():
        group = group_of_cells(table[0], N_GROUPS)
        merged, found = merge_cells(table, group, N_GROUPS), table[0] > 0
        for number in np.flatnonzero(merged[0]):
            counts = np.flatnonzero((group == number) & found)
            n_test, *inside = merged[:, number].tolist()
            shares = (n / n_test for n in inside)
            rows.append((side, counts[0], counts[-1], *shares, n_test))
    shown = [f"coverage_{level}" for level in HEADLINES]
    return pd.DataFrame(rows, columns=["side", "min_ratings", "max_ratings", *shown, "n_test"])
