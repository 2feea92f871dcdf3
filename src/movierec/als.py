"""Alternating least squares: solve all users, then all items, again and again.

The objective, with the seed's symbols λ, τ and γ (docs/model.md):

    ½ λ Σ (r − r̂)²  +  ½ Σ_rows (τ + τₙ n) |factors|²  +  ½ Σ_rows (γ + γₙ n) bias²

n being the row's number of ratings. Each half epoch minimises it exactly over one side, so it
never rises. Zhou et al., "Large-scale parallel collaborative filtering for the Netflix Prize"
(AAIM 2008), section 3, is the count-scaled case (τ = 0). Where rows have features, the penalty is
on what is left of a row after its prior mean, and a ridge on the features' weights comes to it, ρ
times what a row with one rating has (features.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from movierec import seeds
from movierec.errors import MovierecError
from movierec.features import Features
from movierec.kernels.scoring import squared_errors_by_row
from movierec.metrics import errors_of
from movierec.model import Model
from movierec.one_row import OneRow
from movierec.params import TrainParams
from movierec.solver import Prior, half_epoch
from movierec.sparse import Array, Csr, Ratings

NONE = np.zeros(0)
# Of conjugate gradients an epoch. Each lowers the objective, and the next epoch goes on from there:
# ml-100k needs 21 at most; at ml-25m's size 90 would find weights no better in the end.
WEIGHT_STEPS = 25


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to. RMSEs are of ratings clipped to the scale, in stars.

    noise_precision: λ, which Gibbs sampling draws, and ALS holds.
    """

    epoch: int
    objective: float
    train_rmse: float
    validation_rmse: float | None
    noise_precision: float


@dataclass(frozen=True)
class Fit:
    """Training as far as it has come.

    model: that of the best epoch; validation: its quality there, here an Errors. last: that of the
    last epoch, with which training goes on. epochs: what each came to, here an Epoch. samples: by
    Gibbs sampling the models kept so far; `model`, their mean, is made of them at the end.
    """

    model: Model
    last: Model
    epochs: tuple[Any, ...] = ()
    best_epoch: int = 0
    validation: Any = None
    samples: tuple[Model, ...] = ()


@dataclass(frozen=True)
class Data:
    """What there is to train on: ratings, grouped both ways, and the features of either side."""

    by_user: Csr
    by_item: Csr
    user_features: Features | None = None
    item_features: Features | None = None

    @classmethod
    def of(cls, by_user: Csr, by_item: Csr, params: TrainParams, genres: Csr | None) -> "Data":
        """The features that params.model asks for; genres: of each item, the indices of its own."""
        if params.model == "svdpp":
            return cls(by_user, by_item, Features(by_user, by_item), Features(by_item, by_user))
        if params.model == "genre_mf":
            if genres is None:
                raise MovierecError("train.model: genre_mf needs the movies' genres")
            n_genres = 1 + int(genres.indices.max(initial=-1))
            return cls(by_user, by_item, None, Features(genres, genres.transpose(n_genres)))
        return cls(by_user, by_item)

    def sides(self) -> tuple["Side", "Side"]:
        return (
            Side("user", "item", self.by_user, self.user_features),
            Side("item", "user", self.by_item, self.item_features),
        )


@dataclass(frozen=True)
class Side:
    """One side of the data: the rows to solve while the other side, `fixed`, is held."""

    name: str
    fixed: str
    ratings: Csr
    features: Features | None


