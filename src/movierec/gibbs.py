"""Gibbs sampling: the row solve of ALS, drawing from the posterior instead of taking its mean.

    r ~ N(r̂, 1/λ)      row ~ N(μ + X W, Λ⁻¹)      W ~ N(0, (ρ Λ)⁻¹)      λ ~ Gamma

A row is its factors and bias together, μ and Λ (one pair a side) have a Normal–Wishart prior, and
X W is what the features say (features.py). Predictions are averaged over samples, never factors.
Salakhutdinov & Mnih, "Bayesian probabilistic matrix factorization using MCMC" (ICML 2008),
section 3; the features' weights as in Simm et al., "Macau" (MLSP 2017), section 3.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from movierec import als, seeds
from movierec.als import Data, Epoch, Fit, Side
from movierec.features import Features
from movierec.metrics import Errors, errors_in, errors_of
from movierec.model import Model
from movierec.params import TrainParams
from movierec.solver import Prior, half_epoch
from movierec.sparse import Array, Ratings

MEAN_WEIGHT = 2.0  # β₀: how many rows the prior mean 0 of μ counts for
ROW_SIZE = 0.1  # the prior's guess of a row's expected squared length, with d degrees of freedom
GAMMA = 0.5  # shape and rate of the Gamma prior of λ: half an observation
# The start's ridge, as a share of params': factors that a start leaves near 0 draw a prior that
# holds them there for long.
START_SHARE = 0.25
FACTOR_PRECISIONS = ("factor_precision", "factor_precision_per_rating")


def draw_hyper(
    rows: Array, draw: np.random.Generator, weights: Array | None = None, ridge: float = 0
) -> tuple[Array, Array]:
    """μ (d,) and Λ (d, d) from their Normal–Wishart posterior given rows (n_rows, d) less X W.

    The weights W (n_features, d), of precision ridge · Λ, tell of Λ as well.
    """
    n_rows, d = rows.shape
    mean = rows.sum(axis=0, dtype=np.float64) / n_rows
    centred = rows - mean
    weight, freedom = MEAN_WEIGHT + n_rows, d + n_rows
    spread = np.einsum("rf,rg->fg", centred, centred) + ROW_SIZE * np.eye(d)
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
    features: Features,
    deviations: Array,
    precision: Array,
    ridge: float,
    start: Array,
    normals: Callable[[str, int], Array],
) -> Array:
    """W given the rows less μ: the ridge solve of right sides to which noise is added.

    The solution of a perturbed system is a draw from the posterior: Macau's equation 7.
    normals: standard normal numbers, by the name of what they are for and the number of rows.
    """
    root = np.linalg.cholesky(np.linalg.inv(precision))

    def noise(part: str, n_rows: int) -> Array:
        return np.einsum("rf,gf->rg", normals(part, n_rows), root).astype(start.dtype)

    right = features.collect(deviations + noise("of_rows", len(deviations)))
    right += start.dtype.type(ridge**0.5) * noise("of_weights", len(start))
    return features.solve(right, np.ones((1, 1)), ridge, start)


def draw_side(
    model: Model, name: str, side: Side, ridge: float, noise_precision: float, seed: int
) -> tuple[Model, Array, Array, float]:
    """Draw one side's μ and Λ, then its features' weights, then its rows.

    name: of the random streams. Returns the model, μ, Λ and the penalty of the rows drawn.
    """
    rows, features = np.column_stack(model.rows(side.name)), side.features
    dtype, n_columns = rows.dtype, rows.shape[1]
    hyper = seeds.stream(seed, f"{name}/hyper")

    def normals(part: str, n_rows: int) -> Array:
        return seeds.normals(seed, f"{name}/{part}", n_rows, n_columns, dtype)

    if features:
        weights = model.weights(side.name)
        mean, precision = draw_hyper(rows - features.means(weights), hyper, weights, ridge)
        deviations = rows - mean.astype(dtype)
        weights = draw_weights(features, deviations, precision, ridge, weights, normals)
        model = model.changed(side.name, weights=weights)
        prior_mean = mean.astype(dtype) + features.means(weights)
    else:
        mean, precision = draw_hyper(rows, hyper)
        prior_mean = np.broadcast_to(mean.astype(dtype), rows.shape)
    prior = Prior(precision / noise_precision, np.zeros(n_columns))
    noise = normals("rows", len(rows)) / dtype.type(noise_precision**0.5)
    factors, biases = half_epoch(
        side.ratings,
        *model.rows(side.fixed),
        model.global_mean,
        prior,
        side.name,
        prior_mean,
        noise,
    )
    deviations = np.column_stack((factors, biases)) - prior_mean
    penalty = prior.penalty(side.ratings.counts, deviations)
    model = model.changed(side.name, factors=factors, biases=biases)
    return model, mean, precision, penalty


def sweep(
    model: Model, data: Data, params: TrainParams, number: int, seed: int, sse: float
) -> tuple[Model, float]:
    """Draw λ, then both sides; returns the model and the penalties, for the density.

    sse: the squared errors of `model` on the training ratings. The model drawn holds λ and the
    users' prior. Every draw is of a stream named by the sweep, the side and the part.
    """
    draw, n_ratings = seeds.stream(seed, f"gibbs/{number}/noise"), len(data.by_user.values)
    noise_precision = float(draw.gamma(GAMMA + n_ratings / 2, 1 / (GAMMA + sse / 2)))
    penalty, priors = 0.0, {}
    for side in data.sides():
        name = f"gibbs/{number}/{side.name}"
        model, *prior, more = draw_side(
            model, name, side, params.gibbs_feature_ridge, noise_precision, seed
        )
        priors[side.name], penalty = prior, penalty + more
    mean, precision = priors["user"]
    model = replace(
        model,
        sample_user_mean=mean[None],
        sample_user_precision=precision[None] / noise_precision,
        sample_noise_precision=np.array([noise_precision]),
    )
    return model, penalty


def mean_of(samples: Sequence[Model]) -> Model:
    """The mean of the predictions of samples, itself a model (model.py)."""
    n, dtype = len(samples), samples[0].user_factors.dtype

    def joined(name: str, axis: int) -> Array:
        return np.concatenate([getattr(sample, name) for sample in samples], axis=axis)

    beside = ("user_factors", "item_factors", "user_weights", "item_weights")
    below = ("sample_user_mean", "sample_user_precision", "sample_noise_precision")
    arrays: dict[str, Any] = {name: joined(name, 1) for name in beside}
    arrays |= {name: joined(name, 0) for name in below}
    arrays["user_factors"] /= dtype.type(n)
    for side in ("user", "item"):
        biases = np.stack([sample.rows(side)[1] for sample in samples], axis=1)
        arrays[f"sample_{side}_biases"] = biases
        arrays[f"{side}_biases"] = biases.mean(axis=1, dtype=np.float64).astype(dtype)
    return replace(samples[0], **arrays)


class Mean:
    """The errors of the mean of samples, from running sums of what each predicts."""

    def __init__(self, data: Data, validation: Ratings | None, scale: tuple[float, float]) -> None:
        self.ratings, self.validation, self.scale = data.by_user, validation, scale
        self.totals = np.zeros(len(data.by_user.values))
        self.validation_totals = np.zeros(len(validation or ()))
        self.n_samples = 0

    def errors(self, model: Model) -> tuple[Array, Errors | None]:
        """Of one model, as als.squared_errors has them on train, and those on validation."""
        sums = als.squared_errors(model, self.ratings, self.scale)
        if self.validation is None:
            return sums, None
        return sums, errors_of(model, self.validation, self.scale)

    def add(self, sample: Model) -> tuple[Array, Errors | None]:
        """Those of the mean with one more sample; but the first sum is the sample's own."""
        self.n_samples += 1
        n, asked = self.n_samples, self.validation
        sums = als.squared_errors(sample, self.ratings, self.scale, self.totals, n)
        if asked is None:
            return sums, None
        self.validation_totals += sample.predict(asked.user_index, asked.item_index)
        return sums, errors_in(self.validation_totals / n, asked.rating, self.scale)


