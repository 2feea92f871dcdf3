"""How sure a metric is: intervals by the bootstrap, and a paired test of two runs.

Users are resampled, not ratings: the errors of one user are correlated, and resampled ratings would
make the intervals too narrow. Efron & Tibshirani, "An Introduction to the Bootstrap" (1993),
chapter 13.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from movierec.data.rating_arrays import Array

LEVEL = 0.95
MAX_BATCH = 1 << 20  # users resampled at a time, for the memory

# A function of sums over users, one array for each column, elementwise.
Statistic = Callable[..., Array]


def mean_of(total: Array, count: Array) -> Array:
    """Such as MAE, from the sums of absolute errors and of numbers of ratings."""
    return np.asarray(total / count)


def root_of(total: Array, count: Array) -> Array:
    """Such as RMSE, from the sums of squared errors and of numbers of ratings."""
    return np.sqrt(mean_of(total, count))


def interval(
    statistic: Statistic, *columns: Array, n_resamples: int, draw: np.random.Generator
) -> tuple[Array, Array]:
    """Low and high end of the 95 % interval of a statistic; NaN for fewer than two users.

    columns (n_users,) each: their sums are the arguments of the statistic, which returns one
    number, or a row for each of several.
    """
    n_users, table = len(columns[0]), np.array(columns, np.float64)
    if n_users < 2:
        nothing = np.full_like(statistic(*table.sum(axis=1)), np.nan)
        return nothing, nothing

    def statistic_of(drawn: Array, axis: int) -> Array:
        times = [np.bincount(users, minlength=n_users).astype(np.float64) for users in drawn]
        return statistic(*np.einsum("ij,kj->ki", np.stack(times), table))  # in one order of sums

    ends = stats.bootstrap(
        (np.arange(n_users),),
        statistic_of,
        vectorized=True,
        n_resamples=n_resamples,
        batch=max(1, MAX_BATCH // n_users),
        confidence_level=LEVEL,
        method="percentile",
        rng=draw,
    ).confidence_interval
    return np.asarray(ends.low), np.asarray(ends.high)


def p_value(ours: Array, theirs: Array) -> float:
    """The paired t-test of two runs' values by user; NaN for fewer than two users.

    Sums of errors do as well as means: both runs have the same ratings of each user.
    """
    if len(ours) < 2:
        return float("nan")
    if np.array_equal(ours, theirs):
        return 1.0
    return float(stats.ttest_rel(ours, theirs).pvalue)
