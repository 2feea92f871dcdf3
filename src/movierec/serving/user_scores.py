"""Scores of all movies for one user, by the ranking of the params, and what explains them."""

from dataclasses import dataclass

import numpy as np

from movierec.core.params import ImplicitParams, Params, TrainParams
from movierec.data.rating_arrays import Array
from movierec.model.biased_mf import Model
from movierec.serving.folding_in import LinearScores, fold_in, fold_in_implicit


@dataclass(frozen=True)
class UserScores:
    """The scores behind a list: those that rank all items (n_items,), the predicted
    ratings, and `why`, whose contributions explain the scores."""

    scores: Array
    rating: LinearScores
    why: LinearScores


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
    is_liked = ratings >= scale.limit(2)
    why = fold_in_implicit(models[1], items, is_liked, trained_with[1], unseen_share)
    if settings.ranking == "blend":
        share = settings.rating_weight / (scale.high - scale.low)
        why = why.plus(rating, share, less=models[0].global_mean)
    return UserScores(why.scores, rating, why)
