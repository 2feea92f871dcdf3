"""Scores of all movies for one user, by the ranking of the params, and what explains them."""

from dataclasses import dataclass

import numpy as np

from movierec.core.params import ImplicitParams, Params, TrainParams
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array
from movierec.model.biased_mf import Model
from movierec.model.implicit_targets import Targets
from movierec.serving.folding_in import LinearScores, fold_in, fold_in_implicit


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
    models: tuple[Model, Model],
    items: Array,
    ratings: Array,
    params: Params,
    trained_with: tuple[TrainParams, ImplicitParams],
    unseen_share: float = 1,
) -> UserScores:
    """Scores for a user with these ratings, by recommend.ranking, as rankers.ranking has them.

    models: of ratings, and the implicit one; trained_with: their params; unseen_share: as of
    fold_in_implicit. For a lower bound the items are taken as known here: the deviations are by
    the user's row only.
    """
    settings, scale = params.recommend, params.data.scale
    rating = fold_in(models[0], items, ratings, trained_with[0])
    if settings.ranking == "predicted_rating":
        return UserScores(rating.scores, rating, rating)
    if settings.ranking == "lower_bound":
        every = np.arange(len(rating.scores))
        below = settings.lower_bound_deviations * rating.deviations(every)
        return UserScores(rating.scores - below, rating, rating)
    targets = Targets.from_params(trained_with[1], scale).of_new_user(ratings)
    why = fold_in_implicit(models[1], items, targets, trained_with[1], unseen_share)
    if settings.ranking == "blend":
        why = why.blended(rating, settings.rating_weight, scale, models[0].global_mean)
    return UserScores(why.scores, rating, why)
