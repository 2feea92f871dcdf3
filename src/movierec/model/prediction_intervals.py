"""Prediction intervals: the part of the scale around a prediction where the rating probably is.

Locally weighted split conformal intervals (Lei et al., "Distribution-free predictive inference for
regression", JASA 2018, section 5.2), measured on validation ratings, on which no model is trained:

    clip(r̂) ± h · σ, within the scale
    log σ = a xᵤ + b xᵢ + c xᵤ² + d xᵢ²      x = log((1 + n) / (1 + mean n))

n is the number of training ratings of the user or the item. The weights a to d are fitted to the
absolute errors, h is the quantile of |error| / σ at the level of the interval. Only relative
numbers count, so that the larger data of the refit do not narrow the intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel

from movierec.core.array_files import Array

if TYPE_CHECKING:
    from movierec.data.rating_arrays import Ratings

LEVELS = (*range(10, 100, 10), 95)  # per cent
TERMS = ("user", "item", "user_squared", "item_squared")
RIDGE = 100.0  # pulls the weights towards 0, with the weight of so many ratings
STEPS = 25  # of Fisher scoring; more than a few are only needed for a few dozen ratings


class PredictionIntervals(BaseModel, frozen=True):
    """weights: a to d by TERMS. half_widths: h by level, in the unit of the ratings."""

    weights: dict[str, float]
    half_widths: dict[int, float]

    @classmethod
    def fit(cls, errors: Array, ratings: Ratings, counts: Sequence[Array]) -> PredictionIntervals:
        """Fit to the errors of clipped predictions of one or more ratings outside training.

        counts: the number of training ratings of each user, and of each item. The weights have the
        highest likelihood for errors with a Laplace distribution. A new rating of the same kind is
        inside an interval with at least the probability of its level, whatever the distribution.
        """
        sizes, n = np.abs(errors), len(errors)
        relative = sizes / max(sizes.mean(), np.finfo(float).tiny)
        x = np.column_stack((np.ones(n), _terms(ratings, counts)))
        ridge, weights = RIDGE * np.diag([0, *np.ones(len(TERMS))]), np.zeros(1 + len(TERMS))
        information = np.einsum("nf,ng->fg", x, x) + ridge
        for _ in range(STEPS):
            surplus = relative * np.exp(-np.einsum("nf,f->n", x, weights)) - 1
            gradient = np.einsum("nf,n->f", x, surplus) - ridge @ weights
            weights += np.linalg.solve(information, gradient)
        scores = sizes * np.exp(-np.einsum("nf,f->n", x[:, 1:], weights[1:]))
        shares = np.minimum(np.array(LEVELS) * (n + 1) / (100 * n), 1)
        half_widths = np.quantile(scores, shares, method="inverted_cdf").tolist()
        return cls(
            weights=dict(zip(TERMS, weights[1:].tolist(), strict=True)),
            half_widths=dict(zip(LEVELS, half_widths, strict=True)),
        )

    @classmethod
    def normal(cls, deviation: float) -> PredictionIntervals:
        """Those of normal errors with one standard deviation."""
        quantiles = {level: NormalDist().inv_cdf((1 + level / 100) / 2) for level in LEVELS}
        half_widths = {level: deviation * quantile for level, quantile in quantiles.items()}
        return cls(weights=dict.fromkeys(TERMS, 0), half_widths=half_widths)

    def scores(self, errors: Array, ratings: Ratings, counts: Sequence[Array]) -> Array:
        """|error| / σ of each rating, which is inside an interval if it is at most h."""
        weights = np.array([self.weights[term] for term in TERMS])
        logarithms = np.einsum("nf,f->n", _terms(ratings, counts), weights)
        return np.asarray(np.abs(errors) * np.exp(-logarithms))


def _terms(ratings: Ratings, counts: Sequence[Array]) -> Array:
    """TERMS of each rating: (n_ratings, 4)."""
    sides = zip(counts, (ratings.user_index, ratings.item_index), strict=True)
    x = np.column_stack([np.log1p(n[index]) - np.log1p(n.mean()) for n, index in sides])
    return np.hstack((x, x**2))
