"""Choose the ratings to hold out, by one of four protocols.

A block of users is split as it would be among all users. For that it needs the number of random
draws for earlier users, and the moments of point_in_time, which are the same for all users.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from movierec.core import random_streams
from movierec.core.errors import MovierecError
from movierec.core.params import SplitParams
from movierec.data.rating_arrays import BLOCK, Array, Ratings, count_index, indptr_from_counts
from movierec.kernels.grouping import ranks_in_rows

BINS = 1 << 16  # bins of a histogram of timestamps

Histogram = Callable[[int, int], Array]  # like `histogram`, for all timestamps
# A protocol returns a mask of the ratings to hold out. Arguments, for ratings ordered by user: the
# timestamps, indptr by user, the fraction to hold out, a generator, the moment of that fraction.
Protocol = Callable[[Array, Array, float, np.random.Generator, int], Array]


def per_user_random(
    timestamp: Array, indptr: Array, fraction: float, rng: np.random.Generator, moment: int
) -> Array:
    """Hold out all but floor((1 − fraction) · n) of each user's n ratings, at random."""
    return _last_in_rows(indptr, rng.random(len(timestamp), dtype=np.float32), fraction)


def per_rating_random(
    timestamp: Array, indptr: Array, fraction: float, rng: np.random.Generator, moment: int
) -> Array:
    """Hold out each rating with probability `fraction`, independently of its user."""
    return rng.random(len(timestamp), dtype=np.float32) < fraction


def last_per_user(
    timestamp: Array, indptr: Array, fraction: float, rng: np.random.Generator, moment: int
) -> Array:
    """Hold out all but the first floor((1 − fraction) · n) of each user's n ratings by time.

    Ties are broken at random.
    """
    first = span_of(timestamp)[0]
    seconds = timestamp.astype(np.uint64) - np.uint64(first % 2**64)
    if len(seconds) and seconds.max() >= 1 << 40:  # ranks leave room for the lower bits, too
        seconds = np.unique(seconds, return_inverse=True)[1].astype(np.uint64)
    # Many ratings have the same second; the lower bits break ties at random.
    keys = seconds << 24 | rng.integers(0, 1 << 24, len(timestamp), dtype=np.uint64)
    return _last_in_rows(indptr, keys, fraction)


def point_in_time(
    timestamp: Array, indptr: Array, fraction: float, rng: np.random.Generator, moment: int
) -> Array:
    """Hold out all ratings from the earliest moment that holds out at most `fraction` of them."""
    return np.asarray(timestamp >= moment)


PROTOCOLS: dict[str, Protocol] = {
    "per_user_random": per_user_random,
    "per_rating_random": per_rating_random,
    "last_per_user": last_per_user,
    "point_in_time": point_in_time,
}
BY_TIME = {"last_per_user", "point_in_time"}


def split(
    ratings: Ratings,
    n_users: int,
    params: SplitParams,
    seed: int,
    moments: tuple[int, int] | None = None,
    n_before: tuple[int, int] = (0, 0),
) -> tuple[Ratings, Ratings, Ratings]:
    """Divide ratings, which are ordered by user, into train, validation and test.

    Test is held out first, then validation from the rest, by the same protocol. Each uses its own
    random stream, so that changing one fraction does not change the other draw.
    moments: from moments_of, if these are not all ratings. n_before: the number of ratings of
    earlier users, and how many of those are not test.
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


def check_sizes(params: SplitParams, counts: Array, n_train: int, n_test: int) -> None:
    """Raise MovierecError, with what helps, if no ratings are left for training or for test.

    counts: the number of ratings of each user.
    """
    if not n_test:
        or_at_random = ", or set split.protocol to per_rating_random"
        raise MovierecError(
            f"no ratings to test on: split.protocol {params.protocol} holds out none; raise"
            " split.test_fraction" + or_at_random * (params.protocol == "point_in_time")
        )
    if n_train:
        return
    is_per_user = params.protocol in ("per_user_random", "last_per_user")
    n_needed = 3 if params.validation_fraction else 2  # of a user: one for each part
    most = int(counts.max(initial=0))
    if is_per_user and most < n_needed:
        raise MovierecError(
            f"no ratings to train on: no user has more than {most}, and split.protocol"
            f" {params.protocol} holds out at least {n_needed - 1} of each; set it to"
            " per_rating_random"
        )
    raise MovierecError(
        f"no ratings to train on: split.test_fraction {params.test_fraction:g} and"
        f" split.validation_fraction {params.validation_fraction:g} hold out all; lower them, or"
        " use more data"
    )


def stays(
    timestamp: Array, indptr: Array, params: SplitParams, seed: int, moment: int, n_before: int
) -> Array:
    """A mask of the ratings that are not test."""
    rng = random_streams.stream_at(seed, "split/test", n_before)
    hold_out = PROTOCOLS[params.protocol]
    return ~hold_out(timestamp, indptr, params.test_fraction, rng, moment)


def moments_of(
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


def check_times(params: SplitParams, times: tuple[int, int] | None) -> None:
    """Raise MovierecError if a protocol needs times that the ratings do not have."""
    if times is None and params.protocol in BY_TIME:
        raise MovierecError(
            f"params.yaml: split.protocol: {params.protocol} needs times, which these ratings do"
            " not have; choose per_user_random or per_rating_random, or add a column timestamp"
        )


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


def _last_in_rows(indptr: Array, keys: Array, fraction: float) -> Array:
    """A mask of each row's n values except the floor((1 − fraction) · n) with the lowest keys."""
    n_ratings = np.diff(indptr)
    # Rounded first, so that (1 − 0.9) · 10 = 0.9999999999999998 counts as 1.
    stay = np.floor(np.round((1 - fraction) * n_ratings, 9)).astype(np.int64)
    is_last = np.empty(len(keys), bool)
    first = 0
    while first < len(stay):  # a block of rows at a time, to limit memory
        stop = max(first + 1, np.searchsorted(indptr, indptr[first] + BLOCK) - 1)
        part = slice(indptr[first], indptr[stop])
        ranks = ranks_in_rows(indptr[first : stop + 1] - indptr[first], keys[part])
        is_last[part] = ranks >= np.repeat(stay[first:stop], n_ratings[first:stop])
        first = stop
    return is_last
