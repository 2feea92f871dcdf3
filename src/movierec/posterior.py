"""How sure a prediction is: the posterior of either side's rows.

Given the other side, a row's posterior has the covariance (λ P)⁻¹, of which a prediction's variance
is xᵀ (λ P)⁻¹ x, x being the other row's factors and a 1. The user's row and the movie's are both
unsure; their variances are added. Of a mean of samples the samples' own spread tells it.
"""

from collections.abc import Callable

import numpy as np

from movierec.model import Model, pairs
from movierec.params import TrainParams
from movierec.solver import Prior, half_epoch
from movierec.sparse import Array, Csr

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


def deviations(model: Model, by_user: Csr, by_item: Csr, params: TrainParams) -> Deviations:
    """What tells the standard deviation of users' predicted ratings, in stars: (n_users, n_items).

    by_user, by_item, params: what the model was trained on and with. Ask for some users at a time;
    what is kept of each movie is (n_factors + 1)(n_factors + 2) numbers.
    """
    if model.n_samples > 1:
        n_items = model.n_items
        return lambda users: model.deviation(*pairs(users, n_items)).reshape(len(users), n_items)
    prior = Prior.of(params, model.n_factors)
    of_items = _covariances(by_item, model.user_factors, prior)
    right = np.hstack((_squares(model.item_factors), of_items)) / params.rating_precision

    def of_users(users: Array) -> Array:
        of_rows = _covariances(by_user.take(users), model.item_factors, prior)
        left = np.hstack((of_rows, _squares(model.user_factors[users])))
        return np.sqrt(_products(left, right))

    return of_users


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
