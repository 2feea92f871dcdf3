"""Gibbs sampling: the row solve of ALS, drawing from the posterior instead of taking its mean.

    r ~ N(r̂, 1/λ)      row ~ N(μ + X W, Λ⁻¹)      W ~ N(0, (ρ Λ)⁻¹)      λ ~ Gamma

A row is its factors and bias together, μ and Λ (one pair a side) have a Normal–Wishart prior, and
X W is what the features say (features.py). Predictions are averaged over samples, never factors.
Salakhutdinov & Mnih, "Bayesian probabilistic matrix factorization using MCMC" (ICML 2008),
section 3; the features' weights as in Simm et al., "Macau" (MLSP 2017), section 3.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from movierec.core import random_streams
from movierec.core.params import TrainParams
from movierec.data.rating_arrays import Array, Ratings
from movierec.metrics.measures import Errors
from movierec.model.biased_mf import Model
from movierec.model.features import Features
from movierec.model.solver import Prior
from movierec.training import als, row_ops
from movierec.training.als import RatingEpoch, TrainingState
from movierec.training.in_memory import SIDES, InMemoryData
from movierec.training.row_ops import Noise, RowBlock

MEAN_WEIGHT = 2.0  # β₀: how many rows the prior mean 0 of μ counts for
ROW_SIZE = 0.1  # the prior's guess of a row's expected squared length, with d degrees of freedom
GAMMA = 0.5  # shape and rate of the Gamma prior of λ: half an observation
# The start's ridge, as a share of params': factors that a start leaves near 0 draw a prior that
# holds them there for long.
START_SHARE = 0.25
FACTOR_PRECISIONS = ("factor_precision", "factor_precision_per_rating")


def draw_hyper(
    n_rows: int,
    mean: Array,
    spread: Array,
    draw: np.random.Generator,
    weights: Array | None = None,
    ridge: float = 0,
) -> tuple[Array, Array]:
    """μ (d,) and Λ (d, d) from their Normal–Wishart posterior given rows less X W.

    Of these are told how many there are, their mean (d,) and Σ (row − mean)(row − mean)ᵀ (d, d).
    The weights W (n_features, d), of precision ridge · Λ, tell of Λ as well.
    """
    d = len(mean)
    weight, freedom = MEAN_WEIGHT + n_rows, d + n_rows
    spread = spread + ROW_SIZE * np.eye(d)
    spread += MEAN_WEIGHT * n_rows / weight * np.outer(mean, mean)
    if weights is not None:
        spread += ridge * np.einsum("rf,rg->fg", weights, weights, dtype=np.float64)
        freedom += len(weights)
    precision = draw_wishart(np.linalg.inv(spread), freedom, draw)
    root = np.linalg.cholesky(weight * precision)
    shift = np.linalg.solve(root.T, draw.standard_normal(d))
    return n_rows / weight * mean + shift, precision


def draw_wishart(scale: Array, freedom: int, draw: np.random.Generator) -> Array:
    """A draw of the Wishart distribution of mean freedom · scale, after Bartlett (1933)."""
    d = len(scale)
    lower = np.tril(draw.standard_normal((d, d)), -1)
    lower[np.diag_indices(d)] = np.sqrt(draw.chisquare(freedom - np.arange(d)))
    root = np.linalg.cholesky(scale) @ lower
    return np.asarray(root @ root.T)


def draw_weights(
    model: Model,
    data: InMemoryData,
    side: str,
    features: Features,
    mean: Array,
    precision: Array,
    ridge: float,
    noise: Callable[[str], Noise],
) -> Array:
    """W given the rows less μ: the ridge solve of right sides to which noise is added.

    The solution of a perturbed system is a draw from the posterior: Macau's equation 7.
    noise: by the name of what it is for.
    """
    begun, d = model.weights(side), len(mean)
    root, dtype = np.linalg.cholesky(np.linalg.inv(precision)), begun.dtype
    made = partial(row_ops.perturbed, mean.astype(dtype), noise("of_rows"), root)
    of_weights = RowBlock(0, np.zeros(len(begun)))
    more = row_ops.perturbed(np.zeros(d, dtype), noise("of_weights"), root, of_weights, 0 * begun)
    right = data.collected(model, side, made) + dtype.type(ridge**0.5) * more
    ones, zeros = np.ones(d), np.zeros(d)
    return features.solve(right, ones, zeros, data.counts(side), ridge * ones, begun)


def draw_side(
    model: Model,
    data: InMemoryData,
    side: str,
    name: str,
    ridge: float,
    noise_precision: float,
    seed: int,
) -> tuple[Model, Array, Array, float]:
    """Draw one side's μ and Λ, then its features' weights, then its rows.

    name: of the random streams. Returns the model, μ, Λ and the penalty of the rows drawn.
    """
    features, hyper = data.features(side), random_streams.stream(seed, f"{name}/hyper")
    n_rows, dtype = len(data.counts(side)), model.dtype

    def noise(part: str) -> Noise:
        return Noise(seed, f"{name}/{part}")

    middle = data.total(model, side, row_ops.total) / n_rows
    spread = data.total(model, side, partial(row_ops.spread, middle))
    if features:
        weights = model.weights(side)
        mean, precision = draw_hyper(n_rows, middle, spread, hyper, weights, ridge)
        weights = draw_weights(model, data, side, features, mean, precision, ridge, noise)
        model = model.changed(side, weights=weights)
    else:
        mean, precision = draw_hyper(n_rows, middle, spread, hyper)
    prior, shift = Prior(precision / noise_precision, np.zeros(len(mean))), mean.astype(dtype)
    drawn = Noise(seed, f"{name}/rows", noise_precision**0.5)
    model = data.solve(model, side, prior, shift, drawn)
    penalty = data.total(model, side, partial(row_ops.penalty, prior, shift))
    return model, mean, precision, float(penalty)


def sweep(
    model: Model, data: InMemoryData, params: TrainParams, number: int, seed: int, sse: float
) -> tuple[Model, float]:
    """Draw λ, then both sides; returns the model and the penalties, for the density.

    sse: the squared errors of `model` on the training ratings. The model drawn holds λ and the
    users' prior. Every draw is of a stream named by the sweep, the side and the part.
    """
    draw, n_ratings = random_streams.stream(seed, f"gibbs/{number}/noise"), data.n_ratings
    noise_precision = float(draw.gamma(GAMMA + n_ratings / 2, 1 / (GAMMA + sse / 2)))
    penalty, priors = 0.0, {}
    for side in SIDES:
        name, ridge = f"gibbs/{number}/{side}", params.gibbs_feature_ridge
        model, *prior, more = draw_side(model, data, side, name, ridge, noise_precision, seed)
        priors[side], penalty = prior, penalty + more
    mean, precision = priors["user"]
    model = replace(
        model,
        sample_user_mean=mean[None],
        sample_user_precision=precision[None] / noise_precision,
        sample_noise_precision=np.array([noise_precision]),
    )
    return model, penalty


class Mean:
    """The errors of the mean of samples, from running sums of what each predicts."""

    def __init__(
        self, data: InMemoryData, validation: Ratings | None, scale: tuple[float, float]
    ) -> None:
        self.data, self.validation, self.scale = data, validation, scale
        self.totals = data.totals()
        self.validation_totals = row_ops.NONE if validation is None else data.totals(validation)
        self.n_samples = 0

    def errors(self, model: Model) -> tuple[Array, Errors | None]:
        """Of one model, as data.errors has them on train, and those on validation."""
        sums, validation = self.data.errors(model, self.scale), self.validation
        if validation is None:
            return sums, None
        held_out = self.data.errors(model, self.scale, validation)
        return sums, Errors.of_sums(held_out, len(validation))

    def add(self, sample: Model) -> tuple[Array, Errors | None]:
        """Those of the mean with one more sample; but the first sum is the sample's own."""
        self.n_samples += 1
        data, scale, n, validation = self.data, self.scale, self.n_samples, self.validation
        sums = data.errors(sample, scale, None, self.totals, n)
        if validation is None:
            return sums, None
        held_out = data.errors(sample, scale, validation, self.validation_totals, n)
        return sums, Errors.of_sums(held_out, len(validation))


