"""What is known of a row beside its ratings, as the mean of its prior.

A row with n features (a movie's genres; the movies that a user rated) has as prior mean the sum of
its features' weights over √n. The weights are factors and bias of their own, with a ridge, and
solved for exactly while the rows are held fixed.
"""

from dataclasses import dataclass

import numpy as np

from movierec.data.rating_arrays import Array, Csr
from movierec.kernels.reductions import sum_rows

FEW = 256
MAX_STEPS, TOLERANCE = 100, 1e-5  # of conjugate gradients; the residual relative to the right side


@dataclass(frozen=True)
class Features:
    """The features of each row, and the rows of each feature.

    X, the matrix meant: (n_rows, n_features), 1/√n where a row of n features has the feature.
    """

    by_row: Csr
    by_feature: Csr

    @property
    def n_features(self) -> int:
        return self.by_feature.n_rows

    @property
    def are_few(self) -> bool:
        """Whether their weights are solved for by one small matrix, and sums over rows are of all
        features at once."""
        return self.n_features <= FEW

    def means(self, weights: Array) -> Array:
        """X · weights: the prior mean of each row (n_rows, n_columns)."""
        return means_of(self.by_row, weights)

    def collect(self, rows: Array) -> Array:
        """Xᵀ · rows: (n_features, n_columns)."""
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
        """The weights W of (Xᵀ · precision · X + ridge) W = right, column by column.

        The precision of a row in a column is precision + its count · per_rating; these, ridge
        (n_columns,), counts (n_rows,). Few features are solved for exactly; many by conjugate
        gradients from `start`, with the diagonal as preconditioner, exactly unless max_steps were
        not enough.
        """
        if self.are_few:
            return self._solve_few(right, precision, per_rating, counts, ridge)
        precision = (precision + counts[:, None] * per_rating).astype(right.dtype)
        scale = scale_of(self.by_row)
        diagonal = self.collect((scale * precision).astype(right.dtype)) + ridge

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
        for kind, (of_all, of_one, more) in enumerate(kinds.T):
            matrix = of_all * plain + of_one * counted + more * np.eye(self.n_features)
            alike = kind_of == kind
            weights[:, alike] = np.linalg.solve(matrix, right[:, alike].astype(np.float64))
        return weights


def scale_of(by_row: Csr) -> Array:
    """1/√n of each row (n_rows, 1); 1 where there is no feature."""
    return np.asarray(1 / np.sqrt(np.maximum(by_row.counts, 1))[:, None])


def means_of(by_row: Csr, weights: Array) -> Array:
    """X · weights of some rows, by the features of each: (n_rows, n_columns)."""
    sums = sum_rows(by_row.indptr, by_row.indices, weights)
    return (scale_of(by_row) * sums).astype(weights.dtype)


def _dot(left: Array, right: Array) -> Array:
    """The dot product of each column with its like."""
    return np.asarray(np.einsum("ij,ij->j", left, right, dtype=np.float64))


def _ratio(over: Array, under: Array) -> Array:
    """over / under, and 0 where a column has nothing left to do."""
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)
