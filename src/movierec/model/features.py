"""Features of rows (a movie's genres, the movies that a user rated), which set the prior mean.

The prior mean of a row with n features is the sum of its features' weights, divided by √n. A
feature's weights are factors and a bias. They have a ridge penalty, and are solved for exactly
while the rows are fixed.
"""

from dataclasses import dataclass

import numpy as np

from movierec.data.rating_arrays import Array, Csr
from movierec.kernels.reductions import sum_rows

FEW = 256  # up to so many features, weights are solved for by one dense matrix
# Conjugate gradients; the tolerance is of the residual relative to the right-hand side.
MAX_STEPS, TOLERANCE = 100, 1e-5


@dataclass(frozen=True)
class Features:
    """The features of each row, and the rows of each feature.

    They represent the matrix X (n_rows, n_features): 1/√n where a row of n features has the
    feature, 0 elsewhere.
    """

    by_row: Csr
    by_feature: Csr

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
        scaled = (scale_of(self.by_row) * rows).astype(rows.dtype)
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
    ) -> Array:
        """Solve (Xᵀ · P · X + ridge) W = right for the weights W, column by column.

        P is diagonal: a row's precision in a column is precision + count · per_rating. precision,
        per_rating, ridge (n_columns,), counts (n_rows,). Few features are solved for directly, many
        by conjugate gradients from `start` with the diagonal as preconditioner, to TOLERANCE or
        for max_steps.
        """
        if self.are_few:
            return self._solve_few(right, precision, per_rating, counts, ridge)
        precision = (precision + counts[:, None] * per_rating).astype(right.dtype)
        scale = scale_of(self.by_row)
        diagonal = self.collect((scale * precision).astype(right.dtype)) + ridge

        def product(weights: Array) -> Array:
            return self.collect(precision * self.means(weights)) + ridge * weights

        weights, residual = start, (right - product(start)).astype(right.dtype)
        scaled = direction = (residual / diagonal).astype(right.dtype)
        size, enough = _dot(residual, scaled), TOLERANCE**2 * _dot(right, right / diagonal)
        for _ in range(max_steps):
            if (size <= enough).all():
                break
            image = product(direction)
            step = _ratio(size, _dot(direction, image))
            weights = (weights + step * direction).astype(right.dtype)
            residual = (residual - step * image).astype(right.dtype)
            scaled = (residual / diagonal).astype(right.dtype)
            previous, size = size, _dot(residual, scaled)
            direction = (scaled + _ratio(size, previous) * direction).astype(right.dtype)
        return weights

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


def scale_of(by_row: Csr) -> Array:
    """1/√n for each row of n features: (n_rows, 1); 1 for rows without features."""
    return np.asarray(1 / np.sqrt(np.maximum(by_row.counts, 1))[:, None])


def means_of(by_row: Csr, weights: Array) -> Array:
    """X · weights for rows with these features: (n_rows, n_columns)."""
    by_row.check_columns(len(weights))
    sums = sum_rows(by_row.indptr, by_row.indices, weights)
    return (scale_of(by_row) * sums).astype(weights.dtype)


def _dot(left: Array, right: Array) -> Array:
    """The dot products of corresponding columns: (n_columns,)."""
    return np.asarray(np.einsum("ij,ij->j", left, right, dtype=np.float64))


def _ratio(over: Array, under: Array) -> Array:
    """over / under, and 0 for columns that have converged exactly."""
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)
