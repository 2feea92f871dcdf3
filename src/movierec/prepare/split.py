"""Choose the ratings to hold out, by one of six protocols.

Four hold out ratings by a rule (PROTOCOLS), `users` holds out users with all of their ratings, and
`given` uses the parts that the data come in.
A block of users is split as it would be among all users. For that it needs the number of random
draws for earlier users, and what is the same for all users: see Shared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np

from movierec.core import random_streams
from movierec.core.errors import MovierecError
from movierec.core.params import SplitParams
from movierec.data.rating_arrays import (
    BLOCK,
    PARTS,
    Array,
    Ratings,
    RatingsInParts,
    count_index,
    indptr_from_counts,
)
from movierec.kernels.grouping import ranks_in_rows
from movierec.prepare import moments

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
    first = moments.span_of(timestamp)[0]
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
PER_USER = {"last_per_user", "per_user_random"}  # hold out n_staying of each user


class Parts(NamedTuple):
    """The parts of a split. …_given: ratings of held-out users that the trained model is given."""

    train: Ratings
    validation: Ratings
    test: Ratings
    validation_given: Ratings
    test_given: Ratings


@dataclass(frozen=True)
class Shared:
    """What the split of a block of users depends on besides them.

    moments: of point_in_time, for test and validation. kinds (n_users,): of these users, from
    draw_users; only for users. has_validation: whether given data have a part for validation.
    n_before: the number of ratings of earlier users, and how many of those are not test.
    """

    moments: tuple[int, int] = (0, 0)
    kinds: Array | None = None
    has_validation: bool = False
    n_before: tuple[int, int] = (0, 0)


def split(
    ratings: Ratings, n_users: int, params: SplitParams, seed: int, shared: Shared | None = None
) -> Parts:
    """Divide ratings, which are ordered by user, into parts; each rating is in one.

    Test is held out first, then validation from the rest, by the same protocol. Each uses its own
    random stream, so that changing one fraction does not change the other draw.
    shared: if these are not all ratings.
    """
    indptr = indptr_from_counts(count_index(ratings.user_index, n_users))
    shared = shared or share(params, seed, ratings, np.diff(indptr))
    if params.protocol == "users":
        places = _split_users(ratings, indptr, params, seed, shared)
    else:
        places = _split_ratings(ratings, indptr, params, seed, shared)
    plain = ratings.pooled if isinstance(ratings, RatingsInParts) else ratings
    return Parts(*(plain.take(places == place) for place in range(len(Parts._fields))))


def share(params: SplitParams, seed: int, ratings: Ratings, counts: Array) -> Shared:
    """What a split of all ratings depends on. counts: the number of ratings of each user."""
    return Shared(
        moments.of_params(params, ratings.timestamp),
        draw_users(params, counts, seed),
        isinstance(ratings, RatingsInParts) and PARTS.index("validation") in ratings.part,
    )


def _split_ratings(
    ratings: Ratings, indptr: Array, params: SplitParams, seed: int, shared: Shared
) -> Array:
    """The position in Parts of each rating; test and validation hold out ratings."""
    train = stays(ratings, indptr, params, seed, shared)
    places = np.zeros(len(ratings), np.int8)
    places[~train] = PARTS.index("test")
    if shared.has_validation and params.protocol == "given":
        return np.asarray(cast(RatingsInParts, ratings).part)
    if params.validation_fraction:
        n_users = len(indptr) - 1
        remaining = indptr_from_counts(count_index(ratings.user_index[train], n_users))
        rng = random_streams.stream_at(seed, "split/validation", shared.n_before[1])
        hold_out = PROTOCOLS.get(params.protocol, per_user_random)
        fraction, moment = params.validation_fraction, shared.moments[1]
        held_out = hold_out(ratings.timestamp[train], remaining, fraction, rng, moment)
        places[train] = held_out * PARTS.index("validation")
    return places


def _split_users(
    ratings: Ratings, indptr: Array, params: SplitParams, seed: int, shared: Shared
) -> Array:
    """The position in Parts of each rating; test and validation hold out users.

    Liang et al., "Variational autoencoders for collaborative filtering" (WWW 2018), section 4.2.
    """
    kind = cast(Array, shared.kinds)[ratings.user_index]
    rng = random_streams.stream_at(seed, "split/given", shared.n_before[0])
    is_given = ~per_user_random(ratings.timestamp, indptr, 1 - params.given_fraction, rng, 0)
    return np.where(is_given & (kind > 0), kind + np.int8(len(PARTS) - 1), kind)


def draw_users(params: SplitParams, counts: Array, seed: int) -> Array | None:
    """The part of each user with protocol users (n_users,), a position in PARTS; else None.

    test_fraction of the users with ratings are held out for test, and validation_fraction of the
    others for validation, in numbers rounded to integers.
    """
    if params.protocol != "users":
        return None
    order = random_streams.stream(seed, "split/users").permutation(np.flatnonzero(counts))
    kinds = np.zeros(len(counts), np.int8)
    n_test = round(params.test_fraction * len(order))
    n_validation = round(params.validation_fraction * (len(order) - n_test))
    kinds[order[:n_test]] = PARTS.index("test")
    kinds[order[n_test:][:n_validation]] = PARTS.index("validation")
    return kinds


def check_sizes(params: SplitParams, counts: Array, n_train: int, n_test: int) -> None:
    """Raise MovierecError, with what helps, if no ratings are left for training or for test.

    counts: the number of ratings of each user.
    """
    if params.protocol == "given" and not (n_train and n_test):
        part = "test" if n_train else "train"
        raise MovierecError(
            f"no ratings to {part} on: the data set's part {part} has none left; lower what the"
            " other params of split leave out"
        )
    if not n_test:
        or_at_random = ", or set split.protocol to per_rating_random"
        raise MovierecError(
            f"no ratings to test on: split.protocol {params.protocol} holds out none; raise"
            " split.test_fraction" + or_at_random * (params.protocol == "point_in_time")
        )
    if n_train:
        return
    is_per_user = params.protocol in PER_USER
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


def stays(ratings: Ratings, indptr: Array, params: SplitParams, seed: int, shared: Shared) -> Array:
    """A mask of the ratings that are not test, for protocols that hold out ratings."""
    if params.protocol == "given":
        return np.asarray(cast(RatingsInParts, ratings).part < PARTS.index("test"))
    rng = random_streams.stream_at(seed, "split/test", shared.n_before[0])
    hold_out = PROTOCOLS[params.protocol]
    return ~hold_out(ratings.timestamp, indptr, params.test_fraction, rng, shared.moments[0])


def n_staying(counts: Array, fraction: float) -> Array:
    """How many of its n ratings a row keeps if a fraction is held out of each: floor((1 − f) n)."""
    # Rounded first, so that (1 − 0.9) · 10 = 0.9999999999999998 counts as 1.
    return np.floor(np.round((1 - fraction) * counts, 9)).astype(np.int64)


def check_times(params: SplitParams, times: tuple[int, int] | None) -> None:
    """Raise MovierecError if a protocol needs times that the ratings do not have."""
    if times is None and params.protocol in BY_TIME:
        raise MovierecError(
            f"params.yaml: split.protocol: {params.protocol} needs times, which these ratings do"
            " not have; choose per_user_random or per_rating_random, or add a column timestamp"
        )


def check_parts(params: SplitParams, in_parts: bool) -> None:
    """Raise MovierecError if protocol given finds no parts."""
    if params.protocol == "given" and not in_parts:
        raise MovierecError(
            "params.yaml: split.protocol: given needs a data set that comes in parts, which this"
            " one does not; choose another protocol, or add a folder with train and test files by"
            " movierec dataset add"
        )


def _last_in_rows(indptr: Array, keys: Array, fraction: float) -> Array:
    """A mask of each row's n values except the floor((1 − fraction) · n) with the lowest keys."""
    n_ratings = np.diff(indptr)
    stay = n_staying(n_ratings, fraction)
    is_last = np.empty(len(keys), bool)
    first = 0
    while first < len(stay):  # a block of rows at a time, to limit memory
        stop = max(first + 1, np.searchsorted(indptr, indptr[first] + BLOCK) - 1)
        part = slice(indptr[first], indptr[stop])
        ranks = ranks_in_rows(indptr[first : stop + 1] - indptr[first], keys[part])
        is_last[part] = ranks >= np.repeat(stay[first:stop], n_ratings[first:stop])
        first = stop
    return is_last
