"""Published item-item models that rank by X · B: the textbook form of each, on small data.

X (n_users, n_items) has a 1 for each rating. Each function returns the dense matrix of weights
B (n_items, n_items); a user's scores are the sum of the rows of the movies that they rated. Memory
and time grow with the square of the number of movies and more, so use up to 20,000 or so.
"""

import warnings
from typing import Any

import numpy as np

from movierec.data.rating_arrays import Array, Csr


def to_matrix(by_user: Csr, n_items: int) -> Any:
    """X as a SciPy matrix of float64."""
    from scipy.sparse import csr_array

    ones = np.ones(len(by_user.indices))
    return csr_array((ones, by_user.indices, by_user.indptr), (by_user.n_rows, n_items))


def most_popular(x: Any) -> Array:
    """The number of ratings of each item (n_items,): the same scores for every user."""
    return np.asarray(x.sum(axis=0))


def item_knn(x: Any, neighbours: int) -> Array:
    """The cosines of each item with its nearest neighbours: a column has that many weights.

    Deshpande & Karypis, "Item-based top-N recommendation algorithms" (TOIS 22(1), 2004).
    """
    shared = (x.T @ x).toarray()
    norms = np.sqrt(np.diag(shared))
    cosines = shared / np.maximum(np.outer(norms, norms), 1e-12)
    np.fill_diagonal(cosines, 0)
    return largest_in_rows(cosines.T, neighbours).T


def rp3beta(x: Any, neighbours: int, alpha: float, beta: float) -> Array:
    """Three steps of a random walk, user to item to user to item, less the items' popularity.

    Paudel et al., "Updatable, accurate, diverse, and scalable recommendations for interactive
    applications" (TiiS 7(1), 2016): transition probabilities to the power of alpha, divided by the
    number of ratings of the item reached to the power of beta. A row has `neighbours` weights.
    """
    users, items = (np.maximum(np.asarray(x.sum(axis=axis)), 1) for axis in (1, 0))
    to_items = x.multiply(1 / users[:, None]).power(alpha)
    to_users = x.T.multiply(1 / items[:, None]).power(alpha)
    walks = (to_users.tocsr() @ to_items.tocsr()).toarray() * items**-beta
    np.fill_diagonal(walks, 0)
    return largest_in_rows(walks, neighbours)


def ease(x: Any, ridge: float) -> Array:
    """Ridge regression of each item on all others, in closed form.

    Steck, "Embarrassingly shallow autoencoders for sparse data" (WWW 2019), equation 8.
    """
    gram = (x.T @ x).toarray()
    gram[np.diag_indices_from(gram)] += ridge
    precision = np.linalg.inv(gram)
    weights = precision / -np.diag(precision)
    np.fill_diagonal(weights, 0)
    return np.asarray(weights)


def slim(x: Any, alpha: float, l1_ratio: float) -> Array:
    """Elastic net of each item on all others, with weights of at least 0, by scikit-learn.

    Ning & Karypis, "SLIM: sparse linear methods for top-N recommender systems" (ICDM 2011).
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import ElasticNet

    columns, n_items = x.tocsc(), x.shape[1]
    columns.indices, columns.indptr = (
        index.astype(np.int32)
        for index in (columns.indices, columns.indptr)  # for scikit-learn
    )
    weights = np.zeros((n_items, n_items))
    net = ElasticNet(
        alpha=alpha, l1_ratio=l1_ratio, positive=True, fit_intercept=False, copy_X=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for item in range(n_items):
            place = slice(columns.indptr[item], columns.indptr[item + 1])
            target = np.asarray(columns[:, [item]].todense()).ravel()
            kept = columns.data[place].copy()
            columns.data[place] = 0  # no item explains itself
            if target.any():
                weights[:, item] = net.fit(columns, target).coef_
            columns.data[place] = kept
    return weights


def largest_in_rows(values: Array, n: int) -> Array:
    """The matrix with only the n largest values of each row; the others are 0."""
    if n >= values.shape[1]:
        return values
    places = np.argpartition(-values, n - 1, axis=1)[:, :n]
    kept = np.zeros_like(values)
    np.put_along_axis(kept, places, np.take_along_axis(values, places, axis=1), axis=1)
    return kept
