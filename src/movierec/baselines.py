"""Predictors that every model must beat. Each is a Model without factors."""

import numpy as np

from movierec.model import Model
from movierec.sparse import Array, Csr


def predictors(by_user: Csr, by_item: Csr, damping: float) -> dict[str, Model]:
    """Those that predict ratings, by name."""
    return {
        "global_mean": global_mean(by_user, by_item),
        "item_mean": item_mean(by_user, by_item),
        "damped_biases": damped_biases(by_user, by_item, damping),
    }


def global_mean(by_user: Csr, by_item: Csr) -> Model:
    """The mean of all ratings, for everyone and everything."""
    return _without_factors(by_user, np.zeros(by_user.n_rows), np.zeros(by_item.n_rows))


def item_mean(by_user: Csr, by_item: Csr) -> Model:
    """The mean of the item's ratings; the global mean where it has none."""
    return _without_factors(by_user, np.zeros(by_user.n_rows), _damped_means(by_item, 0, by_user))


def damped_biases(by_user: Csr, by_item: Csr, damping: float) -> Model:
    """Item, then user biases, each a mean of what is left, drawn to 0 by `damping` ratings.

    The baseline estimates of Koren, "Factor in the neighbors" (TKDD 4(1), 2010), section 2.1.
    """
    of_items = _damped_means(by_item, damping, by_user)
    left = by_user.values - by_user.values.mean(dtype=np.float64) - of_items[by_user.indices]
    sums = np.bincount(by_user.row_index, left, minlength=by_user.n_rows)
    of_users = sums / np.maximum(by_user.counts + damping, 1e-12)
    return _without_factors(by_user, of_users, of_items)


def popularity(by_user: Csr, by_item: Csr) -> Model:
    """Ranks items by their number of ratings; it does not predict ratings."""
    return _without_factors(by_user, np.zeros(by_user.n_rows), by_item.counts)


def _damped_means(by_item: Csr, damping: float, by_user: Csr) -> Array:
    centred = by_item.values - by_user.values.mean(dtype=np.float64)
    sums = np.bincount(by_item.row_index, centred, minlength=by_item.n_rows)
    return np.asarray(sums / np.maximum(by_item.counts + damping, 1e-12))


def _without_factors(by_user: Csr, user_biases: Array, item_biases: Array) -> Model:
    dtype = np.float32
    return Model(
        global_mean=float(by_user.values.mean(dtype=np.float64)),
        user_factors=np.zeros((len(user_biases), 0), dtype),
        item_factors=np.zeros((len(item_biases), 0), dtype),
        user_biases=user_biases.astype(dtype),
        item_biases=item_biases.astype(dtype),
    )
