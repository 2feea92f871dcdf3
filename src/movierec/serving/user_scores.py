"""Scores of all movies for one user, by the ranking of the params, and what explains them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from movierec.core.params import ImplicitParams, ItemRegressionParams, Params, TrainParams
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array
from movierec.model import model_file
from movierec.model.implicit_targets import Targets
from movierec.model.item_regression import Cells
from movierec.model.model_file import Models
from movierec.serving.folding_in import (
    LinearScores,
    fold_in,
    fold_in_implicit,
    fold_in_regression,
)
from movierec.serving.genre_part import GenrePart, GenreProfiles


class TrainedWith(NamedTuple):
    """The params that the models of a run were trained with."""

    rating: TrainParams
    implicit: ImplicitParams
    regression: ItemRegressionParams

    @classmethod
    def of(cls, models: Models) -> TrainedWith:
        return cls(
            model_file.trained_with(models.rating),
            model_file.implicit_trained_with(models.implicit),
            model_file.regression_trained_with(models.regression),
        )


@dataclass(frozen=True)
class UserScores:
    """The scores behind a list: those that rank all items (n_items,), the predicted
    ratings, and `why`, whose contributions explain the scores."""

    scores: Array
    rating: LinearScores
    why: LinearScores

    def values(self, items: Array, scale: Scale) -> dict[str, Array]:
        """The scores of these items, their predicted ratings, clipped to the scale, and the
        standard deviations of these: (n,) each."""
        return {
            "score": self.scores[items],
            "predicted_rating": self.rating.scores[items].clip(*scale),
            "deviation": self.rating.deviations(items),
        }

    def contributions(self, items: Array) -> tuple[Array, Array, Array]:
        """What each rating of the user adds to the scores of these items and to their predicted
        ratings: (n, n_ratings) each; and the rest of the scores (n,), which needs no ratings."""
        to_score = self.why.contributions(items)
        rest = self.scores[items] - to_score.sum(axis=1)
        return to_score, self.rating.contributions(items), rest


def score_items(
    models: Models,
    items: Array,
    ratings: Array,
    params: Params,
    trained_with: TrainedWith,
    unseen_share: float = 1,
    genres: GenreProfiles | None = None,
) -> UserScores:
    """Scores for a user with these ratings, by recommend.ranking, as rankers.ranking has them.

    trained_with: the params of the models; unseen_share: as of fold_in_implicit; genres: for a new
    user, whose blend has a GenrePart. For a lower bound the items are taken as known here: the
    deviations are by the user's row only.
    """
    settings, scale = params.recommend, params.data.scale
    rating = fold_in(models.rating, items, ratings, trained_with.rating)
    if settings.ranking == "predicted_rating":
        return UserScores(rating.scores, rating, rating)
    if settings.ranking == "lower_bound":
        every = np.arange(len(rating.scores))
        below = settings.lower_bound_deviations * rating.deviations(every)
        return UserScores(rating.scores - below, rating, rating)
    targets = Targets.from_params(trained_with.implicit, scale).of_new_user(ratings)
    why = fold_in_implicit(models.implicit, items, targets, trained_with.implicit, unseen_share)
    if settings.ranking != "implicit":
        share = settings.regression_share if settings.ranking == "blend" else 1
        cells = Cells.from_params(trained_with.regression, scale).of_new_user(ratings)
        why = why.regressed(fold_in_regression(models.regression, items, cells, share))
    if settings.ranking == "blend":
        why = why.blended(rating, settings.rating_weight, scale, models.rating.global_mean)
        if genres is not None:
            why = replace(why, parts=(*why.parts, GenrePart.from_cells(genres, items, cells)))
    return UserScores(why.scores, rating, why)
