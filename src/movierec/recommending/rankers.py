"""Rankings of movies: by how likely you are to watch them, to like them, or both.

    blend               implicit score + weight · (r̂ − μ) / (rating_max − rating_min)
    implicit            implicit score
    predicted_rating    r̂
    lower_bound         r̂ − c · standard deviation of r̂

The blend measures the predicted rating as a share of the rating scale, so that a weight means the
same on any scale. It is again a factorisation, with the factors of both models side by side.
"""

from collections.abc import Callable

import numpy as np

from movierec.core.params import Params
from movierec.data.rating_arrays import Array
from movierec.model.biased_mf import Model
from movierec.model.top_n_lists import Scorer
from movierec.recommending.uncertainty import Deviations

RANKINGS = ("blend", "implicit", "predicted_rating", "lower_bound")


def ranking(
    name: str,
    implicit: Model,
    model: Model,
    params: Params,
    deviations: Callable[[], Deviations],
) -> Model | Scorer:
    """The model or scorer of one of RANKINGS.

    deviations: returns uncertainty.deviations of the model; only called for lower_bound.
    """
    settings, scale = params.recommend, params.data.scale
    match name:
        case "blend":
            return blend(implicit, model, settings.rating_weight, scale)
        case "implicit":
            return implicit
        case "predicted_rating":
            return model
    return lower_bound(model, deviations(), settings.lower_bound_deviations)


def blend(implicit: Model, model: Model, weight: float, scale: tuple[float, float]) -> Model:
    """The model whose prediction is the blended score; weight 0 gives the implicit score.

    scale: the lowest and the highest rating.
    """
    share = model.user_factors.dtype.type(weight / (scale[1] - scale[0]))
    return Model(
        global_mean=implicit.global_mean,
        user_factors=np.hstack((implicit.user_factors, share * model.user_factors)),
        item_factors=np.hstack((implicit.item_factors, model.item_factors)),
        user_biases=implicit.user_biases + share * model.user_biases,
        item_biases=implicit.item_biases + share * model.item_biases,
    )


def vectors(model: Model) -> tuple[Array, Array]:
    """Vectors of users and of items, whose dot products rank items as the model does.

    The items' biases become another factor, which is 1 for every user. The user's bias and the mean
    are omitted, because they are the same for all items.
    """
    ones = np.ones(model.n_users, model.user_factors.dtype)
    users = np.column_stack((model.user_factors, ones))
    return users, np.column_stack((model.item_factors, model.item_biases))


def lower_bound(model: Model, deviations: Deviations, n_deviations: float) -> Scorer:
    """A scorer of the predicted rating minus n_deviations of its standard deviations."""
    return lambda users: model.predict_all(users) - n_deviations * deviations(users)
