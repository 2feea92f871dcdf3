"""Confidence intervals of metrics by the bootstrap.

Users are resampled, not ratings: the errors of one user are correlated, so resampling ratings would
make intervals too narrow. Efron & Tibshirani, "An Introduction to the Bootstrap" (1993),
chapter 13.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from movierec.data.rating_arrays import Array

LEVEL = 0.95
MAX_BATCH = 1 << 20  # users resampled at a time, to limit memory

# An elementwise function of arrays of sums over users, one for each column.
Statistic = Callable[..., Array]


def mean_of(total: Array, count: Array) -> Array:
    """total / count, such as MAE from sums of absolute errors and numbers of ratings."""
    return np.asarray(total / count)


def root_of(total: Array, count: Array) -> Array:
    """√(total / count), such as RMSE from sums of squared errors and numbers of ratings."""
    return np.sqrt(mean_of(total, count))


def interval(
    statistic: Statistic, *columns: Array, n_resamples: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """The ends of the 95% interval of a statistic; NaN for fewer than two users.

    columns: arrays (n_users,), whose sums over users are the arguments of the statistic. The
    statistic returns one number, or an array of several.
    """
    n_users, table = len(columns[0]), np.array(columns, np.float64)
    if n_users < 2:
        nothing = np.full_like(statistic(*table.sum(axis=1)), np.nan)
        return nothing, nothing

    def statistic_of(resamples: Array, axis: int) -> Array:
        times = [np.bincount(users, minlength=n_users).astype(np.float64) for users in resamples]
        # einsum, unlike a BLAS, adds in the same order for any number of threads.
        return statistic(*np.einsum("ij,kj->ki", np.stack(times), table))

    ends = stats.bootstrap(
        (np.arange(n_users),),
        statistic_of,
        vectorized=True,
        n_resamples=n_resamples,
        batch=max(1, MAX_BATCH // n_users),
        confidence_level=LEVEL,
        method="percentile",
        rng=rng,
    ).confidence_interval
    return np.asarray(ends.low), np.asarray(ends.high)