def start(data: Data, params: TrainParams, seed: int) -> Model:
    """A model before its first epoch: small random item factors, all else zero.

    The factors' standard deviation is init_scale / √n_factors, so that a row's expected length is
    init_scale whatever n_factors.
    """
    dtype, n_factors = np.dtype(params.dtype), params.n_factors_used
    n_users, n_items = data.by_user.n_rows, data.by_item.n_rows
    draws = seeds.stream(seed, "train/item_factors").standard_normal((n_items, n_factors))
    scale = params.init_scale / max(1, n_factors) ** 0.5
    weights: dict[str, Any] = {
        f"{side.name}_weights": np.zeros((side.features.by_feature.n_rows, n_factors + 1), dtype)
        for side in data.sides()
        if side.features
    }
    return Model(
        global_mean=float(dtype.type(data.by_user.values.mean(dtype=np.float64))),
        user_factors=np.zeros((n_users, n_factors), dtype),
        item_factors=(draws * scale).astype(dtype),
        user_biases=np.zeros(n_users, dtype),
        item_biases=np.zeros(n_items, dtype),
        **weights,
    )


def run_epoch(model: Model, data: Data, params: TrainParams) -> Model:
    """One epoch: every user, then every item; after each side's rows its features' weights."""
    prior = Prior.of(params, model.n_factors)
    for side in data.sides():
        name, features = side.name, side.features
        mean = features.means(model.weights(name)) if features else None
        fixed = model.rows(side.fixed)
        factors, biases = half_epoch(side.ratings, *fixed, model.global_mean, prior, name, mean)
        model = model.changed(name, factors=factors, biases=biases)
        if features:
            weights = solve_weights(model, side, features, prior, params.feature_ridge)
            model = model.changed(name, weights=weights)
    return model


def solve_weights(
    model: Model, side: Side, features: Features, prior: Prior, ridge: float
) -> Array:
    """The weights of one side's features, its rows held fixed: a ridge of `ridge` rows' priors."""
    rows = np.column_stack(model.rows(side.name))
    precision = np.diag(prior.precision) + side.ratings.counts[:, None] * prior.per_rating
    right = features.collect((precision * rows).astype(rows.dtype))
    begun, ridges = model.weights(side.name), ridge * prior.of_one_rating
    return features.solve(right, precision, ridges, begun, WEIGHT_STEPS)


def objective(
    model: Model, data: Data, params: TrainParams, scale: tuple[float, float]
) -> tuple[float, float]:
    """The objective and the RMSE on the training ratings, clipped to the rating scale."""
    sums = squared_errors(model, data.by_user, scale)
    prior = Prior.of(params, model.n_factors)
    penalty = 0.0
    for side in data.sides():
        rows = np.column_stack(model.rows(side.name))
        if side.features:
            weights = model.weights(side.name)
            rows -= side.features.means(weights)
            sizes = np.square(weights, dtype=np.float64).sum(axis=0)
            penalty += float(params.feature_ridge * sizes @ prior.of_one_rating)
        penalty += prior.penalty(side.ratings.counts, rows)
    value = 0.5 * params.rating_precision * (sums[0] + penalty)
    return float(value), float((sums[1] / len(data.by_user.values)) ** 0.5)


def squared_errors(
    model: Model, by_user: Csr, scale: tuple[float, float], totals: Array = NONE, n_samples: int = 1
) -> Array:
    """Sums of squared errors on ratings: as predicted, and clipped to the rating scale.

    totals: the sums of other samples' predictions, to which this n_samples-th one's are added; the
    errors clipped are then those of the mean.
    """
    dtype = model.user_factors.dtype.type
    sums = squared_errors_by_row(
        by_user.indptr,
        by_user.indices,
        by_user.values,
        dtype(model.global_mean),
        model.user_factors,
        model.item_factors,
        model.user_biases,
        model.item_biases,
        dtype(scale[0]),
        dtype(scale[1]),
        totals,
        n_samples,
    )
    return np.asarray(sums.sum(axis=0))


