"""Top-n lists: of users of the model, of a new user, and the items most like one."""

import numpy as np

from movierec.kernels.scoring import top_n_items
from movierec.kernels.tiles import TILE
from movierec.model import Model
from movierec.sparse import Array, Csr


def top_n(
    model: Model,
    seen: Csr,
    n: int,
    eligible: Array | None = None,
    user_index: Array | None = None,
) -> tuple[Array, Array]:
    """Each user's n best unseen items by predicted rating, best first.

    seen: CSR by user of what is left out; its rows are the users listed.
    eligible (n_items,) bool: items that may be recommended; all by default.
    user_index: the model's users that the rows of `seen` are; all by default.
    Returns items (n_users, n) int32, −1 where a user has no more, and unclipped predicted ratings.
    """
    factors, biases = model.user_factors, model.user_biases
    if user_index is not None:
        factors, biases = factors[user_index], biases[user_index]
    item_scores = model.item_biases
    if eligible is not None:
        item_scores = np.where(eligible, item_scores, item_scores.dtype.type(-np.inf))
    items = np.full((seen.n_rows, n), -1, np.int32)
    scores = np.full((seen.n_rows, n), -np.inf, factors.dtype)
    top_n_items(
        _transposed(factors),
        _transposed(model.item_factors),
        np.pad(item_scores, (0, -len(item_scores) % TILE), constant_values=-np.inf),
        seen.indptr,
        seen.indices,
        items,
        scores,
    )
    return items, scores + biases[:, None] + scores.dtype.type(model.global_mean)


def similar_items(model: Model, item_index: int, n: int, eligible: Array) -> tuple[Array, Array]:
    """The n items whose factors point most nearly the same way, and the cosines, best first."""
    factors = model.item_factors.astype(np.float64)
    lengths = np.linalg.norm(factors, axis=1)
    if not lengths[item_index]:
        return np.zeros(0, np.int32), np.zeros(0)
    cosines = factors @ factors[item_index] / np.maximum(lengths * lengths[item_index], 1e-12)
    cosines[~eligible] = -np.inf
    cosines[item_index] = -np.inf
    best = np.argsort(-cosines, kind="stable")[:n]
    best = best[np.isfinite(cosines[best])]
    return best.astype(np.int32), cosines[best]


def _transposed(factors: Array) -> Array:
    """(n, n_factors) as C-contiguous (n_factors, n padded with zeros to whole tiles)."""
    return np.ascontiguousarray(np.pad(factors, ((0, -len(factors) % TILE), (0, 0))).T)
