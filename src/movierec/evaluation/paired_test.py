"""A paired test of two runs over users: the interval and the p-value of their difference.

Both come from one t-test, so they cannot contradict each other: the 95% interval excludes 0 exactly
if p is below 0.05. Users are the unit, not ratings, because the errors of one user are correlated.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit  # Student's t distribution, and its inverse

from movierec.data.rating_arrays import Array

LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """A metric of two runs, the 95% interval of b − a, and the p-value of no difference.

    Interval and p-value are NaN for fewer than two users.
    """

    a: float
    b: float
    low: float
    high: float
    p_value: float

    @property
    def is_significant(self) -> bool:
        return self.low > 0 or self.high < 0


def compare(a: Array, b: Array, counts: Array, is_root: bool = False) -> Difference:
    """Compare Σ a / Σ counts with Σ b / Σ counts, or the roots of both.

    a, b, counts (n_users,): the sums of both runs over each user, and how many terms each has. The
    standard error is the one of the delta method: that of the mean influence of a user (van der
    Vaart, "Asymptotic Statistics" (1998), chapter 3). For means over users, this is a paired
    t-test.

    Examples
    --------
    >>> difference = compare(np.array([1.0, 3, 2]), np.array([2.0, 4, 4]), np.ones(3))
    >>> round(difference.low, 4), round(difference.high, 4), round(difference.p_value, 4)
    (-0.1009, 2.7676, 0.0572)
    """
    n_users = len(counts)
    (value_a, of_a), (value_b, of_b) = (
        _value_and_influence(sums, counts, is_root) for sums in (a, b)
    )
    if n_users < 2:
        return Difference(value_a, value_b, np.nan, np.nan, np.nan)
    difference = value_b - value_a
    error = float(np.std(of_b - of_a, ddof=1)) / n_users**0.5
    if error == 0:  # the same for all users
        return Difference(value_a, value_b, difference, difference, float(difference == 0))
    width = float(stdtrit(n_users - 1, (1 + LEVEL) / 2)) * error
    p_value = 2 * float(stdtr(n_users - 1, -abs(difference) / error))
    return Difference(value_a, value_b, difference - width, difference + width, p_value)


def _value_and_influence(sums: Array, counts: Array, is_root: bool) -> tuple[float, Array]:
    """The metric, and how much each user changes it, times the number of users."""
    if not len(counts):
        return np.nan, counts
    ratio = float(sums.sum() / counts.sum())
    influence = (sums - ratio * counts) / counts.mean()
    if not is_root:
        return ratio, influence
    root = ratio**0.5
    return root, influence / (2 * root) if root else influence
