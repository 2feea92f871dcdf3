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

from movierec import als, seeds, sums
from movierec.als import Fit
from movierec.errors import MovierecError
from movierec.kernels.sums import strip_grams
from movierec.model import Model
from movierec.params import ImplicitParams
from movierec.ranking import Judge
from movierec.solver import Prior, half_epoch
from movierec.sparse import Array, Csr, Ratings
from movierec.sums import STRIP

TOP_N, USERS = 10, 10_000  # each epoch is judged by the lists of at most so many users


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to. NDCG of the movies seen in validation, liked or not."""

    epoch: int
    objective: float
    validation_ndcg: float | None


def seen(ratings: Csr) -> Csr:
    """The ratings as what the scores are to be: 1."""
    return Csr(ratings.indptr, ratings.indices, np.ones(len(ratings.indices), np.float32))


def gram(factors: Array) -> Array:
    """Σ f fᵀ over all rows (n_factors, n_factors), in float64."""
    centre = np.zeros(factors.shape[1])
    leaves = partial(_grams, factors, centre)
    return sums.total([sums.of_slabs(0, len(factors), leaves)])


def _grams(factors: Array, centre: Array, start: int, stop: int) -> Array:
    return np.asarray(strip_grams(factors[start:stop], centre, STRIP))


def prior_of(fixed: Array, params: ImplicitParams) -> Prior:
    """The prior of a row while the other side's factors are held fixed.

    Of infinite precision for the bias, which so is 0.
    """
    n_factors = fixed.shape[1]
    precision = np.diag(np.append(np.full(n_factors, params.factor_precision), np.inf))
    precision[:-1, :-1] += params.unseen_weight * gram(fixed)
    per_rating = np.append(np.full(n_factors, params.factor_precision_per_rating), 0)
    return Prior(precision, per_rating)


def solve(ratings: Csr, fixed: Array, params: ImplicitParams, side: str) -> Array:
    """The factors of every row of one side, the other side's held fixed; ratings as `seen` has."""
    no_biases = np.zeros(len(fixed), fixed.dtype)
    return half_epoch(ratings, fixed, no_biases, 0.0, prior_of(fixed, params), side)[0]


def run_epoch(model: Model, by_user: Csr, by_item: Csr, params: ImplicitParams) -> Model:
    """One epoch: every user, then every item."""
    users = solve(by_user, model.item_factors, params, "user")
    items = solve(by_item, users, params, "item")
    return replace(model, user_factors=users, item_factors=items)


def objective(model: Model, by_user: Csr, by_item: Csr, params: ImplicitParams) -> float:
    """The objective over all cells, those without a rating by the two sides' Gram matrices."""
    total = float(als.squared_errors(model, by_user, (0, 1))[0])
    total += params.unseen_weight * float(
        np.vdot(gram(model.user_factors), gram(model.item_factors))
    )
    for csr, factors in ((by_user, model.user_factors), (by_item, model.item_factors)):
        ridge = params.factor_precision + params.factor_precision_per_rating * csr.counts
        total += float(ridge @ np.square(factors, dtype=np.float64).sum(axis=1))
    return total / 2


def start(n_users: int, n_items: int, params: ImplicitParams, seed: int) -> Model:
    """A model before its first epoch: small random item factors, all else zero."""
    dtype, n_factors = np.dtype(params.dtype), params.n_factors
    draws = seeds.stream(seed, "implicit/item_factors").standard_normal((n_items, n_factors))
    return Model(
        global_mean=0.0,
        user_factors=np.zeros((n_users, n_factors), dtype),
        item_factors=(draws * (params.init_scale / max(1, n_factors) ** 0.5)).astype(dtype),
        user_biases=np.zeros(n_users, dtype),
        item_biases=np.zeros(n_items, dtype),
    )


def fit(
    ratings: tuple[Csr, Csr],
    params: ImplicitParams,
    seed: int,
    validation: Ratings | None = None,
    on_epoch: Callable[[Fit], None] = lambda fit: None,
    so_far: Fit | None = None,
) -> Fit:
    """Train until the NDCG on validation has not improved for `params.patience` epochs, by more
    than `params.min_improvement`. All else as als.fit; ratings: by user and by item.
    """
    by_user, by_item = (seen(csr) for csr in ratings)
    if not len(by_user.indices):
        raise MovierecError("no ratings to train on: lower split.test_fraction or bring more data")
    judge = None
    if validation is not None:
        judge = Judge.of(by_user, validation, by_item.n_rows, USERS, seed, "implicit/users")
    if so_far is None:
        first = start(by_user.n_rows, by_item.n_rows, params, seed)
        so_far = Fit(first, first)
    while len(so_far.epochs) < min(params.n_epochs, so_far.best_epoch + params.patience):
        model = run_epoch(so_far.last, by_user, by_item, params)
        quality = judge.quality(judge.lists(model, TOP_N), -np.inf) if judge else None
        number, value = len(so_far.epochs) + 1, objective(model, by_user, by_item, params)
        epoch = Epoch(number, value, quality.ndcg if quality else None)
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
    return solve(row, model.item_factors, params, "user")[0]
