"""Adapters of other packages, one module per package, for the benchmarks of speed and quality.

`train` fits a package's model on a contender's ratings (quality/protocol.py) and returns its
predictor; `time_epochs` and `time_lists` return seconds. requirements.txt lists the packages.
"""

from typing import Any

import numpy as np

from benchmarks.quality.protocol import Known, Trained
from movierec.data.rating_arrays import Array, Csr
from movierec.model.biased_mf import Model


def to_frame(by_user: Csr, user: str = "user_id", item: str = "item_id") -> Any:
    """Ratings as a data frame."""
    import pandas as pd

    columns = {user: by_user.row_index, item: by_user.indices, "rating": by_user.values}
    return pd.DataFrame(columns)


def to_matrix(by_user: Csr, n_items: int, values: Array | None = None) -> Any:
    """Ratings, or other values at their positions, as a SciPy matrix (n_users, n_items)."""
    import scipy.sparse

    data = by_user.values if values is None else values
    shape = by_user.n_rows, n_items
    return scipy.sparse.csr_matrix((data, by_user.indices, by_user.indptr), shape, copy=True)


def to_trained(
    known: Known, mean: float, users: tuple[Array, ...], items: tuple[Array, ...]
) -> Trained:
    """A model of factors and biases. users, items: indices of rows, their factors and their biases.

    Missing rows are 0.
    """
    placed = []
    for n_rows, (index, factors, biases) in ((known.n_users, users), (known.n_items, items)):
        all_factors = np.zeros((n_rows, np.shape(factors)[1]), np.float32)
        all_biases = np.zeros(n_rows, np.float32)
        all_factors[index], all_biases[index] = factors, biases
        placed.append((all_factors, all_biases))
    (user_factors, user_biases), (item_factors, item_biases) = placed
    model = Model(mean, user_factors, item_factors, user_biases, item_biases)
    return Trained(model.predict, size=sum(array.nbytes for array in model.arrays.values()))
