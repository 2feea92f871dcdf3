"""One row, solved and looked into: its posterior, and what each of its ratings brought.

The row solve is linear in the ratings. With r_k less all that needs no ratings of the row (the
mean, the fixed side's biases, what the prior's mean m₀ says), the row is

    m = m₀ + Σ_k pull_k        pull_k = P⁻¹ f_k r_k

so that any product x · m is that of the prior's mean and a contribution of each rating, x · pull_k.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from movierec.posterior import covariances
from movierec.solver import Prior, half_epoch
from movierec.sparse import Array, Csr


@dataclass(frozen=True)
class OneRow:
    """What a row is solved from: for each of its ratings the fixed side's factors (n, n_factors)
    and biases (n,); as solver.half_epoch has them, values (n,), global_mean, prior and prior_mean
    (1, n_factors + 1); noise_precision: λ, which P is in units of."""

    factors: Array
    values: Array
    biases: Array
    global_mean: float
    prior: Prior
    prior_mean: Array
    noise_precision: float

    @cached_property
    def mean(self) -> Array:
        """m, the bias last (n_factors + 1,)."""
        fixed = self.factors, self.biases, self.global_mean
        factors, biases = half_epoch(self._row, *fixed, self.prior, "user", self.prior_mean)
        return np.append(factors[0], biases[0])

    @cached_property
    def inverse(self) -> Array:
        """P⁻¹ (n_factors + 1, n_factors + 1), the covariance in units of 1/λ."""
        return covariances(self._row, self.factors, self.prior)[0].astype(np.float64)

    @cached_property
    def pulls(self) -> Array:
        """What each rating adds to the row (n_factors + 1, n)."""
        x = with_ones(self.factors)
        news = self.values - self.global_mean - self.biases - x @ self.prior_mean[0]
        return self.inverse @ (x * news[:, None]).T

    @property
    def _row(self) -> Csr:
        n = len(self.values)
        return Csr(np.array([0, n]), np.arange(n, dtype=np.int32), self.values)


def with_ones(factors: Array) -> Array:
    """The factors and a 1, which the bias is multiplied with, in float64."""
    return np.column_stack((factors, np.ones(len(factors)))).astype(np.float64)
