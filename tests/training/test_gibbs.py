"""Gibbs sampling samples from the posterior: moments, and simulation-based calibration."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from movierec.core import random_streams
from movierec.core.params import GibbsParams
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Csr
from movierec.metrics.measures import errors_of
from movierec.model import model_file
from movierec.model.biased_mf import Model, mean_of
from movierec.model.features import Features
from movierec.model.solver import Prior, half_epoch
from movierec.model.third_side import DAY
from movierec.serving.folding_in import fold_in
from movierec.training import als, gibbs, rating_model
from movierec.training.in_memory import SIDES, InMemoryData
from movierec.training.row_ops import Noise
from tests.helpers.random_data import (
    MODEL_ARRAYS,
    SCALE,
    csr_of_counts,
    random_csrs,
    random_model,
    random_ratings,
    train_params,
)
from tests.helpers.threads import needs_two_threads, results_by_threads


def data_of(model, seed=0, **sizes):
    params = train_params(model=model)
    by_user, by_item = random_csrs(seed, **sizes)
    genres = csr_of_counts(seed, np.arange(by_item.n_rows) % 3, 4)
    return InMemoryData.from_params(by_user, by_item, params, genres)


def test_draws_of_a_row_have_its_mean_and_covariance():
    """20,000 users with equal ratings: their mean is the ALS step, their covariance (λ P)⁻¹."""
    n, noise_precision = 20_000, 2.5
    items, values = np.array([0, 2, 3, 6], np.int32), np.array([4, 1, 3.5, 5], np.float32)
    alike = Csr(np.arange(n + 1) * 4, np.tile(items, n), np.tile(values, n))
    one = Csr(np.array([0, 4]), items, values)
    model, prior = random_model(0, n_factors=2), Prior(np.diag([1, 2, 0.5]), np.zeros(3))
    prior.precision[0, 2] = prior.precision[2, 0] = 0.3
    fixed = model.item_factors, model.item_biases, model.global_mean
    prior_mean = np.array([[0.3, -0.2, 0.1]])
    mean = np.concatenate([x.ravel() for x in half_epoch(one, *fixed, prior, "user", prior_mean)])
    noise = np.random.default_rng(1).normal(size=(n, 3)) / noise_precision**0.5
    many = np.broadcast_to(prior_mean, (n, 3))
    drawn = np.column_stack(half_epoch(alike, *fixed, prior, "user", many, noise))
    features = np.column_stack((model.item_factors[items], np.ones(4)))
    covariance = np.linalg.inv(prior.precision + features.T @ features) / noise_precision
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=5 * covariance.max() ** 0.5 / n**0.5)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.04 * covariance.max())


def test_a_sweep_without_noise_is_the_epoch_of_als(monkeypatch):
    """With the prior of ALS and 0 for every normal number, rows are their conditional means."""
    params = train_params()
    data, model = data_of("mf"), random_model(3)
    prior = Prior(np.diag([0.7, 0.7, 0.7, 0.3]), np.zeros(4))
    monkeypatch.setattr(gibbs, "draw_hyper", lambda *_, **__: (np.zeros(4), prior.precision))
    monkeypatch.setattr(
        random_streams, "normals", lambda s, name, n, m, dtype, first: np.zeros((n, m))
    )
    drawn = model
    for side in SIDES:
        drawn, *_ = gibbs.draw_side(drawn, data, side, "x", 1.0, 1.0, params.rating_precision, 0)
    plain = train_params(factor_precision_per_rating=0, bias_precision_per_rating=0)
    expected = als.run_epoch(model, data, plain)
    for name, array in expected.arrays.items():
        np.testing.assert_allclose(drawn.arrays[name], array, atol=1e-12)


def test_wishart_draws_have_their_mean():
    scale = np.array([[1.0, 0.4], [0.4, 0.5]])
    draw = np.random.default_rng(0)
    drawn = [gibbs.draw_wishart(scale, 7, draw) for _ in range(4000)]
    np.testing.assert_allclose(np.mean(drawn, axis=0), 7 * scale, atol=0.2)


def test_weights_are_drawn_about_their_ridge_with_its_covariance():
    by_row = csr_of_counts(2, [1, 3, 2, 0, 3, 1], 3)
    features, ridge = Features(by_row, by_row.transpose(3)), 0.8
    nobody = csr_of_counts(0, [0] * 6, 1)
    precision = np.array([[2.0, 0.5], [0.5, 1.0]])
    rows, mean = np.random.default_rng(5).normal(size=(6, 2)), np.array([0.2, -0.3])
    model = Model(0.0, rows[:, :1], rows[:1, :1], rows[:, 1].copy(), rows[:1, 1].copy())
    model = model.changed("user", weights=np.zeros((3, 2)))
    data = InMemoryData(nobody, nobody.transpose(1), features)
    drawn = [
        gibbs.draw_weights(
            model, data, "user", features, mean, precision, ridge, partial(Noise, seed)
        )
        for seed in range(2000)
    ]
    rows = rows - mean
    x = features.means(np.eye(3))
    inverse = np.linalg.inv(x.T @ x + ridge * np.eye(3))
    np.testing.assert_allclose(np.mean(drawn, axis=0), inverse @ x.T @ rows, atol=0.1)
    covariance = np.cov(np.reshape(drawn, (2000, 6)).T)
    np.testing.assert_allclose(covariance, np.kron(inverse, np.linalg.inv(precision)), atol=0.16)


class World:
    """A small model drawn from the prior, and ratings drawn from it."""

    n_users, n_items, n_factors, ridge = 6, 5, 1, 2.0

    def __init__(self, seed, kind):
        self.draw = np.random.default_rng([7, seed])
        pairs = np.sort(self.draw.choice(30, 22, replace=False))
        by_user = random_ratings(0, 6, 5, 1).take(np.zeros(22, np.int64))
        by_user = replace(
            by_user,
            user_index=(pairs // 5).astype(np.int32),
            item_index=(pairs % 5).astype(np.int32),
        ).by_user(6)
        genres = csr_of_counts(1, [1, 2, 0, 1, 2], 3)
        model = "mf" if kind == "days" else kind
        params = train_params(model=model, n_factors=1, gibbs_feature_ridge=self.ridge)
        self.params = params = params.model_copy(update={"days": kind == "days"})
        self.timestamp = (1 + np.arange(22) % 4) * DAY
        sides = by_user, by_user.transpose(5), params, genres
        self.data = InMemoryData.from_params(*sides, timestamp=self.timestamp)
        self.model = als.initial_model(self.data, params, 0)
        self.noise_precision = self.draw.gamma(gibbs.GAMMA, 1 / gibbs.GAMMA)
        self.precision = {}
        for side in self.data.sides:
            self._draw_side(side)
        self._draw_ratings(by_user)

    def _draw_side(self, side: str):
        features = self.data.features(side)
        d, normal = 2, self.draw.standard_normal
        precision = gibbs.draw_wishart(np.eye(d) / gibbs.ROW_SIZE, d, self.draw)
        root = np.linalg.cholesky(np.linalg.inv(precision))
        mean = root @ normal(d) / gibbs.MEAN_WEIGHT**0.5 * (side != "day")
        rows = mean + normal((len(self.data.counts(side)), d)) @ root.T
        if features:
            weights = normal((features.n_features, d)) @ root.T / self.ridge**0.5
            rows += features.means(weights)
            self.model = self.model.changed(side, weights=weights)
        self.precision[side] = precision
        self.model = self.model.changed(side, factors=rows[:, :1].copy(), biases=rows[:, 1].copy())

    def _draw_ratings(self, by_user):
        exact = self.model.predict(by_user.row_index, by_user.indices, self.timestamp)
        noise = self.draw.standard_normal(22) / self.noise_precision**0.5
        by_user = Csr(by_user.indptr, by_user.indices, exact + noise)
        self.data = replace(self.data, by_user=by_user, by_item=by_user.transpose(5))
        if days := self.data.days:
            self.data = replace(self.data, days=replace(days, ratings=by_user))

    def facts(self, model, noise_precision):
        """The quantities that are ranked: they depend on the ratings and mix fast."""
        users, items = (x.ravel().astype(np.int32) for x in np.indices((6, 5)))
        predicted = model.predict(users, items, np.resize(self.timestamp, 30))
        return [noise_precision, predicted[1], predicted[19], predicted.mean(), predicted.std()]


@pytest.mark.parametrize("kind", ["mf", "genre_mf", "svdpp", "days"])
def test_simulation_based_calibration(kind, monkeypatch):
    """Where a truth drawn from the prior ranks among posterior draws must be uniform.

    Talts et al., "Validating Bayesian inference algorithms with simulation-based calibration"
    (2018), with priors that are tighter than the pipeline's. Noise of the rows that is 15 % too
    large fails with p < 1e-7.
    """
    monkeypatch.setattr(gibbs, "GAMMA", 4.0)
    monkeypatch.setattr(gibbs, "ROW_SIZE", 0.2)
    n_worlds, burn_in, n_draws, thin = 60, 40, 9, 10 if kind == "days" else 4  # days mix slowly
    ranks = []
    for seed in range(n_worlds):
        world = World(seed, kind)
        truth = np.array(world.facts(world.model, world.noise_precision))
        model, below = als.initial_model(world.data, world.params, 0), np.zeros(len(truth), int)
        for number in range(1, burn_in + n_draws * thin + 1):
            sse = world.data.error_sums(model, SCALE)[0]
            model, _ = gibbs.sweep(model, world.data, world.params, 1.0, number, seed, sse)
            if number > burn_in and (number - burn_in) % thin == 0:
                below += np.array(world.facts(model, model.sample_noise_precision[0])) < truth
        ranks.append(below)
    for fact, of_fact in enumerate(np.transpose(ranks)):
        counts = np.bincount(of_fact, minlength=n_draws + 1)
        expected = n_worlds / (n_draws + 1)
        chi_squared = ((counts - expected) ** 2 / expected).sum()
        assert chi_squared < 27.9, (fact, counts)  # p = 0.001 of 9 degrees of freedom


@pytest.mark.parametrize("kind", ["mf", "genre_mf", "svdpp"])
def test_the_model_is_the_mean_of_its_samples(kind):
    data, params = data_of(kind), train_params(model=kind, method="gibbs")
    lasts = []
    fit = rating_model.fit(data, params, 0, SCALE, on_epoch=lambda fit: lasts.append(fit.last))
    kept = lasts[params.gibbs.burn_in :][params.gibbs.thin - 1 :: params.gibbs.thin]
    users, items = (x.ravel().astype(np.int32) for x in np.indices((9, 7)))
    each = np.array([last.predict(users, items) for last in kept])
    assert fit.model.n_samples == len(kept) == params.gibbs.samples
    np.testing.assert_allclose(fit.model.predict(users, items), each.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(
        fit.model.deviation(users, items), each.std(axis=0, ddof=1), atol=1e-12
    )
    for number, last in enumerate(kept):
        sample = fit.model.sample(number)
        np.testing.assert_allclose(sample.predict(users, items), each[number], atol=1e-12)
        np.testing.assert_allclose(sample.user_weights, last.user_weights, atol=1e-12)


def test_a_model_of_als_has_no_deviation():
    model = random_model(0)
    assert model.n_samples == 1
    assert model.sample(0) is model
    assert np.isnan(model.deviation(np.array([0], np.int32), np.array([1], np.int32))).all()


def test_the_errors_of_an_epoch_are_of_the_mean_of_the_samples_so_far():
    data, params = data_of("genre_mf"), train_params(model="genre_mf", method="gibbs")
    validation, seen = random_ratings(8, n_ratings=12), []
    fit = rating_model.fit(replace(data, validation=validation), params, 0, SCALE, seen.append)
    for so_far in seen:
        model = mean_of(so_far.samples) if so_far.samples else so_far.last
        epoch, sums = so_far.epochs[-1], data.error_sums(model, SCALE)
        assert epoch.train_rmse == pytest.approx((sums[1] / len(data.by_user.values)) ** 0.5)
        assert vars(so_far.validation) == pytest.approx(
            vars(errors_of(model, validation, SCALE)), rel=1e-12
        )
        assert epoch.validation_rmse == so_far.validation.rmse
    assert len({epoch.validation_rmse for epoch in fit.epochs[params.gibbs.burn_in :]}) == 5


def test_sampling_goes_on_to_the_same_bits():
    data, params = data_of("svdpp"), train_params(model="svdpp", method="gibbs")
    seen = []
    whole = rating_model.fit(data, params, 0, SCALE, on_epoch=seen.append)
    for so_far in seen[:-1]:
        fit = rating_model.fit(data, params, 0, SCALE, state=so_far)
        assert fit.epochs == whole.epochs
        for name, array in whole.model.arrays.items():
            np.testing.assert_array_equal(fit.model.arrays[name], array)


@needs_two_threads
def test_the_bits_do_not_depend_on_the_threads():
    data = data_of("svdpp", n_users=300, n_items=80, n_ratings=6000)
    params = train_params(model="svdpp", method="gibbs", dtype="float32")
    one, two = results_by_threads(lambda: rating_model.fit(data, params, 0, SCALE).model.arrays)
    for name, array in one.items():
        np.testing.assert_array_equal(two[name], array)


def test_the_seed_alone_decides_the_draws():
    data, params = data_of("mf"), train_params(method="gibbs")
    one, same, other = (rating_model.fit(data, params, seed, SCALE).model for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.user_factors, same.user_factors)
    assert not np.allclose(one.user_factors, other.user_factors)


@pytest.mark.parametrize("kind", ["mf", "genre_mf", "svdpp"])
def test_a_new_person_is_folded_into_each_sample(kind):
    """The mean prediction is that of one solve per sample, with the sample's prior."""
    data, params = data_of(kind), train_params(model=kind, method="gibbs")
    model = rating_model.fit(data, params, 0, SCALE).model
    items, ratings = np.array([4, 1, 5], np.int32), np.array([5, 2, 3.5])
    folded = fold_in(model, items, ratings, params)
    predictions = []
    for number in range(model.n_samples):
        one, mean = model.sample(number), model.sample_user_mean[number].copy()
        if one.user_weights.size:
            mean += one.user_weights[items].sum(axis=0) / np.sqrt(3)
        features = np.column_stack((one.item_factors[items], np.ones(3)))
        residuals = ratings - one.global_mean - one.item_biases[items] - features @ mean
        precision = model.sample_user_precision[number] + features.T @ features
        row = mean + np.linalg.solve(precision, features.T @ residuals)
        predictions.append(
            one.global_mean + row[-1] + one.item_biases + one.item_factors @ row[:-1]
        )
    np.testing.assert_allclose(folded.scores, np.mean(predictions, axis=0), atol=1e-10)


