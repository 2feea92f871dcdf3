"""Features of rows (a movie's genres, the movies that a user rated), which set the prior mean.

The prior mean of a row with n features is the sum of its features' weights, divided by √n. A
feature's weights are factors and a bias. They have a ridge penalty, and are solved for exactly
while the rows are fixed.
"""

from abc import ABC, abstractmethod
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


class FeatureMatrix(ABC):
    """The matrix X (n_rows, n_features): 1/√n where a row of n features has the feature, else 0.

    Its subclasses multiply by the matrix that has 1 there. Each row of such a product is a sum in a
    fixed order, so products are bit-identical for any division into blocks.
    """

    def __init__(self) -> None:
        self._systems: dict[Any, DenseSystem | RidgeSystem] = {}

    @property
    @abstractmethod
    def n_features(self) -> int: ...

    @property
    @abstractmethod
    def counts(self) -> Array:
        """The number of features of each row: (n_rows,)."""

    @abstractmethod
    def sum_by_feature(self, rows: Array) -> Array:
        """The sum of the rows that have each feature: (n_features, n_columns)."""

    @abstractmethod
    def gram(self, weights: Array, row_weights: Array) -> Array:
        """sum_by_feature of each row's sum of weights, times its row weight (n_rows, 1)."""

    @property
    def are_few(self) -> bool:
        """Whether there are so few that their weights are solved for by one dense matrix."""
        return self.n_features <= FEW

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
    ) -> "DenseSystem | RidgeSystem":
        """The system of columns with these precisions, prepared once."""
        key = precision, per_rating, ridge, np.dtype(dtype).str
        if key not in self._systems:
            row_precision = (precision + per_rating * counts)[:, None]
            if self.are_few:
                self._systems[key] = DenseSystem(self, row_precision, ridge)
            else:
                self._systems[key] = RidgeSystem(self, row_precision.astype(dtype), ridge)
        return self._systems[key]


class Features(FeatureMatrix):
    """Features in memory: those of each row, and the rows of each feature."""

    def __init__(self, by_row: Csr, by_feature: Csr) -> None:
        super().__init__()
        self.by_row, self.by_feature = by_row, by_feature

    @property
    def n_features(self) -> int:
        return self.by_feature.n_rows

    @property
    def counts(self) -> Array:
        return self.by_row.counts

    def means(self, weights: Array) -> Array:
        """X · weights: the prior mean of each row (n_rows, n_columns)."""
        return means_of(self.by_row, weights)

    def collect(self, rows: Array) -> Array:
        """Xᵀ · rows: (n_features, n_columns)."""
        return self.sum_by_feature(rows * scale_of(self.counts, rows.dtype))

    def sum_by_feature(self, rows: Array) -> Array:
        return sums_of(self.by_feature, rows)

    def gram(self, weights: Array, row_weights: Array) -> Array:
        sums = sums_of(self.by_row, weights)
        sums *= row_weights
        return self.sum_by_feature(sums)


class DenseSystem:
    """Xᵀ · P · X + ridge as one matrix. row_precision: (n_rows, 1) float64."""

    def __init__(self, features: FeatureMatrix, row_precision: Array, ridge: float) -> None:
        row_weights, one = (
            scale_of(features.counts) ** 2 * row_precision,
            np.eye(features.n_features),
        )
        groups = np.split(one, range(LANES, len(one), LANES), axis=1)
        columns = [features.gram(np.ascontiguousarray(group), row_weights) for group in groups]
        self.matrix = np.concatenate(columns, axis=1) + ridge * one

    def solve(self, right: Array, start: Array, max_steps: int, tolerance: float) -> Array:
        """Solve for the columns of `right`, exactly; the others are as of RidgeSystem.solve."""
        return np.asarray(np.linalg.solve(self.matrix, right.astype(np.float64)))


class RidgeSystem:
    """Xᵀ · P · X + ridge, for columns with the same precision of each row.

    Conjugate gradients need many steps because of a few large eigenvalues: those of popular
    features, which many rows have in common. So its RANK largest eigenvectors are found once, and
    the preconditioner inverts the matrix in their directions, and its diagonal in the others.
    """

    def __init__(self, features: FeatureMatrix, row_precision: Array, ridge: float) -> None:
        self.features, dtype = features, row_precision.dtype
        self.ridge = dtype.type(ridge)
        self.row_weights = scale_of(features.counts, dtype) ** 2 * row_precision
        diagonal = features.sum_by_feature(self.row_weights)
        self.inverse = 1 / (diagonal[:, 0] + self.ridge)
        self.vectors, self.gains = self._largest()

    def product(self, weights: Array) -> Array:
        """(Xᵀ · P · X + ridge) · weights."""
        return self.features.gram(weights, self.row_weights) + self.ridge * weights

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


def scale_of(counts: Array, dtype: Any = np.float64) -> Array:
    """1/√n for each row of n features: (n_rows, 1); 1 for rows without features."""
    return np.asarray((1 / np.sqrt(np.maximum(counts, 1)))[:, None], dtype)


def sums_of(csr: Csr, rows: Array) -> Array:
    """The sum of the rows that each row of a Csr refers to, in order."""
    csr.check_columns(len(rows))
    return np.asarray(sum_rows(csr.indptr, csr.indices, rows))


def means_of(by_row: Csr, weights: Array) -> Array:
    """X · weights for rows with these features: (n_rows, n_columns)."""
    sums = sums_of(by_row, weights)
    sums *= scale_of(by_row.counts, weights.dtype)
    return sums


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
