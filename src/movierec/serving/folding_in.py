"""One row, solved and looked into: its posterior, and what each of its ratings brought.

The row solve is linear in the ratings. With r_k less all that needs no ratings of the row (the
mean, the fixed side's biases, what the prior's mean m₀ says), the row is

    m = m₀ + Σ_k pull_k        pull_k = P⁻¹ f_k r_k

so that any product x · m is that of the prior's mean and a contribution of each rating, x · pull_k.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from movierec.core.params import TrainParams
from movierec.data.rating_arrays import Array, Csr
from movierec.model.biased_mf import Model
from movierec.model.features import Features
from movierec.model.solver import Prior, half_epoch
from movierec.recommending.uncertainty import covariances


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


def fold_in(
    model: Model, item_index: Array, rating: Array, params: TrainParams
) -> tuple[Array, float]:
    """Factors (n_factors,) and bias of a new user with these ratings: the same row solve.

    item_index (n,) int32; rating (n,) in stars. A user of the training data folds in to the row
    that the next half epoch would give him, which is his own once training has converged. Into a
    mean of samples he is folded sample by sample, each with its own prior.
    """
    rows = [row.mean for _, row in new_rows(model, item_index, rating, params)]
    factors = np.concatenate([row[:-1] for row in rows]) / model.n_samples
    return factors, float(np.mean([row[-1] for row in rows]))


def new_rows(
    model: Model, item_index: Array, rating: Array, params: TrainParams
) -> Iterator[tuple[Model, OneRow]]:
    """Each sample of a model (the model itself, if it is no mean) and a new user's row in it."""
    order = np.argsort(item_index, kind="stable")
    items = np.asarray(item_index, np.int32)[order]
    values = np.asarray(rating, model.item_factors.dtype)[order]
    for number in range(model.n_samples):
        sample = model.sample(number)
        prior, noise = Prior.from_params(params, sample.n_factors), params.rating_precision
        mean = np.zeros((1, sample.n_factors + 1), sample.item_factors.dtype)
        if len(model.sample_noise_precision):
            prior = Prior(model.sample_user_precision[number], np.zeros(sample.n_factors + 1))
            mean += model.sample_user_mean[number]
            noise = float(model.sample_noise_precision[number])
        if len(sample.user_weights):
            row = Csr(np.array([0, len(items)]), items, values)
            mean += Features(row, row).means(sample.user_weights)  # of which only the rows' count
        yield (
            sample,
            OneRow(
                sample.item_factors[items],
                values,
                sample.item_biases[items],
                sample.global_mean,
                prior,
                mean,
                noise,
            ),
        )