def fit(
    data: Data,
    params: TrainParams,
    seed: int,
    scale: tuple[float, float],
    validation: Ratings | None = None,
    on_epoch: Callable[[Fit], None] = lambda fit: None,
    so_far: Fit | None = None,
) -> Fit:
    """Train until the RMSE on validation has not improved for `params.patience` epochs, by more
    than `params.min_improvement`.

    Without validation ratings all `params.max_epochs` are run, and the last is the best.
    scale: the least and the greatest rating. on_epoch is called after each epoch. so_far: what it
    was called with before an interruption; training then goes on to the very same bits.
    Raises MovierecError if there is nothing to train on, or nothing to solve.
    """
    check(data, params)
    if so_far is None:
        first = start(data, params, seed)
        so_far = Fit(first, first)
    while len(so_far.epochs) < min(params.max_epochs, so_far.best_epoch + params.patience):
        so_far = _next_epoch(so_far, data, params, scale, validation)
        on_epoch(so_far)
    return so_far


def _next_epoch(
    so_far: Fit,
    data: Data,
    params: TrainParams,
    scale: tuple[float, float],
    validation: Ratings | None,
) -> Fit:
    number = len(so_far.epochs) + 1
    model = run_epoch(so_far.last, data, params)
    value, train_rmse = objective(model, data, params, scale)
    errors = errors_of(model, validation, scale) if validation is not None else None
    epoch = Epoch(
        number, value, train_rmse, errors.rmse if errors else None, params.rating_precision
    )
    so_far = replace(so_far, last=model, epochs=(*so_far.epochs, epoch))
    best = so_far.validation.rmse - params.min_improvement if so_far.validation else np.inf
    if errors is None or errors.rmse < best:
        return replace(so_far, model=model, best_epoch=number, validation=errors)
    return so_far


def check(data: Data, params: TrainParams) -> None:
    """Raise MovierecError unless there is something to train on."""
    n_users, n_items = data.by_user.n_rows, data.by_item.n_rows
    if not len(data.by_user.values):
        raise MovierecError("no ratings to train on: lower split.test_fraction or bring more data")
    allowed = min(n_users, n_items)
    if params.n_factors_used > allowed:
        raise MovierecError(
            f"train.n_factors: {params.n_factors} is more than the data allows: {n_users}"
            f" users and {n_items} items have at most {allowed}"
        )


def fold_in(
    model: Model, item_index: Array, rating: Array, params: TrainParams
) -> tuple[Array, float]:
    """Factors (n_factors,) and bias of a new user with these ratings: the same row solve.

    item_index (n,) int32; rating (n,) in stars. A user of the training data folds in to the row
    that the next half epoch would give him, which is his own once training has converged. Into a
    mean of samples he is folded sample by sample, each with its own prior.
    """
    rows = [row.mean for _, row in new_rows(model, item_index, rating, params)]
    factors = np.concatenate([row[:-1] for row in rows]) / model.n_samples
    return factors, float(np.mean([row[-1] for row in rows]))


def new_rows(
    model: Model, item_index: Array, rating: Array, params: TrainParams
) -> Iterator[tuple[Model, OneRow]]:
    """Each sample of a model (the model itself, if it is no mean) and a new user's row in it."""
    order = np.argsort(item_index, kind="stable")
    items = np.asarray(item_index, np.int32)[order]
    values = np.asarray(rating, model.item_factors.dtype)[order]
    for number in range(model.n_samples):
        sample = model.sample(number)
        prior, noise = Prior.of(params, sample.n_factors), params.rating_precision
        mean = np.zeros((1, sample.n_factors + 1), sample.item_factors.dtype)
        if len(model.sample_noise_precision):
            prior = Prior(model.sample_user_precision[number], np.zeros(sample.n_factors + 1))
            mean += model.sample_user_mean[number]
            noise = float(model.sample_noise_precision[number])
        if len(sample.user_weights):
            row = Csr(np.array([0, len(items)]), items, values)
            mean += Features(row, row).means(sample.user_weights)  # of which only the rows' count
        yield (
            sample,
            OneRow(
                sample.item_factors[items],
                values,
                sample.item_biases[items],
                sample.global_mean,
                prior,
                mean,
                noise,
            ),
        )
