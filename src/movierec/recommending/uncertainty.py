"""How sure a prediction is: the posterior of either side's rows.

Given the other side, a row's posterior has the covariance (λ P)⁻¹, of which a prediction's variance
is xᵀ (λ P)⁻¹ x, x being the other row's factors and a 1. The user's row and the movie's are both
unsure; their variances are added. Of a mean of samples the samples' own spread tells it.
"""

from collections.abc import Callable, Sequence

import numpy as np

from movierec.core.params import TrainParams
from movierec.data.rating_arrays import Array, Csr
from movierec.model.biased_mf import Model, pairs
from movierec.model.solver import Prior, half_epoch

Deviations = Callable[[Array], Array]


def covariances(ratings: Csr, fixed_factors: Array, prior: Prior) -> Array:
    """P⁻¹ of each row (n_rows, n_factors + 1, n_factors + 1), the bias last, in units of 1/λ.

    Solved for ratings that say 0, a row with unit noise is a column of R⁻¹, the inverse of P's
    Cholesky factor; P⁻¹ = R⁻¹ R⁻ᵀ.
    """
    n_rows, dtype, size = ratings.n_rows, fixed_factors.dtype, fixed_factors.shape[1] + 1
    zeros = Csr(ratings.indptr, ratings.indices, np.zeros(len(ratings.indices), dtype))
    no_biases = np.zeros(len(fixed_factors), dtype)
    roots = np.empty((n_rows, size, size), dtype)
    for column in range(size):
        noise = np.zeros((n_rows, size), dtype)
        noise[:, column] = 1
        factors, biases = half_epoch(zeros, fixed_factors, no_biases, 0.0, prior, noise=noise)
        roots[:, :-1, column], roots[:, -1, column] = factors, biases
    return np.asarray(np.einsum("rik,rjk->rij", roots, roots))


def of_items(by_item: Csr, user_factors: Array, item_factors: Array, params: TrainParams) -> Array:
    """What deviations needs of some items: (n_factors + 1)(n_factors + 2) numbers of each.

    by_item, params: what they were trained on and with.
    """
    of_rows = _covariances(by_item, user_factors, Prior.from_params(params, item_factors.shape[1]))
    return np.hstack((_squares(item_factors), of_rows)) / params.rating_precision


def deviations(
    model: Model, by_user: Csr, parts: Sequence[Array], params: TrainParams
) -> Deviations:
    """What tells the standard deviation of users' predicted ratings, in stars: (n_users, n_items).

    by_user, params: what the model was trained on and with. parts: of_items of all items in order;
    a mean of samples needs none. Ask for some users at a time.
    """

    def of_samples(users: Array) -> Array:
        each = pairs(np.arange(len(users)), model.n_items)
        return model.of_users(users).deviation(*each).reshape(len(users), model.n_items)

    def of_users(users: Array) -> Array:
        prior = Prior.from_params(params, model.n_factors)
        of_rows = _covariances(by_user.take(users), model.item_factors, prior)
        left = np.hstack((of_rows, _squares(model.user_factors[users])))
        return np.sqrt(np.hstack([_products(left, part) for part in parts]))

    return of_samples if model.n_samples > 1 else of_users


def _products(left: Array, right: Array) -> Array:
    """left · rightᵀ, summed in one order whatever the threads."""
    no_left, no_right = (np.zeros(len(side), side.dtype) for side in (left, right))
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    return Model(0.0, left, right, no_left, no_right).predict_all(np.arange(len(left)))


def _squares(factors: Array) -> Array:
    """x xᵀ of each row, x being its factors and a 1, as what its product with P⁻¹ needs: the upper
    triangle, what lies off the diagonal twice."""
    x = np.column_stack((factors, np.ones(len(factors), factors.dtype)))
    i, j = np.triu_indices(x.shape[1])
    return np.asarray(x[:, i] * x[:, j] * np.where(i == j, 1, 2).astype(x.dtype))


def _covariances(ratings: Csr, fixed_factors: Array, prior: Prior) -> Array:
    """The upper triangle of each row's P⁻¹."""
    i, j = np.triu_indices(fixed_factors.shape[1] + 1)
    return covariances(ratings, fixed_factors, prior)[:, i, j]
