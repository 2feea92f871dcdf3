"""The models of papers.py: published ones, and movierec's, each with a grid of settings."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from benchmarks.quality import linear_models
from movierec.core.params import ImplicitParams, ItemRegressionParams, Params, TrainParams
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.model import item_regression
from movierec.model.biased_mf import Model, no_factors
from movierec.model.item_regression import Cells, RegressionScores
from movierec.model.top_n_lists import Ranked, RegressedModel, Scorer
from movierec.recommending import rankers
from movierec.recommending.uncertainty import Deviations
from movierec.training import early_stopping, loading, rating_model, search
from movierec.training.implicit_als import ImplicitTrainer

Settings = dict[str, Any]
N_TRIED = 9  # settings of each model, at most


@dataclass(frozen=True)
class Rated:
    """The ratings that a model is trained on, by user, and those that held-out users give.

    validation: for early stopping. search: these ratings without validation, to find the number of
    epochs first.
    """

    by_user: Csr
    n_items: int
    given: Csr
    validation: Ratings | None = None
    search: "Rated | None" = None

    @property
    def known(self) -> Csr:
        """All ratings that the model may know of each user."""
        return self.by_user.insert(self.given.ratings)


Fit = Callable[[Rated, Settings, Params], Ranked]


@dataclass(frozen=True)
class PaperModel:
    """How a model is fitted, and the settings to choose from; the first is its default."""

    fit: Fit
    grid: list[Settings]
    has_epochs: bool = False


def by_weights(weights_of: Callable[..., Array]) -> Fit:
    """A model of linear_models.py, which ranks by X · B."""

    def fit(rated: Rated, settings: Settings, params: Params) -> Scorer:
        x = linear_models.to_matrix(rated.by_user, rated.n_items)
        weights = weights_of(x, **settings)
        known = linear_models.to_matrix(rated.known, rated.n_items)
        return lambda users: np.asarray(known[users] @ weights, np.float32)

    return fit


def most_popular(rated: Rated, settings: Settings, params: Params) -> Scorer:
    x = linear_models.to_matrix(rated.by_user, rated.n_items)
    scores = linear_models.most_popular(x).astype(np.float32)
    return lambda users: np.tile(scores, (len(users), 1))


def hu_params(params: ImplicitParams, settings: Settings) -> ImplicitParams:
    """The params of iALS as Hu, Koren & Volinsky (2008) write it: confidence 1 + alpha, one ridge.

    (1 + α)(1 − s)² of a rating and s² of any other cell, divided by α, are (t − s)² + α₀ s² of all
    cells with α₀ = 1/α and t = (1 + α)/α, up to a constant; factors scaled by √t have target 1.
    """
    alpha = settings["alpha"]
    return params.model_copy(
        update={
            "n_factors": settings["n_factors"],
            "unseen_weight": 1 / alpha,
            "lowest_target": 1.0,
            "factor_precision": settings["ridge"] / (1 + alpha),
            "factor_precision_per_rating": 0.0,
        }
    )


def fit_twice(
    rated: Rated, settings: TrainParams | ImplicitParams, make: Callable[..., Any], params: Params
) -> Model:
    """Train with early stopping, and then again, if rated.search is set, on rated alone."""

    def fit(chosen: Any, is_refit: bool, start: Model | None) -> Any:
        ratings = rated if is_refit else rated.search or rated
        by_item = ratings.by_user.transpose(ratings.n_items)
        data = loading.assemble(ratings.by_user, by_item, ratings.validation, ratings.given, chosen)
        trainer = make(data, chosen, params.seed, params.data.scale)
        trainer.start = start
        return early_stopping.fit(trainer), trainer

    settings = settings.model_copy(update={"refit": rated.search is not None})
    return search.fit_twice(fit, settings).model


def fit_ials(rated: Rated, settings: Settings, params: Params) -> Model:
    return fit_twice(rated, hu_params(params.implicit, settings), ImplicitTrainer, params)


def fit_implicit(rated: Rated, settings: Settings, params: Params) -> Model:
    changed = params.implicit.model_copy(update=settings)
    return fit_twice(rated, changed, ImplicitTrainer, params)


def fit_regression(rated: Rated, settings: Settings, params: Params) -> RegressedModel:
    scores = regress(rated, params.item_regression.model_copy(update=settings), params)
    return RegressedModel(no_factors(rated.by_user.n_rows, rated.n_items), scores)


def fit_blend(rated: Rated, settings: Settings, params: Params) -> Ranked:
    """The default ranking; settings are those of the implicit model."""
    factorised = fit_implicit(rated, settings, params)
    ratings = fit_twice(rated, params.train, rating_model.make_trainer, params)
    scores = regress(rated, params.item_regression, params)
    return rankers.ranking("blend", factorised, ratings, params, lambda: scores, no_deviations)


def regress(rated: Rated, settings: ItemRegressionParams, params: Params) -> RegressionScores:
    cells = Cells.from_params(settings, params.data.scale)
    fitted = item_regression.fit_in_memory(rated.by_user, rated.n_items, cells, settings)
    return RegressionScores.of_ratings(fitted, rated.known, cells)


def no_deviations() -> Deviations:
    raise AssertionError("the blend needs none")


def grid(**values: list[Any]) -> list[Settings]:
    """All combinations, the first values of each setting first; at most N_TRIED."""
    combinations = [dict(zip(values, each, strict=True)) for each in product(*values.values())]
    return combinations[:N_TRIED]


IMPLICIT = grid(
    unseen_weight=[0.2, 0.1, 0.4],
    factor_precision_per_rating=[0.03, 0.01, 0.1],
    n_factors=[128],
)
MODELS = {
    "MostPop": PaperModel(most_popular, [{}]),
    "ItemKNN": PaperModel(
        by_weights(linear_models.item_knn),
        grid(neighbours=[100, 20, 50, 200, 300, 400, 600, 800, 1200]),
    ),
    "RP3beta": PaperModel(
        by_weights(linear_models.rp3beta),
        grid(neighbours=[100], alpha=[0.7, 0.5, 1.0], beta=[0.5, 0.3, 0.7]),
    ),
    "EASE": PaperModel(
        by_weights(linear_models.ease),
        grid(ridge=[200.0, 20.0, 50.0, 100.0, 300.0, 400.0, 600.0, 1000.0, 2000.0]),
    ),
    "SLIM": PaperModel(
        by_weights(linear_models.slim),
        grid(alpha=[0.03, 0.01, 0.1], l1_ratio=[0.03, 0.01, 0.1]),
    ),
    "iALS": PaperModel(
        fit_ials,
        grid(alpha=[2.5, 1.25, 5.0], ridge=[30.0, 15.0, 60.0], n_factors=[128]),
        has_epochs=True,
    ),
    "movierec implicit": PaperModel(fit_implicit, IMPLICIT, has_epochs=True),
    "movierec item regression": PaperModel(
        fit_regression,
        grid(ridge=[200.0, 100.0, 400.0], low_cell=[0.25, 0.5, 1.0]),
    ),
    "movierec blend": PaperModel(fit_blend, IMPLICIT, has_epochs=True),
}