def test_a_mean_of_samples_is_saved_and_read_whole(tmp_path):
    data, params = data_of("svdpp"), train_params(model="svdpp", method="gibbs")
    model = rating_model.fit(data, params, 0, SCALE).model
    model_file.write_model(tmp_path / "model.safetensors", model)
    again = model_file.read_model(tmp_path / "model.safetensors")
    assert set(again.arrays) == set(model.arrays) >= {"user_weights", "sample_user_precision"}
    for name, array in model.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)


def test_sampling_fits_better_than_its_noise_and_reports_it():
    """With ratings whose noise has precision 4, λ is near 4."""
    truth, rng = random_model(9, 60, 40, 2), np.random.default_rng(9)
    ratings = random_ratings(9, 60, 40, 1800)
    exact = truth.predict(ratings.user_index, ratings.item_index)
    noisy = (exact + rng.normal(0, 0.5, len(exact))).astype(np.float32)
    by_user = replace(ratings, rating=noisy).by_user(60)
    changes = GibbsParams(start_epochs=5, burn_in=20, samples=40, thin=1)
    params = train_params(method="gibbs", n_factors=2, gibbs=changes)
    fit = rating_model.fit(InMemoryData(by_user, by_user.transpose(40)), params, 0, Scale(-9, 9))
    assert fit.model.sample_noise_precision.mean() == pytest.approx(4, rel=0.15)
    drawn = [epoch.noise_precision for epoch in fit.epochs]
    assert drawn[20:] == fit.model.sample_noise_precision.tolist()
    users, items = (x.ravel().astype(np.int32) for x in np.indices((60, 40)))
    errors = fit.model.predict(users, items) - truth.predict(users, items)
    spread = fit.model.deviation(users, items)
    assert 0.85 < np.mean(abs(errors) < 1.96 * spread) < 0.99


def test_every_array_belongs_to_the_model():
    assert set(random_model(0).arrays) == set(MODEL_ARRAYS)
