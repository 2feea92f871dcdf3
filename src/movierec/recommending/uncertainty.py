"""The standard deviation of predictions, from the posterior of both sides' rows.

Given the other side, a row's posterior has the covariance (λ P)⁻¹, and a prediction has the
variance xᵀ (λ P)⁻¹ x, where x is the other row's factors followed by a 1. The variances due to the
user's row and to the movie's row are added. For a mean of samples, the standard deviation over the
samples is used instead.
"""

from collections.abc import Callable, Sequence

import numpy as np

from movierec.core.params import TrainParams
from movierec.data.rating_arrays import Array, Csr
from movierec.model.biased_mf import Model, pairs
from movierec.model.solver import Prior, covariances

Deviations = Callable[[Array], Array]  # from user indices (n,) to deviations (n, n_items)


def item_terms(
    by_item: Csr, user_factors: Array, item_factors: Array, params: TrainParams
) -> Array:
    """The items' part of the variances: (n_items, (n_factors + 1)(n_factors + 2)).

    Its dot product with a user's part is a variance. by_item, params: the ratings and the params
    that the model was trained with.
    """
    of_rows = _covariances(by_item, user_factors, Prior.from_params(params, item_factors.shape[1]))
    return np.hstack((_squares(item_factors), of_rows)) / params.rating_precision


def deviations(
    model: Model, by_user: Csr, terms: Sequence[Array], params: TrainParams
) -> Deviations:
    """A function that returns the standard deviations of users' predicted ratings, in stars.

    by_user, params: the ratings and the params that the model was trained with. terms: item_terms
    of all items, in one or more blocks in order; a mean of samples needs none. To limit memory,
    call the function for a block of users at a time.
    """

    def of_samples(users: Array) -> Array:
        user_index, item_index = pairs(np.arange(len(users)), model.n_items)
        spread = model.of_users(users).deviation(user_index, item_index)
        return spread.reshape(len(users), model.n_items)

    def of_posterior(users: Array) -> Array:
        prior = Prior.from_params(params, model.n_factors)
        of_rows = _covariances(by_user.take(users), model.item_factors, prior)
        user_terms = np.hstack((of_rows, _squares(model.user_factors[users])))
        return np.sqrt(np.hstack([_multiply(user_terms, block) for block in terms]))

    return of_samples if model.n_samples > 1 else of_posterior


def _multiply(left: Array, right: Array) -> Array:
    """left · rightᵀ, bit-identical for any number of threads."""
    no_left, no_right = (np.zeros(len(side), side.dtype) for side in (left, right))
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    return Model(0.0, left, right, no_left, no_right).predict_all(np.arange(len(left)))


def _squares(factors: Array) -> Array:
    """The upper triangle of x xᵀ for each row, where x is its factors followed by a 1.

    Entries off the diagonal are doubled, so that the dot product with the upper triangle of P⁻¹ is
    xᵀ P⁻¹ x.
    """
    x = np.column_stack((factors, np.ones(len(factors), factors.dtype)))
    i, j = np.triu_indices(x.shape[1])
    return np.asarray(x[:, i] * x[:, j] * np.where(i == j, 1, 2).astype(x.dtype))


def _covariances(ratings: Csr, fixed_factors: Array, prior: Prior) -> Array:
    """The upper triangle of each row's P⁻¹."""
    i, j = np.triu_indices(fixed_factors.shape[1] + 1)
    return covariances(ratings, fixed_factors, prior)[:, i, j]
