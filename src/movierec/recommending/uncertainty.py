"""How sure a prediction is: the posterior of both sides' rows.

Given the other side, a row's posterior has the covariance (λ P)⁻¹, and a prediction's variance is
xᵀ (λ P)⁻¹ x, x being the other row's factors and a 1. The variances by the user's row and by the
movie's are added. For a mean of samples the spread of the samples is used instead.
"""

from collections.abc import Callable, Sequence

import numpy as np

from movierec.core.params import TrainParams
from movierec.data.rating_arrays import Array, Csr
from movierec.model.biased_mf import Model, pairs
from movierec.model.solver import Prior, covariances

Deviations = Callable[[Array], Array]  # of users, by index, for all items: (n_users, n_items)


def item_terms(
    by_item: Csr, user_factors: Array, item_factors: Array, params: TrainParams
) -> Array:
    """The items' factors of the variances (n_items, (n_factors + 1)(n_factors + 2)).

    by_item, params: what the items were trained on and with.
    """
    of_rows = _covariances(by_item, user_factors, Prior.from_params(params, item_factors.shape[1]))
    return np.hstack((_squares(item_factors), of_rows)) / params.rating_precision


def deviations(
    model: Model, by_user: Csr, terms: Sequence[Array], params: TrainParams
) -> Deviations:
    """A function that returns the standard deviations of users' predicted ratings, in stars.

    by_user, params: what the model was trained on and with. terms: item_terms of all items, in one
    or more blocks in order; a mean of samples needs none. Call it for a block of users at a time.
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
    """left · rightᵀ, summed in one order whatever the threads."""
    no_left, no_right = (np.zeros(len(side), side.dtype) for side in (left, right))
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    return Model(0.0, left, right, no_left, no_right).predict_all(np.arange(len(left)))


def _squares(factors: Array) -> Array:
    """The upper triangle of x xᵀ of each row, x being its factors and a 1, with what lies off the
    diagonal doubled: its product with the upper triangle of P⁻¹ is xᵀ P⁻¹ x."""
    x = np.column_stack((factors, np.ones(len(factors), factors.dtype)))
    i, j = np.triu_indices(x.shape[1])
    return np.asarray(x[:, i] * x[:, j] * np.where(i == j, 1, 2).astype(x.dtype))


def _covariances(ratings: Csr, fixed_factors: Array, prior: Prior) -> Array:
    """The upper triangle of each row's P⁻¹."""
    i, j = np.triu_indices(fixed_factors.shape[1] + 1)
    return covariances(ratings, fixed_factors, prior)[:, i, j]
