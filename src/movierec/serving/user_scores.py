"""What a person's ratings say of every movie: scores, how sure they are, and where they come from.

A score is a weighted sum of parts, each of them linear in a row of the person's that was solved out
of his ratings: a model is one part, a mean of samples one for each, a blend of two models the
parts of both.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from movierec.core.params import ImplicitParams, Params, TrainParams
from movierec.data.rating_arrays import Array
from movierec.model.biased_mf import Model
from movierec.serving.folding_in import OneRow, new_rows, with_ones
from movierec.training import implicit_als


@dataclass(frozen=True)
class ScorePart:
    """weight · (offsets + (item_factors, 1) · row), offsets being what a movie has of its own."""

    weight: float
    offsets: Array
    item_factors: Array
    row: OneRow

    @cached_property
    def scores(self) -> Array:
        """Of every item, without the weight (n_items,)."""
        return self.offsets + self.row.mean[-1] + self.item_factors @ self.row.mean[:-1]

    def contributions(self, items: Array) -> Array:
        """What each of the row's ratings adds to these items' scores (n, n_ratings)."""
        return self.weight * with_ones(self.item_factors[items]) @ self.row.pulls

    def variances(self, items: Array) -> Array:
        """Of the scores of these items, without the weight: xᵀ (λ P)⁻¹ x (n,)."""
        x = with_ones(self.item_factors[items])
        return np.asarray((x @ self.row.inverse * x).sum(axis=1) / self.row.noise_precision)


@dataclass(frozen=True)
class LinearScores:
    """The scores of all items for one person; items: those rated, in the order of contributions."""

    items: Array
    parts: tuple[ScorePart, ...]

    @cached_property
    def scores(self) -> Array:
        """(n_items,)."""
        return np.asarray(sum(part.weight * part.scores for part in self.parts))

    def contributions(self, items: Array) -> Array:
        """What each rating adds to these items' scores (n, n_ratings); the rest of a score needs no
        ratings of this person."""
        return np.asarray(sum(part.contributions(items) for part in self.parts))

    def deviations(self, items: Array) -> Array:
        """Standard deviations of these items' scores, where the parts are samples: of the person's
        row within the samples, and of the samples' means (n,)."""
        within = np.mean([part.variances(items) for part in self.parts], axis=0)
        means = np.array([part.scores[items] for part in self.parts], np.float64)
        between = means.var(axis=0, ddof=1) if len(means) > 1 else 0
        return np.asarray(np.sqrt(within + between))

    def plus(self, other: "LinearScores", weight: float) -> "LinearScores":
        """These scores and a weight times the other ones', of the same person."""
        weighted = (replace(part, weight=part.weight * weight) for part in other.parts)
        return replace(self, parts=(*self.parts, *weighted))


@dataclass(frozen=True)
class UserScores:
    """What a list for a person is made of: the scores of all items (n_items,) that rank them, the
    predicted ratings, and `why`, whose contributions explain the scores."""

    scores: Array
    rating: LinearScores
    why: LinearScores


def verdict(
    models: tuple[Model, Model],
    items: Array,
    ratings: Array,
    params: Params,
    trained_with: tuple[TrainParams, ImplicitParams],
    share_told: float = 1,
) -> UserScores:
    """By recommend.ranking of the params, as scores.py has it for the users of the data set.

    models: of ratings, and the implicit one; trained_with: their params; share_told: as in watched.
    A lower bound is of the
    deviations here, in which items are taken as known.
    """
    settings, (low, high) = params.recommend, (params.data.rating_min, params.data.rating_max)
    rating = predicted_ratings(models[0], items, ratings, trained_with[0])
    if settings.ranking == "predicted_rating":
        return UserScores(rating.scores, rating, rating)
    if settings.ranking == "lower_bound":
        every = np.arange(len(rating.scores))
        below = settings.lower_bound_deviations * rating.deviations(every)
        return UserScores(rating.scores - below, rating, rating)
    liked = ratings >= low + (high - low) / 4
    why = watched(models[1], items, liked, trained_with[1], share_told)
    if settings.ranking == "blend":
        why = why.plus(rating, settings.rating_weight / (high - low))
    return UserScores(why.scores, rating, why)


def predicted_ratings(
    model: Model, items: Array, ratings: Array, params: TrainParams
) -> LinearScores:
    """Predicted ratings in stars, unclipped, for who gave these ratings to these items.

    params: those that the model was trained with.
    """
    rows = new_rows(model, items, ratings, params)
    parts = [
        ScorePart(
            1 / model.n_samples, sample.global_mean + sample.item_biases, sample.item_factors, row
        )
        for sample, row in rows
    ]
    return LinearScores(np.sort(items), tuple(parts))


def watched(
    model: Model, items: Array, liked: Array, params: ImplicitParams, share_told: float = 1
) -> LinearScores:
    """Implicit scores for who has seen these items: 1 for those that he did not dislike.

    Training has 1 for all that were rated; but who names a film to say that he dislikes it does not
    ask for more of its kind. share_told: of the weight that an unseen movie has in training; who
    names a few films says little of what he has not seen (docs/model.md).
    """
    unseen_weight = params.unseen_weight * share_told
    params = params.model_copy(update={"unseen_weight": unseen_weight})
    order = np.argsort(items, kind="stable")
    factors = model.item_factors[items[order]]
    row = OneRow(
        factors,
        liked[order].astype(factors.dtype),
        np.zeros(len(factors), factors.dtype),
        0.0,
        implicit_als.make_prior(implicit_als.gram(model.item_factors), params),
        np.zeros((1, model.n_factors + 1), factors.dtype),
        1.0,
    )
    return LinearScores(items[order], (ScorePart(1, model.item_biases, model.item_factors, row),))
