"""Which ratings are held out: four protocols, each a mask over the ratings.

A block of users is split in the same way alone as among all users, if the caller gives what it
depends on: the number of draws for earlier users, and the moments, which are the same for all.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from movierec.core import random_streams
from movierec.core.params import SplitParams
from movierec.data.rating_arrays import BLOCK, Array, Ratings, count_index, indptr_from_counts
from movierec.kernels.grouping import ranks_in_rows

BINS = 1 << 16  # of a histogram of timestamps

Histogram = Callable[[int, int], Array]  # as `histogram`, of all ratings
# Takes, for ratings in order of user, their timestamps, where each user's begin (indptr), the
# fraction to hold out, a generator, and the moment of that fraction; returns a mask.
Protocol = Callable[[Array, Array, float, np.random.Generator, int], Array]


def per_user_random(
    timestamp: Array, indptr: Array, fraction: float, rng: np.random.Generator, moment: int
) -> Array:
    """Of each user's n ratings all but floor((1 − fraction) · n), drawn evenly."""
    return _last_in_rows(indptr, rng.random(len(timestamp), dtype=np.float32), fraction)


def per_rating_random(
    timestamp: Array, indptr: Array, fraction: float, rng: np.random.Generator, moment: int
) -> Array:
    """Each rating with probability `fraction`, independent of its user."""
    return rng.random(len(timestamp), dtype=np.float32) < fraction


def last_per_user(
    timestamp: Array, indptr: Array, fraction: float, rng: np.random.Generator, moment: int
) -> Array:
    """Of each user's n ratings the latest, all but floor((1 − fraction) · n); ties drawn."""
    first = timestamp.min(initial=0)
    seconds = (timestamp - first).astype(np.uint64)
    # Ratings of one second are many: the lower bits draw among them.
    keys = seconds << 24 | rng.integers(0, 1 << 24, len(timestamp), dtype=np.uint64)
    return _last_in_rows(indptr, keys, fraction)


def point_in_time(
    timestamp: Array, indptr: Array, fraction: float, rng: np.random.Generator, moment: int
) -> Array:
    """All ratings from one moment on: the earliest that holds out at most `fraction` of them."""
    return np.asarray(timestamp >= moment)


PROTOCOLS: dict[str, Protocol] = {
    "per_user_random": per_user_random,
    "per_rating_random": per_rating_random,
    "last_per_user": last_per_user,
    "point_in_time": point_in_time,
}


def split(
    ratings: Ratings,
    n_users: int,
    params: SplitParams,
    seed: int,
    moments: tuple[int, int] | None = None,
    n_before: tuple[int, int] = (0, 0),
) -> tuple[Ratings, Ratings, Ratings]:
    """Divide ratings, which are in order of user, into train, validation and test.

    Test is taken first; validation is then taken from what stays by the same protocol. Each is
    drawn from its own named stream, so that changing the one fraction leaves the other draw alone.
    moments: as of moments_of, if these are not all ratings; n_before: how many ratings of other
    users come before them, and how many of those are not test.
    """
    time, indptr = ratings.timestamp, indptr_from_counts(count_index(ratings.user_index, n_users))
    if moments is None:
        moments = moments_of(params, len(ratings), span_of(time), partial(histogram, time))
    train = stays(time, indptr, params, seed, moments[0], n_before[0])
    test = ~train
    if params.validation_fraction:
        remaining = indptr_from_counts(count_index(ratings.user_index[train], n_users))
        rng = random_streams.stream_at(seed, "split/validation", n_before[1])
        hold_out, fraction = PROTOCOLS[params.protocol], params.validation_fraction
        train[train] = ~hold_out(time[train], remaining, fraction, rng, moments[1])
    return ratings.take(train), ratings.take(~(train | test)), ratings.take(test)


def stays(
    timestamp: Array, indptr: Array, params: SplitParams, seed: int, moment: int, n_before: int
) -> Array:
    """A mask: what is not test."""
    rng = random_streams.stream_at(seed, "split/test", n_before)
    hold_out = PROTOCOLS[params.protocol]
    return ~hold_out(timestamp, indptr, params.test_fraction, rng, moment)


def moments_of(
    params: SplitParams, n_ratings: int, span: tuple[int, int], histogram: Histogram
) -> tuple[int, int]:
    """From when on ratings are test, and of those before validation, if the protocol asks for it.

    span: the first and the last timestamp.
    """
    if params.protocol != "point_in_time" or not n_ratings:
        return 0, 0
    moments = []
    for fraction in (params.test_fraction, params.validation_fraction):
        n_stay = n_ratings - int(round(fraction * n_ratings, 9))  # 0.29 · 100 counts as 29
        # No second is divided: all ratings of that in which the last of these falls stay.
        second, n_ratings = nth_second(n_stay, span, histogram)
        moments.append(second + 1)
    return moments[0], moments[1]


def nth_second(n: int, span: tuple[int, int], histogram: Histogram) -> tuple[int, int]:
    """The n-th timestamp (from 1) in rising order, and how many are not later."""
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
        place = since // np.uint64(width)  # beyond all bins if earlier than `low`
        counts += np.bincount(place[place < BINS].astype(np.int64), minlength=BINS)
    return counts


def span_of(timestamp: Array) -> tuple[int, int]:
    """The first and the last."""
    return (int(timestamp.min()), int(timestamp.max())) if len(timestamp) else (0, 0)


def _last_in_rows(indptr: Array, keys: Array, fraction: float) -> Array:
    """A mask: of each row's n all but floor((1 − fraction) · n), those of the highest keys."""
    n_ratings = np.diff(indptr)
    # Rounded first, so that (1 − 0.9) · 10 = 0.9999999999999998 counts as the 1 that is meant.
    stay = np.floor(np.round((1 - fraction) * n_ratings, 9)).astype(np.int64)
    is_last = np.empty(len(keys), bool)
    first = 0
    while first < len(stay):  # a block of rows at a time, for the memory
        stop = max(first + 1, np.searchsorted(indptr, indptr[first] + BLOCK) - 1)
        part = slice(indptr[first], indptr[stop])
        ranks = ranks_in_rows(indptr[first : stop + 1] - indptr[first], keys[part])
        is_last[part] = ranks >= np.repeat(stay[first:stop], n_ratings[first:stop])
        first = stop
    return is_last
