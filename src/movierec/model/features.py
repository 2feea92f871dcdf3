"""Features of rows (a movie's genres, the movies that a user rated), which set the prior mean.

The prior mean of a row with n features is the sum of its features' weights, divided by √n. A
feature's weights are factors and a bias. They have a ridge penalty, and are solved for exactly
while the rows are fixed.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from movierec.core import random_streams
from movierec.data.rating_arrays import Array, Csr
from movierec.kernels.reductions import chunk_dots, chunk_products, combine, sum_rows
from movierec.kernels.tiles import LANES

FEW = 256  # up to so many features, weights are solved for by one dense matrix
MAX_STEPS, TOLERANCE = 100, 1e-5  # of conjugate gradients
RANK, POWERS = 16, 2  # eigenvectors of the preconditioner, and steps of subspace iteration
CHUNK = 1024  # rows whose products are added up at a time, in a fixed order


@dataclass(frozen=True)
class Features:
    """The features of each row, and the rows of each feature.

    They represent the matrix X (n_rows, n_features): 1/√n where a row of n features has the
    feature, 0 elsewhere.
    """

    by_row: Csr
    by_feature: Csr
    _systems: "dict[Any, RidgeSystem]" = field(default_factory=dict, compare=False, repr=False)

    @property
    def n_features(self) -> int:
        return self.by_feature.n_rows

    @property
    def are_few(self) -> bool:
        """Whether there are so few that their weights are solved for by one dense matrix."""
        return self.n_features <= FEW

    def means(self, weights: Array) -> Array:
        """X · weights: the prior mean of each row (n_rows, n_columns)."""
        return means_of(self.by_row, weights)

    def collect(self, rows: Array) -> Array:
        """Xᵀ · rows: (n_features, n_columns)."""
        self.by_feature.check_columns(len(rows))
        scaled = rows * scale_of(self.by_row, rows.dtype)
        return np.asarray(sum_rows(self.by_feature.indptr, self.by_feature.indices, scaled))

    def solve(
        self,
        right: Array,
        precision: Array,
        per_rating: Array,
        counts: Array,
        ridge: Array,
        start: Array,
        max_steps: int = MAX_STEPS,
        tolerance: float = TOLERANCE,
    ) -> Array:
        """Solve (Xᵀ · P · X + ridge) W = right for the weights W, column by column.

        P is diagonal: a row's precision in a column is precision + count · per_rating. precision,
        per_rating, ridge (n_columns,), counts (n_rows,). Few features are solved for directly, many
        by preconditioned conjugate gradients from `start`, to a tolerance or for max_steps.
        """
        if self.are_few:
            return self._solve_few(right, precision, per_rating, counts, ridge)
        weights = np.empty_like(right)
        kinds, kind_of = np.unique([precision, per_rating, ridge], axis=1, return_inverse=True)
        for kind, (constant, per_count, penalty) in enumerate(kinds.T):
            columns = np.flatnonzero(kind_of == kind)
            system = self._system(constant, per_count, penalty, counts, right.dtype)
            for group in np.split(columns, range(LANES, len(columns), LANES)):
                part, first = (np.ascontiguousarray(of[:, group]) for of in (right, start))
                weights[:, group] = system.solve(part, first, max_steps, tolerance)
        return weights

    def _system(
        self, precision: float, per_rating: float, ridge: float, counts: Array, dtype: Any
    ) -> "RidgeSystem":
        """The system of columns with these precisions, prepared once."""
        key = precision, per_rating, ridge, np.dtype(dtype).str
        if key not in self._systems:
            row_precision = (precision + per_rating * counts)[:, None].astype(dtype)
            self._systems[key] = RidgeSystem(self, row_precision, ridge)
        return self._systems[key]

    def _solve_few(
        self, right: Array, precision: Array, per_rating: Array, counts: Array, ridge: Array
    ) -> Array:
        from scipy.sparse import csr_array, diags_array

        rows, shape = self.by_row, (self.by_row.n_rows, self.n_features)
        values = np.repeat(scale_of(rows)[:, 0], rows.counts)
        x = csr_array((values, rows.indices, rows.indptr), shape)
        plain, counted = (
            (x.T @ x).toarray(),
            (x.T @ diags_array(counts.astype(np.float64)) @ x).toarray(),
        )
        weights = np.empty_like(right)
        kinds, kind_of = np.unique([precision, per_rating, ridge], axis=1, return_inverse=True)
        for kind, (constant, per_count, penalty) in enumerate(kinds.T):
            matrix = constant * plain + per_count * counted + penalty * np.eye(self.n_features)
            columns = kind_of == kind
            weights[:, columns] = np.linalg.solve(matrix, right[:, columns].astype(np.float64))
        return weights


class RidgeSystem:
    """Xᵀ · P · X + ridge, for columns with the same precision of each row.

    Conjugate gradients need many steps because of a few large eigenvalues: those of popular
    features, which many rows have in common. So its RANK largest eigenvectors are found once, and
    the preconditioner inverts the matrix in their directions, and its diagonal in the others.
    """

    def __init__(self, features: Features, row_precision: Array, ridge: float) -> None:
        self.features, dtype = features, row_precision.dtype
        self.ridge, scale = dtype.type(ridge), scale_of(features.by_row, dtype)
        self.row_weights = scale**2 * row_precision
        by_feature = features.by_feature
        diagonal = sum_rows(by_feature.indptr, by_feature.indices, self.row_weights)
        self.inverse = 1 / (diagonal[:, 0] + self.ridge)
        self.vectors, self.gains = self._largest()

    def product(self, weights: Array) -> Array:
        """(Xᵀ · P · X + ridge) · weights."""
        by_row, by_feature = self.features.by_row, self.features.by_feature
        rows = sum_rows(by_row.indptr, by_row.indices, weights)
        rows *= self.row_weights
        image = sum_rows(by_feature.indptr, by_feature.indices, rows)
        image += self.ridge * weights
        return np.asarray(image)

    def precondition(self, residual: Array) -> Array:
        """Multiply by the approximate inverse of the matrix."""
        parts = self.gains[:, None] * _products(self.vectors, residual)
        parts = parts.astype(residual.dtype)
        return np.asarray(combine(residual, self.inverse, self.vectors, parts))

    def solve(self, right: Array, start: Array, max_steps: int, tolerance: float) -> Array:
        """Solve for the columns of `right` by conjugate gradients from `start`.

        tolerance: of the residual relative to `right`, in the norm of the preconditioner.
        """
        dtype = right.dtype
        weights, residual = start, right - self.product(start)
        scaled = direction = self.precondition(residual)
        size = _dot(residual, scaled)
        enough = tolerance**2 * _dot(right, self.precondition(right))
        for _ in range(max_steps):
            if (size <= enough).all():
                break
            image = self.product(direction)
            step = _ratio(size, _dot(direction, image)).astype(dtype)
            weights = weights + step * direction
            residual -= step * image
            scaled = self.precondition(residual)
            previous, size = size, _dot(residual, scaled)
            direction = scaled + _ratio(size, previous).astype(dtype) * direction
        return weights

    def _largest(self) -> tuple[Array, Array]:
        """The largest eigenvectors of the matrix scaled to a diagonal of 1, by subspace iteration.

        Returns the vectors (n_features, RANK), scaled, and their part of the inverse (RANK,).
        """
        root = np.sqrt(self.inverse)[:, None]
        rank = min(RANK, len(root))
        vectors = random_streams.stream(0, "features").standard_normal((len(root), rank))
        vectors = vectors.astype(root.dtype)
        for _ in range(POWERS):
            vectors = root * self.product(root * _orthonormal(vectors))
        vectors = _orthonormal(vectors)
        images = root * self.product(root * vectors)
        values, rotation = np.linalg.eigh(_products(vectors, images))
        return root * _rotated(vectors, rotation), 1 / values - 1


def scale_of(by_row: Csr, dtype: Any = np.float64) -> Array:
    """1/√n for each row of n features: (n_rows, 1); 1 for rows without features."""
    return np.asarray((1 / np.sqrt(np.maximum(by_row.counts, 1)))[:, None], dtype)


def means_of(by_row: Csr, weights: Array) -> Array:
    """X · weights for rows with these features: (n_rows, n_columns)."""
    by_row.check_columns(len(weights))
    sums = sum_rows(by_row.indptr, by_row.indices, weights)
    sums *= scale_of(by_row, weights.dtype)
    return np.asarray(sums)


def _dot(left: Array, right: Array) -> Array:
    """The dot products of corresponding columns: (n_columns,)."""
    return np.asarray(chunk_dots(left, right, CHUNK).sum(axis=0))


def _products(left: Array, right: Array) -> Array:
    """leftᵀ · right: (columns of left, columns of right) float64."""
    return np.asarray(chunk_products(left, right, CHUNK).sum(axis=0))


def _orthonormal(vectors: Array) -> Array:
    """Orthonormal vectors of the same span, by the Cholesky factor of their products."""
    root = np.linalg.cholesky(_products(vectors, vectors))
    return _rotated(vectors, np.linalg.inv(root).T)


def _rotated(vectors: Array, rotation: Array) -> Array:
    """vectors · rotation."""
    zeros = np.zeros(len(vectors), vectors.dtype)
    return np.asarray(combine(vectors, zeros, vectors, rotation.astype(vectors.dtype)))


def _ratio(over: Array, under: Array) -> Array:
    """over / under, and 0 for columns that have converged exactly."""
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)
