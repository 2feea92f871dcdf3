"""Gibbs sampling: the row solve of ALS, sampling from the posterior instead of taking its mean.

    r ~ N(r̂, 1/λ)      row ~ N(μ + X W, Λ⁻¹)      W ~ N(0, (ρ Λ)⁻¹)      λ ~ Gamma

A row is its factors and bias. Each side has its own μ and Λ, with a Normal–Wishart prior.
X W are the means by features (features.py). W takes its scale from Λ, but Λ is drawn from the rows
alone: a cut (Plummer, "Cuts in Bayesian graphical models", Statistics and Computing 2015). With
thousands of features, most of them rare, W would otherwise decide on Λ.

Predictions are averaged over samples, never factors.
Salakhutdinov & Mnih, "Bayesian probabilistic matrix factorization using MCMC" (ICML 2008),
section 3; the features' weights as in Simm et al., "Macau" (MLSP 2017), section 3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from movierec.core import random_streams
from movierec.core.params import TrainParams
from movierec.data.rating_arrays import Array
from movierec.model.biased_mf import Model
from movierec.model.features import MAX_STEPS, FeatureMatrix
from movierec.model.solver import Prior
from movierec.training import als, row_ops
from movierec.training.als import RatingEpoch, RatingState, RatingTrainer
from movierec.training.row_ops import Draw, Noise, RowBlock
from movierec.training.training_data import M, SampleMean, TrainingData

MEAN_WEIGHT = 2.0  # β₀: the weight of μ's prior mean 0, in rows
# The prior's guess of a row's expected squared length, with d degrees of freedom; factors in stars,
# the bias in squared stars.
ROW_SIZE = 0.1
GAMMA = 0.5  # shape and rate of the Gamma prior of λ, the rate in squared stars
# The ridge of the initial ALS epochs, relative to params. With the full ridge, some factors start
# near 0, and the sampled prior then holds them there for many sweeps.
START_SHARE = 0.25
WEIGHT_TOLERANCE = 1e-2  # of conjugate gradients
# The fewest samples, and what their second half must bring, in units of min_improvement.
MIN_SAMPLES, MIN_GAIN = 20, 80
REFIT_BURN_IN = 5  # sweeps, from the last one of the search
FACTOR_PRECISIONS = ("factor_precision", "factor_precision_per_rating")


def draw_hyper(
    n_rows: int,
    mean: Array,
    spread: Array,
    star: float,
    rng: np.random.Generator,
    is_centred: bool = False,
) -> tuple[Array, Array]:
    """Sample μ (d,) and Λ (d, d) from their Normal–Wishart posterior, given the rows minus X W.

    n_rows, mean (d,), spread (d, d): the number of these rows, their mean, and their
    Σ (row − mean)(row − mean)ᵀ. star: the unit of the prior. is_centred: whether μ is 0.
    """
    d = len(mean)
    weight, freedom = MEAN_WEIGHT + n_rows, d + n_rows
    shrunk = n_rows if is_centred else MEAN_WEIGHT * n_rows / weight
    spread = spread + ROW_SIZE * np.diag([*[star] * (d - 1), star**2])
    spread += shrunk * np.outer(mean, mean)
    precision = draw_wishart(np.linalg.inv(spread), freedom, rng)
    if is_centred:
        return np.zeros(d), precision
    root = np.linalg.cholesky(weight * precision)
    shift = np.linalg.solve(root.T, rng.standard_normal(d))
    return n_rows / weight * mean + shift, precision


def draw_wishart(scale: Array, freedom: int, rng: np.random.Generator) -> Array:
    """Sample from the Wishart distribution with mean freedom · scale, after Bartlett (1933)."""
    d = len(scale)
    lower = np.tril(rng.standard_normal((d, d)), -1)
    lower[np.diag_indices(d)] = np.sqrt(rng.chisquare(freedom - np.arange(d)))
    root = np.linalg.cholesky(scale) @ lower
    return np.asarray(root @ root.T)


def draw_weights(
    model: M,
    data: TrainingData[M],
    side: str,
    features: FeatureMatrix,
    mean: Array,
    precision: Array,
    ridge: float,
    noise: Callable[[str], Noise],
) -> Array:
    """Sample W given the rows minus μ: a ridge solve with noise added to its right-hand side.

    The solution of the perturbed system is a sample from the posterior (Macau, equation 7).
    noise: returns the noise for a purpose, by name.
    """
    start, d = model.weights(side), len(mean)
    root, dtype = np.linalg.cholesky(np.linalg.inv(precision)), start.dtype
    perturb = partial(row_ops.perturbed, mean.astype(dtype), noise("of_rows"), root)
    weights = RowBlock(0, np.zeros(len(start)))
    prior_noise = row_ops.perturbed(
        np.zeros(d, dtype), noise("of_weights"), root, weights, 0 * start
    )
    rhs = data.sum_features(model, side, perturb) + dtype.type(ridge**0.5) * prior_noise
    ones, zeros = np.ones(d), np.zeros(d)
    how = MAX_STEPS, WEIGHT_TOLERANCE
    return features.solve(rhs, ones, zeros, data.counts(side), ridge * ones, start, *how)


def draw_side(
    model: M,
    data: TrainingData[M],
    side: str,
    name: str,
    ridge: float,
    star: float,
    noise_precision: float,
    seed: int,
) -> tuple[M, Array, Array, float]:
    """Sample one side's μ and Λ, then its features' weights, then its rows.

    name: prefix of the random streams. Returns the model, μ, Λ and the penalty of the new rows.
    """
    features, rng = data.features(side), random_streams.stream(seed, f"{name}/hyper")
    n_rows, dtype = len(data.counts(side)), model.dtype

    def noise(purpose: str) -> Noise:
        return Noise(seed, f"{name}/{purpose}")

    centre = data.sum_rows(model, side, row_ops.deviation_sum) / n_rows
    spread = data.sum_rows(model, side, partial(row_ops.scatter, centre))
    # Days have mean 0, so that an average one has no effect.
    mean, precision = draw_hyper(n_rows, centre, spread, star, rng, is_centred=side == "day")
    if features:
        weights = draw_weights(model, data, side, features, mean, precision, ridge, noise)
        model = model.changed(side, weights=weights)
    prior, shift = Prior(precision / noise_precision, np.zeros(len(mean))), mean.astype(dtype)
    draw = Draw(shift, Noise(seed, f"{name}/rows", noise_precision**0.5))
    model = data.solve(model, side, prior, draw)
    penalty = data.sum_rows(model, side, partial(row_ops.penalty, prior, shift))
    return model, mean, precision, float(penalty)


def sweep(
    model: M,
    data: TrainingData[M],
    params: TrainParams,
    star: float,
    number: int,
    seed: int,
    squared_error: float,
) -> tuple[M, float]:
    """Sample λ, then both sides; returns the model and the sum of penalties, for the density.

    squared_error: of `model` on the training ratings. The new model contains λ and the users'
    prior. Each random stream is named by the sweep, the side and the purpose.
    """
    rng, n_ratings = random_streams.stream(seed, f"gibbs/{number}/noise"), data.n_ratings
    rate = GAMMA * star**2 + squared_error / 2
    noise_precision = float(rng.gamma(GAMMA + n_ratings / 2, 1 / rate))
    penalty, priors = 0.0, {}
    for side in data.sides:
        how = params.gibbs_feature_ridge, star, noise_precision, seed
        model, *prior, more = draw_side(model, data, side, f"gibbs/{number}/{side}", *how)
        priors[side], penalty = prior, penalty + more
    mean, precision = priors["user"]
    model = replace(
        model,
        sample_user_mean=mean[None],
        sample_user_precision=precision[None] / noise_precision,
        sample_noise_precision=np.array([noise_precision]),
    )
    return model, penalty


def has_converged(rmses: Sequence[float], min_improvement: float) -> bool:
    """Whether more samples would hardly lower the validation RMSE of their mean.

    rmses: after each sample so far. The noise of a mean of n samples adds c / n to its RMSE. So the
    second half of the samples lowered it by c / n, and so would all later ones together.
    """
    n = len(rmses)
    return n >= MIN_SAMPLES and rmses[n // 2 - 1] - rmses[-1] < MIN_GAIN * min_improvement


@dataclass
class GibbsTrainer(RatingTrainer[M]):
    """Stores params.gibbs.samples samples, after start_epochs of ALS and burn_in sweeps.

    An epoch is a sweep. Its RMSEs are those of the mean of the samples so far, and before the first
    sample those of the latest sweep. The last epoch is the best; it stops earlier if the mean has
    converged. A refit continues from the last sweep, and stores as many samples.
    """

    mean: SampleMean = field(default_factory=SampleMean)
    squared_error: float = 0.0  # of the latest sweep on the training ratings
    converged: bool = False

    @property
    def patience(self) -> int:
        return 0 if self.converged else self.max_epochs

    def initial_model(self) -> M:
        if self.start:
            return self.data.restart(self.start)
        model, params = super().initial_model(), self.params
        ridge = {name: START_SHARE * getattr(params, name) for name in FACTOR_PRECISIONS}
        for _ in range(params.gibbs.start_epochs):
            model = als.run_epoch(model, self.data, params.model_copy(update=ridge))
        return model

    def prepare(self, state: RatingState[M]) -> None:
        for sample, epoch in zip(state.samples, self._sampled, strict=False):
            self.mean.n_samples += 1
            self.data.error_sums(sample, self.scale, "train", self.mean)
            judged = self.judged(sample, epoch)
            self.data.judge.validation_errors(judged, self.scale, self.mean)
        self.squared_error = self.data.error_sums(state.last, self.scale)[0]
        self.converged = self._has_converged(state.epochs)

    def next_epoch(self, state: RatingState[M]) -> RatingState[M]:
        data, number, samples = self.data, len(state.epochs) + 1, state.samples
        how = self.params, self.scale.star, number, self.seed, self.squared_error
        last, penalty = sweep(state.last, data, *how)
        after_burn_in = number - self.params.gibbs.burn_in
        mean = None
        if after_burn_in > 0 and after_burn_in % self.params.gibbs.thin == 0:
            samples, mean = (*samples, last.changed("item", weights=np.zeros((0, 0)))), self.mean
            mean.n_samples += 1
        sums = data.error_sums(last, self.scale, "train", mean)
        train_rmse = float((sums[1] / data.n_ratings) ** 0.5)
        errors = data.judge.validation_errors(self.judged(last, number), self.scale, mean)
        if samples and not mean:  # the mean has not changed
            train_rmse, errors = state.epochs[-1].train_rmse, state.validation
        self.squared_error = sums[0]
        noise_precision = float(last.sample_noise_precision[0])
        density = 0.5 * noise_precision * (sums[0] + penalty)
        rmse = errors.rmse if errors else None
        epoch = RatingEpoch(number, density, train_rmse, rmse, noise_precision)
        epochs = (*state.epochs, epoch)
        self.converged = self._has_converged(epochs)
        return RatingState[M](last, last, epochs, number, errors, samples)

    def _has_converged(self, epochs: Sequence[RatingEpoch]) -> bool:
        sampled = [epochs[number - 1] for number in self._sampled if number <= len(epochs)]
        rmses = [epoch.validation_rmse for epoch in sampled if epoch.validation_rmse is not None]
        return has_converged(rmses, self.params.min_improvement)

    def refit(self, settings: Any, state: RatingState[M]) -> tuple[Any, Model | None]:
        burn_in, n_samples = min(settings.gibbs.burn_in, REFIT_BURN_IN), len(state.samples)
        changes = {"burn_in": burn_in, "samples": max(1, n_samples)}
        settings = settings.model_copy(update={"gibbs": settings.gibbs.model_copy(update=changes)})
        return settings, self.data.finish(state.last).copy()

    @property
    def _sampled(self) -> range:
        """The numbers of the sweeps whose samples are stored."""
        burn_in, thin = self.params.gibbs.burn_in, self.params.gibbs.thin
        return range(burn_in + thin, self.max_epochs + 1, thin)

    def fold_in(self, model: M, held_out: TrainingData[M], epoch: int) -> M:
        """Sample the rows from their posterior given the sample, as the sweep does."""
        noise_precision = float(model.sample_noise_precision[0])
        mean, precision = model.sample_user_mean[0], model.sample_user_precision[0]
        noise = Noise(self.seed, f"gibbs/{epoch}/held_out", noise_precision**0.5)
        draw = Draw(mean.astype(model.dtype), noise)
        return held_out.solve(model, "user", Prior(precision, np.zeros(len(mean))), draw)

    def finish(self, state: RatingState[M]) -> RatingState[M]:
        return replace(state, model=self.data.mean_of(state.samples))

    def final_fold_in(self, state: RatingState[M], held_out: TrainingData[M]) -> Model:
        samples = zip(state.samples, self._sampled, strict=False)
        return held_out.mean_of(
            [self.fold_in(sample, held_out, epoch) for sample, epoch in samples]
        )
