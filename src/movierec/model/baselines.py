"""Baselines that every model should beat. Each is a Model without factors."""

from typing import Protocol

import numpy as np

from movierec.data import tree_sums
from movierec.data.rating_arrays import Array
from movierec.model.biased_mf import Model


class HasRowSums(Protocol):
    """The part of a Csr that baselines need, so that ratings may also be on disk."""

    @property
    def counts(self) -> Array: ...

    def row_sums(self, mean: float = 0.0, biases: Array | None = None) -> Array: ...


def predictors(by_user: HasRowSums, by_item: HasRowSums, damping: float) -> dict[str, Model]:
    """The baselines that predict ratings, by name.

    global_mean: the mean of all ratings, for every pair. item_mean: the mean of the item's ratings,
    or the global mean if it has none. damped_biases: item biases, then user biases, each a mean of
    the residuals, shrunk towards 0 by `damping` ratings: the baseline estimates of Koren, "Factor
    in the neighbors" (TKDD 4(1), 2010), section 2.1.
    """
    n_users, n_items = len(by_user.counts), len(by_item.counts)
    mean = float(
        tree_sums.add_up([tree_sums.partial_sums(0, by_user.row_sums())]) / by_user.counts.sum()
    )
    item_sums = by_item.row_sums(mean)
    item_biases = _damped(item_sums, by_item.counts, damping)
    user_biases = _damped(by_user.row_sums(mean, item_biases), by_user.counts, damping)
    return {
        "global_mean": _without_factors(mean, np.zeros(n_users), np.zeros(n_items)),
        "item_mean": _without_factors(
            mean, np.zeros(n_users), _damped(item_sums, by_item.counts, damping=0)
        ),
        "damped_biases": _without_factors(mean, user_biases, item_biases),
    }


def damped_biases(by_user: HasRowSums, by_item: HasRowSums, damping: float) -> Model:
    return predictors(by_user, by_item, damping)["damped_biases"]


def popularity(by_user: HasRowSums, by_item: HasRowSums) -> Model:
    """The baseline that ranks items by their number of ratings; it does not predict ratings."""
    return _without_factors(0.0, np.zeros(len(by_user.counts)), by_item.counts)


def _damped(sums_of_rows: Array, counts: Array, damping: float) -> Array:
    return np.asarray(sums_of_rows / np.maximum(counts + damping, 1e-12))


def _without_factors(mean: float, user_biases: Array, item_biases: Array) -> Model:
    dtype = np.float32
    return Model(
        global_mean=mean,
        user_factors=np.zeros((len(user_biases), 0), dtype),
        item_factors=np.zeros((len(item_biases), 0), dtype),
        user_biases=user_biases.astype(dtype),
        item_biases=item_biases.astype(dtype),
    )
