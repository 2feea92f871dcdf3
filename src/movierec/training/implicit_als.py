"""Implicit ALS (iALS): factorise which users rated which movies, to rank what they will watch.

The score s = user_factors · item_factors should be t where there is a rating, and 0 with weight α₀
elsewhere (docs/model.md):

    ½ Σ_seen (t − s)²  +  ½ α₀ Σ_all s²  +  ½ Σ_rows (τ + τₙ n) |factors|²

t is higher for a higher rating (implicit_targets.py); n is the row's number of ratings. The sum
over all cells is the same quadratic form for every row, α₀ Σ f fᵀ over all rows f of the fixed
side, so it is part of the prior of the row solve. Hu, Koren & Volinsky (ICDM 2008), in the form of
Rendle et al., "Revisiting the performance of iALS on item recommendation benchmarks" (RecSys
2022), section 3; like theirs, this model has no biases.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from movierec.core.params import ImplicitParams
from movierec.core.rating_scale import Scale
from movierec.data import tree_sums
from movierec.data.rating_arrays import Array
from movierec.metrics.measures import Ranking
from movierec.model.biased_mf import Model
from movierec.model.implicit_targets import Targets
from movierec.model.solver import Prior
from movierec.training import early_stopping, row_ops
from movierec.training.early_stopping import Epoch, Trainer, TrainingState
from movierec.training.row_ops import OTHER_SIDE, RowBlock
from movierec.training.training_data import SIDES, M, Start, TrainingData

TOP_N, MAX_USERS = 10, 5_000  # length and maximum number of the lists that evaluate an epoch
REFIT_EPOCHS = 2


@dataclass(frozen=True)
class ImplicitEpoch(Epoch):
    """The result of an epoch. validation_ndcg: every movie rated in validation is relevant."""

    validation_ndcg: float | None


ImplicitState = TrainingState[M, ImplicitEpoch, Ranking]


def make_prior(gram: Array, params: ImplicitParams) -> Prior:
    """The prior of a row, given the Gram matrix of the fixed side.

    The bias has infinite precision, so it is always 0.
    """
    n_factors = len(gram)
    precision = np.diag(np.append(np.full(n_factors, params.factor_precision), np.inf))
    precision[:-1, :-1] += params.unseen_weight * gram
    per_rating = np.append(np.full(n_factors, params.factor_precision_per_rating), 0)
    return Prior(precision, per_rating)


def gram(factors: Array) -> Array:
    """Σ f fᵀ over all rows (n_factors, n_factors), in float64."""
    rows, centre = RowBlock(0, np.zeros(len(factors))), np.zeros(factors.shape[1])
    return tree_sums.add_up([row_ops.scatter(centre, rows, factors)])


def gram_of_side(model: M, data: TrainingData[M], side: str) -> Array:
    """Σ f fᵀ over one side's rows."""
    centre = np.zeros(model.n_factors + 1)  # biases are 0
    return data.sum_rows(model, side, partial(row_ops.scatter, centre))[:-1, :-1]


def run_epoch(model: M, data: TrainingData[M], params: ImplicitParams) -> M:
    """Solve for every user, then every item; the ratings are targets."""
    for side in SIDES:
        prior = make_prior(gram_of_side(model, data, OTHER_SIDE[side]), params)
        model = data.solve(model, side, prior)
    return model


def objective(model: M, data: TrainingData[M], params: ImplicitParams) -> float:
    """The objective over all cells, computed from the two sides' Gram matrices."""
    all_cells = float(np.vdot(*(gram_of_side(model, data, side) for side in SIDES)))
    ridge = make_prior(np.zeros((model.n_factors,) * 2), params)
    ridge.precision[-1, -1] = 0
    seen, penalties = data.losses(model, (0, 1), partial(row_ops.penalty, ridge, None))
    return float(seen[0] + params.unseen_weight * all_cells + sum(penalties)) / 2


class ImplicitTrainer(Trainer[M, ImplicitEpoch, Ranking]):
    """Trains on the targets of ratings; the best epoch has the highest NDCG on validation."""

    epoch_type = ImplicitEpoch
    quality_type = Ranking
    params: ImplicitParams

    def __init__(
        self, data: TrainingData[M], params: ImplicitParams, seed: int, scale: Scale
    ) -> None:
        self.data = data.with_targets(Targets.from_params(params, scale))
        self.params, self.seed = params, seed
        self.evaluator = None
        if self.data.judge.n_validation:
            self.evaluator = self.data.judge.ranking_evaluator(MAX_USERS, seed, "implicit/users")

    def initial_model(self) -> M:
        params, stream = self.params, "implicit/item_factors"
        dtype, scale = np.dtype(params.dtype), params.init_scale
        item_factors = self.start.item_factors if self.start else None
        return self.data.initial_model(
            Start(params.n_factors, dtype, scale, self.seed, stream, 0.0, item_factors)
        )

    def refit(self, settings: Any, state: ImplicitState[M]) -> tuple[Any, Model | None]:
        """A few epochs from the best one's items: the lists are as good (docs/benchmarks.md)."""
        model = self.data.finish(state.model).of_users(slice(0))
        return settings.model_copy(update={"max_epochs": REFIT_EPOCHS}), model.copy()

    def fold_in(self, model: M, held_out: TrainingData[M], epoch: int) -> M:
        prior = make_prior(gram_of_side(model, self.data, "item"), self.params)
        return held_out.solve(model, "user", prior)

    def is_better(self, quality: Ranking, best: Ranking) -> bool:
        return quality.ndcg > best.ndcg + self.params.min_improvement

    def next_epoch(self, state: ImplicitState[M]) -> ImplicitState[M]:
        model, quality = run_epoch(state.last, self.data, self.params), None
        if self.evaluator:
            judged = self.judged(model, len(state.epochs) + 1)
            lists = self.data.judge.top_n(judged, self.evaluator, TOP_N)
            quality = self.evaluator.quality(lists, -np.inf)
        value = objective(model, self.data, self.params)
        ndcg = quality.ndcg if quality else None
        epoch = ImplicitEpoch(len(state.epochs) + 1, value, ndcg)
        return self.advance(state, model, epoch, quality)


def fit(
    data: TrainingData[M],
    params: ImplicitParams,
    seed: int,
    scale: Scale,
    on_epoch: Callable[[ImplicitState[M]], None] = lambda state: None,
    state: ImplicitState[M] | None = None,
) -> ImplicitState[M]:
    """Train on the ratings as implicit feedback; on_epoch, state: as in early_stopping.fit."""
    return early_stopping.fit(ImplicitTrainer(data, params, seed, scale), on_epoch, state)