def fit(
    data: InMemoryData,
    params: TrainParams,
    seed: int,
    scale: tuple[float, float],
    validation: Ratings | None = None,
    on_epoch: Callable[[TrainingState], None] = lambda fit: None,
    so_far: TrainingState | None = None,
) -> TrainingState:
    """Draw params.gibbs.samples samples after a start by ALS and params.gibbs.burn_in sweeps.

    An epoch of the Fit is a sweep, its RMSEs are of the mean of the samples so far (before the
    first, of the latest draw), and there is no early stopping: the last is the best. Else as
    als.fit.
    """
    als.check(data, params)
    if so_far is None:
        model = als.start(data, params, seed)
        loose = {name: START_SHARE * getattr(params, name) for name in FACTOR_PRECISIONS}
        for _ in range(params.gibbs.start_epochs):
            model = als.run_epoch(model, data, params.model_copy(update=loose))
        so_far = TrainingState(model, model)
    mean = Mean(data, validation, scale)
    for sample in so_far.samples:
        mean.add(sample)
    sse = data.errors(so_far.last, scale)[0]
    while len(so_far.epochs) < params.n_epochs:
        so_far, sse = _next_sweep(so_far, data, params, seed, sse, mean)
        on_epoch(so_far)
    return replace(so_far, model=data.mean_of(so_far.samples))


def _next_sweep(
    so_far: TrainingState,
    data: InMemoryData,
    params: TrainParams,
    seed: int,
    sse: float,
    mean: Mean,
) -> tuple[TrainingState, float]:
    """One epoch more, and the squared errors of its draw."""
    number, samples = len(so_far.epochs) + 1, so_far.samples
    last, penalty = sweep(so_far.last, data, params, number, seed, sse)
    kept = number - params.gibbs.burn_in
    if kept > 0 and kept % params.gibbs.thin == 0:
        samples = (*samples, last)
        sums, errors = mean.add(last)
    else:
        sums, errors = mean.errors(last)
    train_rmse = float((sums[1] / data.n_ratings) ** 0.5)
    if samples and samples is so_far.samples:  # the mean is what it was
        train_rmse, errors = so_far.epochs[-1].train_rmse, so_far.validation
    noise_precision = float(last.sample_noise_precision[0])
    density = 0.5 * noise_precision * (sums[0] + penalty)
    rmse = errors.rmse if errors else None
    epoch = RatingEpoch(number, density, train_rmse, rmse, noise_precision)
    return TrainingState(last, last, (*so_far.epochs, epoch), number, errors, samples), sums[0]
