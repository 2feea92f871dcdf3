"""Rankings of movies: by how likely you are to watch them, to like them, or both.

    blend               (1 − share) · implicit score + share · score by item regression
                        + weight · (r̂ − μ) / (rating_max − rating_min)
    implicit            implicit score
    item_regression     score by item regression
    predicted_rating    r̂
    lower_bound         r̂ − c · standard deviation of r̂

A movie that takes no part in the item regression has its implicit score instead. The blend measures
the predicted rating as a share of the rating scale, so that a weight means the same on any scale.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import numpy as np

from movierec.core.params import Params, Ranking
from movierec.data.rating_arrays import Array
from movierec.model.biased_mf import Model
from movierec.model.item_regression import RegressionScores
from movierec.model.top_n_lists import Ranked, RegressedModel, Scorer
from movierec.recommending.uncertainty import Deviations

RANKINGS = get_args(Ranking)


def ranking(
    name: str,
    implicit: Model,
    model: Model,
    params: Params,
    regression: Callable[[], RegressionScores],
    deviations: Callable[[], Deviations],
) -> Ranked:
    """The model or scorer of one of RANKINGS.

    regression: returns the users' scores by item regression; only called for blend and
    item_regression. deviations: returns uncertainty.deviations of the model; only called for
    lower_bound.
    """
    settings, scale = params.recommend, params.data.scale
    match name:
        case "blend":
            added = regressed(implicit, regression(), settings.regression_share)
            return replace(added, model=blend(added.model, model, settings.rating_weight, scale))
        case "implicit":
            return implicit
        case "item_regression":
            return regressed(implicit, regression(), 1)
        case "predicted_rating":
            return model
    return lower_bound(model, deviations(), settings.lower_bound_deviations)


def regressed(implicit: Model, added: RegressionScores, share: float) -> RegressedModel:
    """The implicit scores, of which those by item regression take a share, where they are."""
    left = np.ones(implicit.n_items, implicit.dtype)
    left[added.regression.items] -= implicit.dtype.type(share)
    reduced = replace(
        implicit,
        item_factors=implicit.item_factors * left[:, None],
        item_biases=implicit.item_biases * left,
    )
    return RegressedModel(reduced, added, share)


def blend(implicit: Model, model: Model, weight: float, scale: tuple[float, float]) -> Model:
    """The model that adds predicted ratings to the implicit score; weight 0 adds nothing.

    It is again a factorisation, with the factors of both models side by side.

    scale: the lowest and the highest rating.
    """
    share = model.user_factors.dtype.type(weight / (scale[1] - scale[0]))
    return Model(
        global_mean=implicit.global_mean,
        user_factors=np.hstack((implicit.user_factors, model.user_factors)),
        item_factors=np.hstack((implicit.item_factors, share * model.item_factors)),
        user_biases=implicit.user_biases + share * model.user_biases,
        item_biases=implicit.item_biases + share * model.item_biases,
    )


def user_vectors(model: Model) -> Array:
    """Vectors of users, whose dot products with item_vectors rank items as the model does.

    The items' biases become another factor, which is 1 for every user. The user's bias and the mean
    are omitted, because they are the same for all items.
    """
    ones = np.ones(model.n_users, model.user_factors.dtype)
    return np.column_stack((model.user_factors, ones))


def item_vectors(model: Model) -> Array:
    """Vectors of items: see user_vectors."""
    return np.column_stack((model.item_factors, model.item_biases))


def lower_bound(model: Model, deviations: Deviations, n_deviations: float) -> Scorer:
    """A scorer of the predicted rating minus n_deviations of its standard deviations."""
    return lambda users: model.predict_all(users) - n_deviations * deviations(users)
