"""Top-n lists of users, by a model or by any scores, and the nearest items of each item."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from movierec.data.rating_arrays import Array, Csr, check_index
from movierec.kernels.scoring import best_of_rows, product, top_n_items
from movierec.kernels.tiles import TILE
from movierec.model.biased_mf import Model
from movierec.model.item_regression import RegressionScores

Scorer = Callable[[Array], Array]  # from user indices (n,) to scores of all items (n, n_items)
USERS = 128  # users for whom a scorer is called at a time
N_FIRST = 16  # factors after whose products bounds are tried again


@dataclass
class Work:
    """The multiplications of users' by items' factors: those that were made, and all there are."""

    made: int = 0
    of: int = 0

    def add(self, more: "Work") -> None:
        self.made += more.made
        self.of += more.of

    @property
    def skipped(self) -> float:
        """The share that bounds saved."""
        return 1 - self.made / max(self.of, 1)


@dataclass(frozen=True)
class RegressedModel:
    """A model to whose predictions `share` times the users' scores by item regression are added.

    The users of the regression are those of the model.
    """

    model: Model
    regression: RegressionScores
    share: float = 1

    def predict_all(self, users: Array) -> Array:
        """The scores of all items (n_users, n_items)."""
        scores, added = self.model.predict_all(users), self.regression.take(users)
        scores[:, added.regression.items] += self.share * added.scores()
        return scores


Ranked = Model | RegressedModel | Scorer  # what ranks items


def top_n(
    by: Ranked,
    seen: Csr,
    n: int,
    eligible: Array | None = None,
    user_index: Array | None = None,
    rotate: bool = False,
    work: Work | None = None,
) -> tuple[Array, Array]:
    """Each user's n best unseen items, best first, by a model's predictions or by other scores.

    seen: CSR by user of the items to leave out, with one row for each list.
    eligible (n_items,) bool: items that may be recommended; all by default.
    user_index: the model's users of the rows of `seen`; all users by default.
    rotate: whether to rotate a model's factors first, so that bounds save more work; scores then
    differ by rounding. work: adds up what a model's lists take.
    Returns items (n_users, n) int32, −1 past the end of a shorter list, and scores, which are
    unclipped predictions for a model. Raises ValueError or IndexError for arrays that do not fit
    each other.
    """
    users = np.arange(seen.n_rows) if user_index is None else user_index
    if n < 1:
        raise ValueError(f"n: should be at least 1, not {n}")
    if len(users) != seen.n_rows:
        raise ValueError(f"user_index has {len(users)} users, but seen {seen.n_rows} rows")
    if isinstance(by, Model):
        by = RegressedModel(by, RegressionScores.none(by.n_users, by.n_items))
    dtype = np.dtype(by.model.dtype if isinstance(by, RegressedModel) else np.float32)
    items = np.full((seen.n_rows, n), -1, np.int32)
    scores = np.full(items.shape, -np.inf, dtype)
    allowed = True if eligible is None else eligible
    if isinstance(by, RegressedModel):
        model = by.model
        users = check_index(users, model.n_users, "user_index")
        _check_eligible(allowed, model.n_items)
        seen.check_columns(model.n_items)
        _by_model(by, seen, allowed, users, (items, scores), rotate, work)
        return items, scores + model.user_biases[users, None] + dtype.type(model.global_mean)
    for first in range(0, seen.n_rows, USERS):
        rows = slice(first, min(first + USERS, seen.n_rows))
        block = seen.rows(rows)
        candidates = by(users[rows])
        _check_eligible(allowed, candidates.shape[1])
        block.check_columns(candidates.shape[1])
        candidates = np.where(allowed, candidates, -np.inf).astype(dtype)
        best_of_rows(candidates, block.indptr, block.indices, items[rows], scores[rows])
    return items, scores


def _check_eligible(eligible: Array | bool, n_items: int) -> None:
    if isinstance(eligible, np.ndarray) and eligible.shape != (n_items,):
        raise ValueError(f"eligible: should have shape ({n_items},), not {eligible.shape}")


def _by_model(
    by: RegressedModel,
    seen: Csr,
    allowed: Array | bool,
    users: Array,
    lists: tuple[Array, Array],
    rotate: bool,
    work: Work | None,
) -> None:
    (items, scores), model = lists, by.model
    cells, added = by.regression.cells.take(users), by.regression.regression
    listed = np.flatnonzero(np.broadcast_to(allowed, model.n_items)).astype(np.int32)
    place = np.full(model.n_items, -1, np.int32)
    place[listed] = np.arange(len(listed), dtype=np.int32)
    chosen = np.flatnonzero(place[added.items] >= 0)
    user_factors, item_factors = (
        _transposed(factors) for factors in (model.user_factors[users], model.item_factors[listed])
    )
    if rotate:
        rotation = _rotation(item_factors)
        user_factors, item_factors = (
            product(rotation, factors) for factors in (user_factors, item_factors)
        )
    n_first = min(N_FIRST, len(item_factors))
    n_made = top_n_items(
        user_factors,
        item_factors,
        np.pad(model.item_biases[listed], (0, -len(listed) % TILE), constant_values=-np.inf),
        n_first,
        _lengths(user_factors, n_first),
        _lengths(item_factors, n_first).reshape(2, -1, TILE).max(axis=2),
        cells.indptr,
        cells.indices,
        (cells.values * by.share).astype(scores.dtype),
        place[added.items[chosen]],
        chosen,
        added.others,
        added.weights,
        place,
        seen.indptr,
        seen.indices,
        items,
        scores,
    )
    if work:
        work.add(Work(n_made, model.n_factors * len(items) * model.n_items))
    is_listed = items >= 0
    items[is_listed] = listed[items[is_listed]]


def _rotation(item_factors: Array) -> Array:
    """A rotation after which the first factors have most of the items' lengths.

    item_factors (n_factors, n_items). Columns are the eigenvectors of their products, padded.
    """
    rows = _padded(np.ascontiguousarray(item_factors.T))
    vectors = np.linalg.eigh(product(rows, rows).astype(np.float64))[1][:, ::-1]
    return np.ascontiguousarray(vectors[: len(item_factors)], item_factors.dtype)


def _lengths(factors: Array, n_first: int) -> Array:
    """The length of each column of all factors, and of those after the first: (2, n)."""
    squares = np.square(factors)
    return np.sqrt([squares.sum(axis=0), squares[n_first:].sum(axis=0)]).astype(factors.dtype)


def predicted_ratings(
    model: Model, users: Array, lists: Array, scale: tuple[float, float]
) -> Array:
    """The predicted ratings of the listed items, clipped to the scale: (n_users, n).

    Places past the end of a shorter list contain arbitrary numbers.
    """
    user_index = np.repeat(check_index(users, model.n_users, "users"), lists.shape[1])
    predicted = model.predict(user_index, np.maximum(lists, 0).ravel())
    return np.clip(predicted, *scale).reshape(lists.shape)


def all_similar_items(factors: Array, n: int, eligible: Array) -> tuple[Array, Array]:
    """The n nearest items of each item: (n_items, n) int32, −1 if there are fewer, and cosines.

    Equals selection.similar for one item. factors (n_items, n_factors): an item whose factors are
    all 0 has no neighbours and is no neighbour.
    """
    n_items, (unit, known) = len(factors), unit_rows(factors)
    every, zeros = np.arange(n_items, dtype=np.int32), np.zeros(n_items, factors.dtype)
    itself = Csr(np.arange(n_items + 1, dtype=np.int64), every, zeros)
    model = Model(0.0, unit, unit, zeros, zeros)
    lists, cosines = top_n(model, itself, n, eligible & known, rotate=True)
    lists[~known] = -1
    return lists, cosines


def unit_rows(factors: Array) -> tuple[Array, Array]:
    """Rows scaled to length 1, in their dtype, and which rows are not 0: (n_rows,) bool."""
    lengths = np.linalg.norm(factors, axis=1, keepdims=True)
    return factors / np.where(lengths > 0, lengths, 1), lengths[:, 0] > 0


def _transposed(factors: Array) -> Array:
    """Transpose (n, n_factors), C-contiguous, with n padded with zeros to full tiles."""
    return _padded(factors.T)


def _padded(factors: Array) -> Array:
    """Pad columns with zeros to full tiles; C-contiguous."""
    return np.ascontiguousarray(np.pad(factors, ((0, 0), (0, -factors.shape[1] % TILE))))
