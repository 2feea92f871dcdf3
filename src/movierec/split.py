"""Which ratings are held out: four protocols, each a mask over the ratings."""

from collections.abc import Callable

import numpy as np

from movierec import seeds
from movierec.kernels.grouping import ranks_in_rows
from movierec.params import SplitParams
from movierec.sparse import Array, Ratings, indptr_of

Protocol = Callable[[Ratings, Array, float, np.random.Generator], Array]


def per_user_random(
    ratings: Ratings, indptr: Array, fraction: float, draw: np.random.Generator
) -> Array:
    """Of each user's n ratings all but floor((1 − fraction) · n), drawn evenly."""
    return _last_in_rows(indptr, draw.random(len(ratings), dtype=np.float32), fraction)


def per_rating_random(
    ratings: Ratings, indptr: Array, fraction: float, draw: np.random.Generator
) -> Array:
    """Each rating on its own with probability `fraction`, whoever gave it."""
    return draw.random(len(ratings), dtype=np.float32) < fraction


def last_per_user(
    ratings: Ratings, indptr: Array, fraction: float, draw: np.random.Generator
) -> Array:
    """Of each user's n ratings the latest, all but floor((1 − fraction) · n); ties drawn."""
    first = ratings.timestamp.min(initial=0)
    seconds = (ratings.timestamp - first).astype(np.uint64)
    # Ratings of one second are many: the lower bits draw among them.
    keys = seconds << 24 | draw.integers(0, 1 << 24, len(ratings), dtype=np.uint64)
    return _last_in_rows(indptr, keys, fraction)


def point_in_time(
    ratings: Ratings, indptr: Array, fraction: float, draw: np.random.Generator
) -> Array:
    """All ratings from one moment on: the earliest that holds out at most `fraction` of them."""
    if not len(ratings):
        return np.zeros(0, bool)
    times = np.sort(ratings.timestamp)
    first = len(times) - int(round(fraction * len(times), 9))  # 0.29 · 100 counts as 29
    if first == len(times):
        return np.zeros(len(ratings), bool)
    # The moment must not divide ratings of one second, so step to the next second if it does.
    moment = times[first] if times[first - 1] < times[first] else times[first] + 1
    return np.asarray(ratings.timestamp >= moment)


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

    def take_apart(part: Ratings, fraction: float, name: str) -> tuple[Ratings, Ratings]:
        if fraction == 0:
            return part, part.take(np.zeros(len(part), bool))
        indptr = indptr_of(np.bincount(part.user_index, minlength=n_users))
        held_out = hold_out(part, indptr, fraction, seeds.stream(seed, name))
        return part.take(~held_out), part.take(held_out)

    stays, test = take_apart(ratings, params.test_fraction, "split/test")
    train, validation = take_apart(stays, params.validation_fraction, "split/validation")
    return train, validation, test


def _last_in_rows(indptr: Array, keys: Array, fraction: float) -> Array:
    n_ratings = np.diff(indptr)
    # Rounded first, so that (1 − 0.9) · 10 = 0.9999999999999998 counts as the 1 that is meant.
    stay = np.floor(np.round((1 - fraction) * n_ratings, 9)).astype(np.int64)
    return np.asarray(ranks_in_rows(indptr, keys) >= np.repeat(stay, n_ratings))
