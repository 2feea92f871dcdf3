"""How sure a metric is: intervals by the bootstrap, and a paired test of two runs.

Users are drawn, not ratings: the errors of one user go together, and a draw of ratings would make
the intervals too narrow. Efron & Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from movierec.sparse import Array

LEVEL = 0.95
AT_ONCE = 1 << 20  # numbers drawn at a time, for the memory

# Of columns with a value a user, along an axis.
Statistic = Callable[..., Array]


def mean_of(column: Array, axis: int) -> Array:
    return np.asarray(column.mean(axis=axis))


def ratio_of(sums: Array, counts: Array, axis: int) -> Array:
    """Such as MAE, of each user's sum of absolute errors and number of ratings."""
    return np.asarray(sums.sum(axis=axis) / counts.sum(axis=axis))


def root_of(sums: Array, counts: Array, axis: int) -> Array:
    """Such as RMSE, of each user's sum of squared errors and number of ratings."""
    return np.asarray(np.sqrt(ratio_of(sums, counts, axis)))


def interval(
    statistic: Statistic, *columns: Array, n_resamples: int, draw: np.random.Generator
) -> tuple[Array, Array]:
    """Low and high end of the 95 % interval of a statistic of users; NaN of fewer than two.

    columns (n_users,) each; a resample takes the same users from all of them. statistic: one
    number, or a row of each of several.
    """
    n_users = len(columns[0])
    if n_users < 2:
        nothing = np.full_like(statistic(*columns, axis=-1), np.nan, dtype=np.float64)
        return nothing, nothing
    found = stats.bootstrap(
        columns,
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=n_resamples,
        batch=max(1, AT_ONCE // n_users),
        confidence_level=LEVEL,
        method="percentile",
        rng=draw,
    ).confidence_interval
    return np.asarray(found.low), np.asarray(found.high)


def p_value(ours: Array, theirs: Array) -> float:
    """The paired t-test of two runs' values a user; NaN where there are fewer than two users.

    Sums of errors serve as well as means: the runs have the same ratings of each user.
    """
    if len(ours) < 2:
        return float("nan")
    if np.array_equal(ours, theirs):
        return 1.0
    return float(stats.ttest_rel(ours, theirs).pvalue)
