"""Item regression (EASE): the score of a movie is a weighted sum of the movies that a user rated.

With the cells x of a user, 1 for a movie that they liked, less for another one that they rated and
0 for all others, the scores are xᵀ B. The weights B minimise

    Σ_users |x − xᵀ B|² + ridge · |B|²,    with zeros on the diagonal,

which has a closed form, B[j, i] = −P[j, i] / P[i, i] with P = (Σ x xᵀ + ridge · I)⁻¹: Steck,
"Embarrassingly shallow autoencoders for sparse data" (WWW 2019). Its cells are 0 and 1.

P takes memory for n² numbers and time for n³ / 2 multiplications. So only the most rated movies
take part, and each keeps only its largest weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from movierec.core.errors import MovierecError
from movierec.core.params import ItemRegressionParams
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array, Csr, count_index, indptr_from_counts
from movierec.kernels import item_regression as kernels
from movierec.kernels.scoring import scores_by_weights


@dataclass(frozen=True)
class Cells:
    """The cells of ratings. limit: the least rating of a movie that is liked; low: of others.

    Examples:
        >>> Cells(4, 0.5, Scale(1, 5)).of(np.array([1, 3, 4, 5])).tolist()
        [0.5, 0.5, 1.0, 1.0]
    """

    liked_rating: float
    low: float
    scale: Scale

    @classmethod
    def from_params(cls, params: ItemRegressionParams, scale: Scale) -> Cells:
        return cls(params.liked_rating, params.low_cell, scale)

    def of(self, ratings: Array) -> Array:
        """float32."""
        is_liked = np.asarray(ratings) >= self.scale.limit(self.liked_rating)
        return np.where(is_liked, np.float32(1), np.float32(self.low))

    def of_new_user(self, ratings: Array) -> Array:
        """The same, but 0 for movies that they dislike: as Targets.of_new_user."""
        is_disliked = np.asarray(ratings) < self.scale.limit(2)
        return np.where(is_disliked, np.float32(0), self.of(ratings))


@dataclass(frozen=True)
class ItemWeights:
    """The weights of the movies that take part.

    items (n,) int32: their item indices, ascending. others (n, n_weights) int32: the movies, by
    their place in `items`, in whose scores each has its largest weights; −1 past the end. weights
    (n, n_weights) float32. n_items: of the data set. manifest: the records of the stages up to
    this one. Raises ValueError for arrays that do not fit each other.
    """

    items: Array
    others: Array
    weights: Array
    n_items: int
    manifest: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check()
        for name, array in self.arrays.items():  # read-only, as those of Csr: one type for kernels
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @classmethod
    def none(cls, n_items: int) -> ItemWeights:
        """No movie takes part."""
        no_weights = np.zeros((0, 0), np.int32), np.zeros((0, 0), np.float32)
        return cls(np.zeros(0, np.int32), *no_weights, n_items)

    @property
    def arrays(self) -> dict[str, Array]:
        """The arrays that are saved, by name."""
        return {"items": self.items, "others": self.others, "weights": self.weights}

    @property
    def places(self) -> Array:
        """The place of each movie in `items` (n_items,) int32, or −1."""
        places = np.full(self.n_items, -1, np.int32)
        places[self.items] = np.arange(len(self.items), dtype=np.int32)
        return places

    def _check(self) -> None:
        """Kernels would use foreign memory for arrays that do not fit each other."""
        kinds = self.items.dtype, self.others.dtype, self.weights.dtype
        if (
            kinds != (np.int32, np.int32, np.float32)
            or (self.items.ndim, self.others.ndim) != (1, 2)
            or self.others.shape != self.weights.shape
            or len(self.others) != len(self.items)
        ):
            raise ValueError("items, others and weights do not fit each other")
        is_inside = (np.diff(self.items, prepend=-1, append=self.n_items) > 0).all()
        ends = self.others.min(initial=-1), self.others.max(initial=-1)
        if not is_inside or ends[0] < -1 or ends[1] >= len(self.items):
            raise ValueError("items or others are out of range, or not in order")


def fit(
    blocks: Iterable[Csr], counts: Array, cells: Cells, params: ItemRegressionParams, matrix: Array
) -> ItemWeights:
    """Fit the weights to ratings.

    blocks: the ratings by user, a block of users at a time. counts (n_items,): the number of
    ratings of each movie. matrix: zeros of the size that `size_of_matrix` returns, to work in.
    Raises MovierecError if the matrix is not positive definite to the precision of its numbers.
    """
    chosen = choose_items(counts, params.max_items)
    n = len(chosen)
    places = np.full(len(counts), -1, np.int32)
    places[chosen] = np.arange(n, dtype=np.int32)
    for block in blocks:
        by_user = take_part(block, places, cells)
        by_item = by_user.transpose(n)
        kernels.add_gram(*by_item.arrays, *by_user.arrays, matrix)
    diagonal = np.arange(len(matrix))
    matrix[diagonal, diagonal] += np.float32(params.ridge)
    invert(matrix)
    others = np.full((n, min(params.weights_per_item, max(n - 1, 0))), -1, np.int32)
    weights = np.zeros(others.shape, np.float32)
    if weights.size:
        kernels.largest_weights(matrix, others, weights)
    return ItemWeights(chosen, others, weights, len(counts))


def fit_in_memory(
    by_user: Csr, n_items: int, cells: Cells, params: ItemRegressionParams
) -> ItemWeights:
    """Fit the weights to ratings, all at once."""
    counts = count_index(by_user.indices, n_items)
    size = size_of_matrix(counts, params.max_items)
    return fit([by_user], counts, cells, params, np.zeros((size, size), np.float32))


def choose_items(counts: Array, max_items: int) -> Array:
    """The most rated items, of those with ratings: their indices, ascending, int32."""
    most_rated = np.argsort(-counts, kind="stable")[:max_items]
    return np.sort(most_rated[counts[most_rated] > 0]).astype(np.int32)


def size_of_matrix(counts: Array, max_items: int) -> int:
    """The number of rows and columns of the matrix that `fit` works in."""
    return -(-len(choose_items(counts, max_items)) // kernels.PIVOTS) * kernels.PIVOTS


def take_part(by_user: Csr, places: Array, cells: Cells) -> Csr:
    """The cells of users' ratings of the movies that take part; indices are places."""
    place = places[by_user.indices]
    takes_part = place >= 0
    counts = np.bincount(by_user.row_index[takes_part], minlength=by_user.n_rows)
    values = cells.of(by_user.values[takes_part])
    return Csr(indptr_from_counts(counts), place[takes_part], values)