def fit(
    data: Data,
    params: TrainParams,
    seed: int,
    scale: tuple[float, float],
    validation: Ratings | None = None,
    on_epoch: Callable[[Fit], None] = lambda fit: None,
    so_far: Fit | None = None,
) -> Fit:
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
        so_far = Fit(model, model)
    mean = Mean(data, validation, scale)
    for sample in so_far.samples:
        mean.add(sample)
    sse = als.squared_errors(so_far.last, data.by_user, scale)[0]
    while len(so_far.epochs) < params.n_epochs:
        so_far, sse = _next_sweep(so_far, data, params, seed, sse, mean)
        on_epoch(so_far)
    return replace(so_far, model=mean_of(so_far.samples))


def _next_sweep(
    so_far: Fit, data: Data, params: TrainParams, seed: int, sse: float, mean: Mean
) -> tuple[Fit, float]:
    """One epoch more, and the squared errors of its draw."""
    number, samples = len(so_far.epochs) + 1, so_far.samples
    last, penalty = sweep(so_far.last, data, params, number, seed, sse)
    kept = number - params.gibbs.burn_in
    if kept > 0 and kept % params.gibbs.thin == 0:
        samples = (*samples, last)
        sums, errors = mean.add(last)
    else:
        sums, errors = mean.errors(last)
    train_rmse = float((sums[1] / len(data.by_user.values)) ** 0.5)
    if samples and samples is so_far.samples:  # the mean is what it was
        train_rmse, errors = so_far.epochs[-1].train_rmse, so_far.validation
    noise_precision = float(last.sample_noise_precision[0])
    density = 0.5 * noise_precision * (sums[0] + penalty)
    rmse = errors.rmse if errors else None
    epoch = Epoch(number, density, train_rmse, rmse, noise_precision)
    return Fit(last, last, (*so_far.epochs, epoch), number, errors, samples), sums[0]
