"""Rounded models: multiples of steps, near the numbers of the models, and of no user."""

import numpy as np
import pytest

from movierec.core.rating_scale import Scale
from movierec.model.model_file import Models
from movierec.serving import rounded_models
from tests.helpers.pages import make_regression
from tests.helpers.random_data import random_model


@pytest.mark.parametrize("scale", [Scale(1, 5), Scale(0, 100)])
def test_numbers_are_multiples_of_steps(scale):
    models = Models(random_model(1, n_items=40), random_model(2, n_items=40), make_regression(40))
    rounded = rounded_models.rounded(models, scale)
    bias_step, factor_step = rounded_models.rating_steps(scale)
    for step, exact, array in (
        (factor_step, models.rating.item_factors, rounded.rating.item_factors),
        (bias_step, models.rating.item_biases, rounded.rating.item_biases),
        (
            rounded_models.IMPLICIT_STEP,
            models.implicit.item_factors,
            rounded.implicit.item_factors,
        ),
        (rounded_models.REGRESSION_STEP, models.regression.weights, rounded.regression.weights),
    ):
        assert array.dtype == exact.dtype
        np.testing.assert_allclose(array, exact, rtol=0, atol=0.501 * step)
        np.testing.assert_allclose(array / step, np.rint(array / step), rtol=1e-6)
    assert rounded.rating.n_users == rounded.implicit.n_users == 0
    again = rounded_models.rounded(rounded, scale)
    np.testing.assert_array_equal(again.rating.item_factors, rounded.rating.item_factors)
