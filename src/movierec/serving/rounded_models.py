"""The models of a run as the page has them, which new users' scores are computed from.

In most lists some movies have nearly the same score. The page and `movierec recommend` list them in
the same order because both read the same numbers: multiples of steps so large that the page is
small, and so small that scores change by less than 0.001. The steps are powers of two, so that
single precision has these multiples exactly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from movierec.core.rating_scale import Scale
from movierec.model.model_file import Models

if TYPE_CHECKING:
    from movierec.core.array_files import Array

IMPLICIT_STEP, REGRESSION_STEP, RATING_STEP = 2.0**-10, 2.0**-11, 2.0**-11


def rounded(models: Models, scale: Scale) -> Models:
    """The models with rounded item factors, biases and weights between movies, without users."""
    rating, implicit, regression = models
    bias_step, factor_step = rating_steps(scale)
    return Models(
        replace(
            rating.of_users(slice(0)),
            item_factors=_to_steps(rating.item_factors, factor_step),
            item_biases=_to_steps(rating.item_biases, bias_step),
            sample_item_biases=_to_steps(rating.sample_item_biases, bias_step),
        ),
        replace(
            implicit.of_users(slice(0)),
            item_factors=_to_steps(implicit.item_factors, IMPLICIT_STEP),
        ),
        replace(regression, weights=_to_steps(regression.weights, REGRESSION_STEP)),
    )


def rating_steps(scale: Scale) -> tuple[float, float]:
    """Of the rating model's biases, in stars, and of its factors, in √stars."""
    return RATING_STEP * scale.star, RATING_STEP * scale.star**0.5


def _to_steps(array: Array, step: float) -> Array:
    return np.asarray(np.rint(array / step) * step, array.dtype)
