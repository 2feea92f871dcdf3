"""Folding in: a new user's row, solved while the items are held fixed, and what it predicts.

The row solve is linear in the ratings. With r_k the part of a rating that needs no row of the user
(less the mean, the item's bias and what the prior's mean m₀ predicts), the row is

    m = m₀ + Σ_k P⁻¹ f_k r_k

so that the score of an item, x · m and what it has of its own, is a sum: a rest that needs no
ratings, and a contribution x · P⁻¹ f_k r_k of each rating.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from movierec.core.params import ImplicitParams, TrainParams
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array, Csr, check_index
from movierec.model.biased_mf import Model
from movierec.model.features import Features
from movierec.model.item_regression import ItemWeights
from movierec.model.solver import Prior, covariances, half_epoch
from movierec.training import implicit_als


@dataclass(frozen=True)
class FoldedInRow:
    """What a row is solved from.

    factors (n_ratings, n_factors): of the items rated. residuals (n_ratings,): the ratings less the
    mean and the items' biases. prior, prior_mean (1, n_factors + 1): as of solver.half_epoch.
    noise_precision: λ, the unit of P.
    """

    factors: Array
    residuals: Array
    prior: Prior
    prior_mean: Array
    noise_precision: float = 1.0

    @cached_property
    def mean(self) -> Array:
        """m, the bias last (n_factors + 1,)."""
        no_biases = np.zeros_like(self.residuals)
        factors, biases = half_epoch(
            self._ratings, self.factors, no_biases, 0.0, self.prior, "user", self.prior_mean
        )
        return np.append(factors[0], biases[0])

    @cached_property
    def covariance(self) -> Array:
        """P⁻¹ (n_factors + 1, n_factors + 1), in units of 1/λ."""
        return covariances(self._ratings, self.factors, self.prior)[0].astype(np.float64)

    @cached_property
    def contributions(self) -> Array:
        """What each rating adds to the row (n_factors + 1, n_ratings)."""
        x = with_ones(self.factors)
        return self.covariance @ (x * (self.residuals - x @ self.prior_mean[0])[:, None]).T

    @property
    def _ratings(self) -> Csr:
        n = len(self.residuals)
        return Csr(np.array([0, n]), np.arange(n, dtype=np.int32), self.residuals)


class ScorePart(Protocol):
    """A part of the scores of one user, which is linear in their ratings."""

    @property
    def weighted_scores(self) -> Array:
        """Of every item (n_items,)."""

    def contributions(self, items: Array) -> Array:
        """What each rating adds to the scores of these items (n, n_ratings)."""


@dataclass(frozen=True)
class FactorPart:
    """weight · (offsets + (item_factors, 1) · row); offsets: what depends on the item alone.

    weight: a number, or one for each item (n_items,).
    """

    weight: float | Array
    offsets: Array
    item_factors: Array
    row: FoldedInRow

    @cached_property
    def scores(self) -> Array:
        """Of every item, without the weight (n_items,)."""
        return self.offsets + self.row.mean[-1] + self.item_factors @ self.row.mean[:-1]

    @property
    def weighted_scores(self) -> Array:
        return self.weight * self.scores

    def contributions(self, items: Array) -> Array:
        added = with_ones(self.item_factors[items]) @ self.row.contributions
        weight = self.weight[items, None] if isinstance(self.weight, np.ndarray) else self.weight
        return np.asarray(weight * added)

    def variances(self, items: Array) -> Array:
        """Of the scores of these items, without the weight: xᵀ (λ P)⁻¹ x (n,)."""
        x = with_ones(self.item_factors[items])
        return np.asarray((x @ self.row.covariance * x).sum(axis=1) / self.row.noise_precision)


@dataclass(frozen=True)
class RegressionPart:
    """weight · Σ_k cells[k] · B[items[k], …], for the items that take part in the regression."""

    weight: float
    regression: ItemWeights
    items: Array
    cells: Array

    @property
    def weighted_scores(self) -> Array:
        scores = np.zeros(self.regression.n_items)
        for _, others, added in self._by_rating():
            scores[others] += added
        return scores

    def contributions(self, items: Array) -> Array:
        found = np.zeros((len(items), len(self.items)))
        of_rating = np.zeros(self.regression.n_items)
        for k, others, added in self._by_rating():
            of_rating[others] = added
            found[:, k] = of_rating[items]
            of_rating[others] = 0
        return found

    def _by_rating(self) -> Iterator[tuple[int, Array, Array]]:
        """The number of each rating whose item takes part, and what it adds to which items."""
        regression = self.regression
        places = regression.places[self.items]
        for k in np.flatnonzero(places >= 0).tolist():
            others = regression.others[places[k]]
            n = np.count_nonzero(others >= 0)
            added = self.weight * self.cells[k] * regression.weights[places[k], :n]
            yield k, regression.items[others[:n]], added


@dataclass(frozen=True)
class LinearScores:
    """Scores of all items for one user, the sum of parts: one for a model, one for each sample of a
    mean of samples, those of all models for a blend. items: those rated, in order."""

    items: Array
    parts: tuple[ScorePart, ...]

    @cached_property
    def scores(self) -> Array:
        """(n_items,)."""
        return np.asarray(sum(part.weighted_scores for part in self.parts))

    def contributions(self, items: Array) -> Array:
        """What each rating adds to these items' scores (n, n_ratings); the rest of a score needs no
        ratings of this user."""
        return np.asarray(sum(part.contributions(items) for part in self.parts))

    def deviations(self, items: Array) -> Array:
        """Standard deviations of these items' scores (n,), where the parts are samples: by the
        user's row within the samples, and by the spread of the samples' means."""
        samples = list(_factor_parts(self))
        within = np.mean([part.variances(items) for part in samples], axis=0)
        means = np.array([part.scores[items] for part in samples], np.float64)
        between = means.var(axis=0, ddof=1) if len(means) > 1 else 0
        return np.asarray(np.sqrt(within + between))

    def regressed(self, added: RegressionPart) -> LinearScores:
        """These implicit scores, of which the scores by item regression take the place, or a share
        of it, where they are: rankers.regressed."""
        left = np.ones(added.regression.n_items)
        left[added.regression.items] -= added.weight
        reduced = (replace(part, weight=part.weight * left) for part in _factor_parts(self))
        return replace(self, parts=(*reduced, added))

    def blended(
        self, rated: LinearScores, rating_weight: float, scale: Scale, global_mean: float
    ) -> LinearScores:
        """These scores, plus the predicted ratings of the same user: rankers.blend."""
        share = rating_weight / (scale.high - scale.low)
        weighted = (
            replace(part, weight=part.weight * share, offsets=part.offsets - global_mean)
            for part in _factor_parts(rated)
        )
        return replace(self, parts=(*self.parts, *weighted))


def _factor_parts(scores: LinearScores) -> Iterator[FactorPart]:
    return (part for part in scores.parts if isinstance(part, FactorPart))


def with_ones(factors: Array) -> Array:
    """The factors and a 1, which the bias is multiplied with, in float64."""
    return np.column_stack((factors, np.ones(len(factors)))).astype(np.float64)


def fold_in(model: Model, items: Array, ratings: Array, params: TrainParams) -> LinearScores:
    """Predicted ratings of a new user, unclipped: the row solve of training, on the user's ratings.

    items (n,) int32; ratings (n,) in stars; params: what the model was trained with. A user of the
    training data gets the row that the next half epoch would give them, which is their own once
    training has converged. In a mean of samples each sample has a row, solved with its own prior.
    Raises ValueError or IndexError for items that the model lacks, and for ratings that do not
    belong to them or are not finite.
    """
    items, values = _sorted(model, items, ratings)
    parts = (_part(model, number, items, values, params) for number in range(model.n_samples))
    return LinearScores(items, tuple(parts))


def _sorted(model: Model, items: Array, values: Array) -> tuple[Array, Array]:
    """Items in order, and their values in the model's dtype; ValueError or IndexError if wrong."""
    items = check_index(items, model.n_items, "items")
    values = np.asarray(values, model.item_factors.dtype)
    if values.shape != items.shape or not np.isfinite(values).all():
        raise ValueError(f"ratings: should be {len(items)} finite numbers, one for each item")
    order = np.argsort(items, kind="stable")
    return items[order].astype(np.int32), values[order]


