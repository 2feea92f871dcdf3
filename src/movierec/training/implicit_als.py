"""Which movies does this person watch at all: a factorisation of who rated what (iALS).

The score s = user_factors · item_factors is to be 1 where there is a rating and 0 elsewhere, where
a cell weighs α₀ as much (docs/model.md):

    ½ Σ_seen (1 − s)²  +  ½ α₀ Σ_all s²  +  ½ Σ_rows (τ + τₙ n) |factors|²

n being the row's number of ratings. For one row the sum over all cells is the same quadratic form,
α₀ Σ f fᵀ over the whole fixed side: part of the prior of the one row solve. Hu, Koren & Volinsky
(ICDM 2008), in the form of Rendle et al., "Revisiting the performance of iALS on item
recommendation benchmarks" (RecSys 2022), section 3; as theirs, this model has no biases.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from movierec.core.errors import MovierecError
from movierec.core.params import ImplicitParams
from movierec.data import tree_sums
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.model.biased_mf import Model
from movierec.model.solver import Prior, half_epoch
from movierec.training import row_ops
from movierec.training.als import TrainingState
from movierec.training.in_memory import SIDES, InMemoryData
from movierec.training.row_ops import OTHER_SIDE, RowBlock

TOP_N, USERS = 10, 10_000  # each epoch is judged by the lists of at most so many users


@dataclass(frozen=True)
class ImplicitEpoch:
    """What an epoch came to. NDCG of the movies seen in validation, liked or not."""

    epoch: int
    objective: float
    validation_ndcg: float | None


def prior_of(gram: Array, params: ImplicitParams) -> Prior:
    """The prior of a row while the other side's factors, of this Gram matrix, are held fixed.

    Of infinite precision for the bias, which so is 0.
    """
    n_factors = len(gram)
    precision = np.diag(np.append(np.full(n_factors, params.factor_precision), np.inf))
    precision[:-1, :-1] += params.unseen_weight * gram
    per_rating = np.append(np.full(n_factors, params.factor_precision_per_rating), 0)
    return Prior(precision, per_rating)


def gram(factors: Array) -> Array:
    """Σ f fᵀ over all rows (n_factors, n_factors), in float64."""
    everyone, centre = RowBlock(0, np.zeros(len(factors))), np.zeros(factors.shape[1])
    return tree_sums.add_up([row_ops.spread(centre, everyone, factors)])


def gram_of(model: Model, data: InMemoryData, side: str) -> Array:
    """The same of one side's factors."""
    centre = np.zeros(model.n_factors + 1)  # biases are 0
    return data.total(model, side, partial(row_ops.spread, centre))[:-1, :-1]


def solve(ratings: Csr, fixed: Array, params: ImplicitParams) -> Array:
    """The factors of rows, the other side's held fixed; ratings: 1 for each that was seen."""
    prior, no_biases = prior_of(gram(fixed), params), np.zeros(len(fixed), fixed.dtype)
    return half_epoch(ratings, fixed, no_biases, 0.0, prior, "user")[0]


def run_epoch(model: Model, data: InMemoryData, params: ImplicitParams) -> Model:
    """One epoch: every user, then every item; the ratings as `seen` has them."""
    for side in SIDES:
        model = data.solve(model, side, prior_of(gram_of(model, data, OTHER_SIDE[side]), params))
    return model


def objective(model: Model, data: InMemoryData, params: ImplicitParams) -> float:
    """The objective over all cells, those without a rating by the two sides' Gram matrices."""
    of_all = float(np.vdot(*(gram_of(model, data, side) for side in SIDES)))
    ridge = prior_of(np.zeros((model.n_factors,) * 2), params)
    ridge.precision[-1, -1] = 0
    of_seen, penalties = data.losses(model, (0, 1), partial(row_ops.penalty, ridge, None))
    return float(of_seen[0] + params.unseen_weight * of_all + sum(penalties)) / 2


def fit(
    data: InMemoryData,
    params: ImplicitParams,
    seed: int,
    validation: Ratings | None = None,
    on_epoch: Callable[[TrainingState], None] = lambda fit: None,
    so_far: TrainingState | None = None,
) -> TrainingState:
    """Train until the NDCG on validation has not improved for `params.patience` epochs, by more
    than `params.min_improvement`. All else as als.fit.
    """
    data = data.seen()
    if not data.n_ratings:
        raise MovierecError("no ratings to train on: lower split.test_fraction or bring more data")
    judge = None
    if validation is not None:
        judge = data.judge(validation, USERS, seed, "implicit/users")
    if so_far is None:
        first = data.start(params, params.n_factors, seed, "implicit/item_factors", 0.0)
        so_far = TrainingState(first, first)
    while len(so_far.epochs) < min(params.n_epochs, so_far.best_epoch + params.patience):
        model = run_epoch(so_far.last, data, params)
        quality = judge.quality(data.lists(model, judge, TOP_N), -np.inf) if judge else None
        number, value = len(so_far.epochs) + 1, objective(model, data, params)
        epoch = ImplicitEpoch(number, value, quality.ndcg if quality else None)
        so_far = replace(so_far, last=model, epochs=(*so_far.epochs, epoch))
        best = so_far.validation.ndcg + params.min_improvement if so_far.validation else -np.inf
        if quality is None or quality.ndcg > best:
            so_far = replace(so_far, model=model, best_epoch=number, validation=quality)
        on_epoch(so_far)
    return so_far


def fold_in(model: Model, item_index: Array, params: ImplicitParams) -> Array:
    """Factors (n_factors,) of a new user who has seen these movies: the same row solve."""
    indices = np.sort(np.asarray(item_index, np.int32))
    row = Csr(np.array([0, len(indices)]), indices, np.ones(len(indices), np.float32))
    return solve(row, model.item_factors, params)[0]
