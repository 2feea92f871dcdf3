"""Which way a model is trained: as params.model and params.method say."""

from collections.abc import Callable
from dataclasses import replace

from movierec.core.params import TrainParams
from movierec.data.rating_arrays import Ratings
from movierec.metrics.measures import Errors
from movierec.model import baselines
from movierec.training import als, gibbs
from movierec.training.als import RatingEpoch, TrainingState
from movierec.training.in_memory import InMemoryData


def fit(
    data: InMemoryData,
    params: TrainParams,
    seed: int,
    scale: tuple[float, float],
    validation: Ratings | None = None,
    on_epoch: Callable[[TrainingState], None] = lambda fit: None,
    so_far: TrainingState | None = None,
) -> TrainingState:
    """Train as als.fit and gibbs.fit do, whose arguments these are."""
    if params.model == "damped_biases":
        return so_far or static_biases(data, params, scale, validation, on_epoch)
    method = {"als": als.fit, "gibbs": gibbs.fit}[params.method]
    return method(data, params, seed, scale, validation, on_epoch, so_far)


def static_biases(
    data: InMemoryData,
    params: TrainParams,
    scale: tuple[float, float],
    validation: Ratings | None,
    on_epoch: Callable[[TrainingState], None],
) -> TrainingState:
    """Damped biases, which need one pass and no solver: γ / λ ratings draw each to 0."""
    als.check(data, params)
    damping = params.bias_precision / params.rating_precision
    model = baselines.damped_biases(data.by_user, data.by_item, damping)
    errors = None
    if validation is not None:
        errors = Errors.of_sums(data.errors(model, scale, validation), len(validation))
    value, train_rmse = als.objective(model, data, params, scale)
    epoch = RatingEpoch(
        1, value, train_rmse, errors.rmse if errors else None, params.rating_precision
    )
    fit = replace(TrainingState(model, model), epochs=(epoch,), best_epoch=1, validation=errors)
    on_epoch(fit)
    return fit
