"""Which ratings are held out: four protocols, each a mask over the ratings."""

from collections.abc import Callable

import numpy as np

from movierec import seeds
from movierec.kernels.grouping import ranks_in_rows
from movierec.params import SplitParams
from movierec.sparse import BLOCK, Array, Ratings, counts_of, indptr_of

# Of ratings in order of user: their timestamps, where each user's begin (indptr), the fraction
# to hold out, the source of draws. What comes is a mask.
Protocol = Callable[[Array, Array, float, np.random.Generator], Array]


def per_user_random(
    timestamp: Array, indptr: Array, fraction: float, draw: np.random.Generator
) -> Array:
    """Of each user's n ratings all but floor((1 − fraction) · n), drawn evenly."""
    return _last_in_rows(indptr, draw.random(len(timestamp), dtype=np.float32), fraction)


def per_rating_random(
    timestamp: Array, indptr: Array, fraction: float, draw: np.random.Generator
) -> Array:
    """Each rating on its own with probability `fraction`, whoever gave it."""
    return draw.random(len(timestamp), dtype=np.float32) < fraction


def last_per_user(
    timestamp: Array, indptr: Array, fraction: float, draw: np.random.Generator
) -> Array:
    """Of each user's n ratings the latest, all but floor((1 − fraction) · n); ties drawn."""
    first = timestamp.min(initial=0)
    seconds = (timestamp - first).astype(np.uint64)
    # Ratings of one second are many: the lower bits draw among them.
    keys = seconds << 24 | draw.integers(0, 1 << 24, len(timestamp), dtype=np.uint64)
    return _last_in_rows(indptr, keys, fraction)


def point_in_time(
    timestamp: Array, indptr: Array, fraction: float, draw: np.random.Generator
) -> Array:
    """All ratings from one moment on: the earliest that holds out at most `fraction` of them."""
    if not len(timestamp):
        return np.zeros(0, bool)
    times = np.sort(timestamp)
    first = len(times) - int(round(fraction * len(times), 9))  # 0.29 · 100 counts as 29
    if first == len(times):
        return np.zeros(len(timestamp), bool)
    # The moment must not divide ratings of one second, so step to the next second if it does.
    moment = times[first] if times[first - 1] < times[first] else times[first] + 1
    return np.asarray(timestamp >= moment)


PROTOCOLS: dict[str, Protocol] = {
    "per_user_random": per_user_random,
    "per_rating_random": per_rating_random,
    "last_per_user": last_per_user,
    "point_in_time": point_in_time,
}


def split(
    ratings: Ratings, n_users: int, params: SplitParams, seed: int
) -> tuple[Ratings, Ratings, Ratings]:
    """Divide ratings, which are in order of user, into train, validation and test.

    Test is taken first; validation is then taken from what stays by the same protocol. Each is
    drawn from its own named stream, so that changing the one fraction leaves the other draw alone.
    """
    hold_out = PROTOCOLS[params.protocol]
    indptr = indptr_of(counts_of(ratings.user_index, n_users))
    test = hold_out(
        ratings.timestamp, indptr, params.test_fraction, seeds.stream(seed, "split/test")
    )
    train = ~test
    if params.validation_fraction:
        stays = indptr_of(np.diff(indptr) - counts_of(ratings.user_index[test], n_users))
        train[train] = ~hold_out(
            ratings.timestamp[train],
            stays,
            params.validation_fraction,
            seeds.stream(seed, "split/validation"),
        )
    return ratings.take(train), ratings.take(~(train | test)), ratings.take(test)


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