def _part(
    model: Model, number: int, items: Array, values: Array, params: TrainParams
) -> FactorPart:
    """The predictions of one sample of a model, or of the model if it is no mean of samples."""
    sample, noise_precision = model.sample(number), params.rating_precision
    prior = Prior.from_params(params, sample.n_factors)
    mean = np.zeros((1, sample.n_factors + 1), sample.item_factors.dtype)
    if len(model.sample_noise_precision):
        prior = Prior(model.sample_user_precision[number], np.zeros(sample.n_factors + 1))
        mean += model.sample_user_mean[number]
        noise_precision = float(model.sample_noise_precision[number])
    if len(sample.user_weights):
        row = Csr(np.array([0, len(items)]), items, values)
        mean += Features(row, row).means(sample.user_weights)  # of which only the rows' count
    residuals = values - values.dtype.type(sample.global_mean) - sample.item_biases[items]
    return FactorPart(
        weight=1 / model.n_samples,
        offsets=sample.global_mean + sample.item_biases.astype(np.float64),
        item_factors=sample.item_factors,
        row=FoldedInRow(sample.item_factors[items], residuals, prior, mean, noise_precision),
    )


def fold_in_regression(
    regression: ItemWeights, items: Array, cells: Array, share: float = 1
) -> RegressionPart:
    """A share of the scores by item regression of a user with these cells (Cells.of_new_user)."""
    order = np.argsort(items, kind="stable")
    return RegressionPart(share, regression, items[order], np.asarray(cells)[order])


def unseen_share(n_ratings: int, usual: float) -> float:
    """The unseen_share of fold_in_implicit for a new user: the more ratings, the more those left
    out mean. usual: the mean number of ratings of a user."""
    return n_ratings / (n_ratings + usual / 3)


def fold_in_implicit(
    model: Model, items: Array, targets: Array, params: ImplicitParams, unseen_share: float = 1
) -> LinearScores:
    """Implicit scores of a new user who has seen these items.

    targets: Targets.of_new_user of their ratings. unseen_share: of the weight that an unseen movie
    has in training; a few ratings say little about what the user has not seen (docs/model.md).
    """
    params = params.model_copy(update={"unseen_weight": params.unseen_weight * unseen_share})
    items, targets = _sorted(model, items, targets)
    factors = model.item_factors[items]
    prior = implicit_als.make_prior(implicit_als.gram(model.item_factors), params)
    no_mean = np.zeros((1, model.n_factors + 1), factors.dtype)
    row = FoldedInRow(factors, targets, prior, no_mean)
    return LinearScores(items, (FactorPart(1, model.item_biases, model.item_factors, row),))
