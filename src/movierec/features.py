"""What is known of a row beside its ratings, as the mean of its prior.

A row with n features (a movie's genres; the movies that a user rated) has as prior mean the sum of
its features' weights over √n. The weights are factors and bias of their own, with a ridge, and
solved for exactly while the rows are held fixed.
"""

from dataclasses import dataclass

import numpy as np

from movierec.kernels.sums import sum_rows
from movierec.sparse import Array, Csr

MAX_STEPS, TOLERANCE = 100, 1e-5  # of conjugate gradients; the residual relative to the right side


@dataclass(frozen=True)
class Features:
    """The features of each row, and the rows of each feature.

    X, the matrix meant: (n_rows, n_features), 1/√n where a row of n features has the feature.
    """

    by_row: Csr
    by_feature: Csr

    @property
    def scale(self) -> Array:
        """1/√n of each row (n_rows, 1); 1 where there is no feature."""
        return 1 / np.sqrt(np.maximum(self.by_row.counts, 1))[:, None]

    def means(self, weights: Array) -> Array:
        """X · weights: the prior mean of each row (n_rows, n_columns)."""
        sums = sum_rows(self.by_row.indptr, self.by_row.indices, weights)
        return (self.scale * sums).astype(weights.dtype)

    def collect(self, rows: Array) -> Array:
        """Xᵀ · rows: (n_features, n_columns)."""
        scaled = (self.scale * rows).astype(rows.dtype)
        return np.asarray(sum_rows(self.by_feature.indptr, self.by_feature.indices, scaled))

    def solve(
        self,
        right: Array,
        precision: Array,
        ridge: Array | float,
        start: Array,
        max_steps: int = MAX_STEPS,
    ) -> Array:
        """The weights W of (Xᵀ · precision · X + ridge) W = right, column by column.

        precision: of each row in each column, (n_rows or 1, n_columns or 1); ridge (n_columns,).
        By conjugate gradients from `start`, with the diagonal as preconditioner, exactly unless
        max_steps were not enough.
        """
        shape = (self.by_row.n_rows, right.shape[1])
        precision = np.broadcast_to(precision, shape).astype(right.dtype)
        diagonal = self.collect((self.scale * precision).astype(right.dtype)) + ridge

        def product(weights: Array) -> Array:
            return self.collect(precision * self.means(weights)) + ridge * weights

        weights, residual = start, (right - product(start)).astype(right.dtype)
        ahead = direction = (residual / diagonal).astype(right.dtype)
        size, enough = _dot(residual, ahead), TOLERANCE**2 * _dot(right, right / diagonal)
        for _ in range(max_steps):
            if (size <= enough).all():
                break
            image = product(direction)
            step = _ratio(size, _dot(direction, image))
            weights = (weights + step * direction).astype(right.dtype)
            residual = (residual - step * image).astype(right.dtype)
            ahead = (residual / diagonal).astype(right.dtype)
            before, size = size, _dot(residual, ahead)
            direction = (ahead + _ratio(size, before) * direction).astype(right.dtype)
        return weights


def _dot(left: Array, right: Array) -> Array:
    """The dot product of each column with its like."""
    return np.asarray(np.einsum("ij,ij->j", left, right, dtype=np.float64))


def _ratio(over: Array, under: Array) -> Array:
    """over / under, and 0 where a column has nothing left to do."""
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)