def invert(matrix: Array) -> None:
    """Put −A⁻¹ into the upper triangle of a symmetric matrix A, of which it is read.

    The blocks of pivots are swept out one after the other: n³ / 2 multiply-adds, in place, and the
    same to the bit for any number of threads. Raises MovierecError if A is not positive definite.
    """
    size, pivots = len(matrix), kernels.PIVOTS
    inverse = np.empty((pivots, pivots))
    rows, products = (
        np.empty((size // width, pivots, width), matrix.dtype)
        for width in (kernels.GROUP, kernels.PANEL)
    )
    for start in range(0, size, pivots):
        if not kernels.invert_pivots(matrix, start, inverse):
            raise MovierecError("item_regression.ridge: too small for these ratings; increase it")
        kernels.sweep(matrix, start, inverse.astype(matrix.dtype), rows, products)


@dataclass(frozen=True)
class RegressionScores:
    """Scores of users by their cells.

    cells: CSR by user of their cells; its indices are places in regression.items.
    """

    regression: ItemWeights
    cells: Csr

    @classmethod
    def none(cls, n_users: int, n_items: int) -> RegressionScores:
        """No movie takes part."""
        no_cells = np.zeros(0, np.int32), np.zeros(0, np.float32)
        cells = Csr(np.zeros(n_users + 1, np.int64), *no_cells)
        return cls(ItemWeights.none(n_items), cells)

    @classmethod
    def of_ratings(cls, regression: ItemWeights, by_user: Csr, cells: Cells) -> RegressionScores:
        """Of users with these ratings."""
        return cls(regression, take_part(by_user, regression.places, cells))

    def take(self, users: Array) -> RegressionScores:
        """Of the users at these positions, in this order."""
        return RegressionScores(self.regression, self.cells.take(users))

    def scores(self) -> Array:
        """Of the movies that take part (n_users, n) float32, in their order."""
        sums = np.zeros((self.cells.n_rows, len(self.regression.items)), np.float32)
        weights = self.regression.others, self.regression.weights
        scores_by_weights(*self.cells.arrays, *weights, sums)
        return sums
