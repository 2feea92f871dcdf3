"""The moments of protocol point_in_time, found by histograms of timestamps, block by block."""

from collections.abc import Callable
from functools import partial

import numpy as np

from movierec.core.params import SplitParams
from movierec.data.rating_arrays import BLOCK, Array

BINS = 1 << 16  # bins of a histogram of timestamps

Histogram = Callable[[int, int], Array]  # like `histogram`, for all timestamps


def of_params(params: SplitParams, timestamp: Array) -> tuple[int, int]:
    """The moments for ratings in memory."""
    return find(params, len(timestamp), span_of(timestamp), partial(histogram, timestamp))


def find(
    params: SplitParams, n_ratings: int, span: tuple[int, int], histogram: Histogram
) -> tuple[int, int]:
    """The moments from which on ratings are test, and before that validation, for point_in_time.

    Other protocols get (0, 0). span: the first and the last timestamp.
    """
    if params.protocol != "point_in_time" or not n_ratings:
        return 0, 0
    moments = []
    for fraction in (params.test_fraction, params.validation_fraction):
        n_stay = n_ratings - int(round(fraction * n_ratings, 9))  # 0.29 · 100 counts as 29
        # No second is divided: all ratings of the second with the last of these stay.
        second, n_ratings = nth_second(n_stay, span, histogram)
        moments.append(second + 1)
    return moments[0], moments[1]


def nth_second(n: int, span: tuple[int, int], histogram: Histogram) -> tuple[int, int]:
    """The n-th timestamp (from 1) in ascending order, and how many are not later."""
    low, n_seconds, n_earlier = span[0], span[1] - span[0] + 1, 0
    while True:
        width = -(-n_seconds // BINS)
        ends = n_earlier + np.cumsum(histogram(low, width))
        place = int(np.searchsorted(ends, n))
        low, n_seconds = low + place * width, width
        if width == 1:
            return low, int(ends[place])
        n_earlier = int(ends[place - 1]) if place else n_earlier


def histogram(timestamp: Array, low: int, width: int) -> Array:
    """The number of timestamps in each of BINS bins of `width` seconds, from second `low` on."""
    counts = np.zeros(BINS, np.int64)
    for start in range(0, len(timestamp), BLOCK):
        since = timestamp[start : start + BLOCK].astype(np.uint64) - np.uint64(low % 2**64)
        place = since // np.uint64(width)  # wraps around, beyond all bins, if earlier than `low`
        counts += np.bincount(place[place < BINS].astype(np.int64), minlength=BINS)
    return counts


def span_of(timestamp: Array) -> tuple[int, int]:
    """The first and the last timestamp; (0, 0) if there are none."""
    return (int(timestamp.min()), int(timestamp.max())) if len(timestamp) else (0, 0)
