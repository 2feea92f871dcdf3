"""Alternating least squares: half epochs are exact minima; training follows its params."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.data.rating_arrays import Csr, indptr_from_counts
from movierec.kernels.tiles import TILE
from movierec.model.solver import RUNS, Prior, half_epoch
from movierec.serving.folding_in import fold_in
from movierec.training import als, rating_model
from movierec.training.in_memory import SIDES, InMemoryData
from movierec.training.row_ops import OTHER_SIDE
from tests.helpers import reference_kernels
from tests.helpers.random_data import (
    SCALE,
    csr_of_counts,
    random_csrs,
    random_model,
    random_ratings,
    train_params,
)
from tests.helpers.threads import needs_two_threads, results_by_threads

ROWS = ("user_factors", "user_biases", "item_factors", "item_biases")
SEEDS = st.integers(0, 1000)
PRECISIONS = st.floats(0.01, 20)
PARAMS = st.builds(
    train_params,
    n_factors=st.integers(0, 4),
    rating_precision=PRECISIONS,
    factor_precision=PRECISIONS,
    factor_precision_per_rating=st.floats(0, 2),
    bias_precision=PRECISIONS,
    bias_precision_per_rating=st.floats(0, 2),
)


def solve(model, side, csr, params):
    """The model after a half epoch."""
    prior, fixed = Prior.from_params(params, model.n_factors), model.rows(OTHER_SIDE[side])
    factors, biases = half_epoch(csr, *fixed, model.global_mean, prior, side)
    return model.changed(side, factors=factors, biases=biases)


def train(csrs, params=None, seed=0, **more):
    """What training on these ratings by user and by item gives."""
    return rating_model.fit(InMemoryData(*csrs), params or train_params(), seed, SCALE, **more)


def moved(model, step, names=ROWS):
    """The model with a step (one array a name) added to some of its arrays."""
    return replace(model, **{name: getattr(model, name) + step[name] for name in names})


def assert_same(one, other, **tolerance):
    for name in ROWS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), **tolerance)


# --- one half epoch


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_factors", [0, 1, TILE - 1, TILE, TILE + 1, 40])
def test_half_epoch_solves_the_normal_equations(n_factors, dtype):
    """With precisions in units of λ, and rows with no, one and many ratings."""
    model = random_model(1, n_items=300, n_factors=n_factors, dtype=dtype)
    by_user = csr_of_counts(2, [0, 1, 2, 300, 40, 0], 300)
    params = train_params(n_factors=n_factors, dtype=dtype)
    solved = solve(model, "user", by_user, params)
    precision = np.append(np.full(n_factors, params.factor_precision), params.bias_precision)
    per_rating = np.append(
        np.full(n_factors, params.factor_precision_per_rating), params.bias_precision_per_rating
    )
    expected = reference_kernels.solve_rows(
        by_user,
        model.item_factors,
        model.item_biases,
        model.global_mean,
        np.diag(precision) / params.rating_precision,
        per_rating / params.rating_precision,
        np.zeros(n_factors + 1),
    )
    rows = np.column_stack((solved.user_factors, solved.user_biases))
    assert rows.dtype == dtype
    np.testing.assert_allclose(rows, expected, atol=1e-3 if dtype == "float32" else 1e-10)


def test_more_rows_than_runs():
    """Rows of very different cost are all solved, for any division into runs."""
    counts = np.where(np.arange(RUNS * 3) % 500 == 7, 30, np.arange(RUNS * 3) % 2)
    by_user = csr_of_counts(3, counts, 30)
    model, params = random_model(4, n_items=30, n_factors=0), train_params(n_factors=0)
    residuals = by_user.values - model.global_mean - model.item_biases[by_user.indices]
    sums = np.bincount(by_user.row_index, residuals, minlength=len(counts))
    ridge = params.bias_precision + params.bias_precision_per_rating * counts
    expected = sums / (counts + ridge / params.rating_precision)
    solved = solve(model, "user", by_user, params)
    np.testing.assert_allclose(solved.user_biases, expected, atol=1e-12)


@given(SEEDS, PARAMS)
def test_the_gradient_of_the_block_just_solved_is_zero(seed, params):
    """By central differences, which are exact because the objective is quadratic."""
    model = random_model(seed, 5, 4, params.n_factors)
    by_user, by_item = random_csrs(seed, 5, 4, 13)
    for side, csr, names in (
        ("user", by_user, ROWS[:2]),
        ("item", by_item, ROWS[2:]),
    ):
        model = solve(model, side, csr, params)
        value = reference_kernels.objective(model, by_user, by_item, params)
        for name in names:
            for place in np.ndindex(getattr(model, name).shape):
                step = np.zeros_like(getattr(model, name))
                step[place] = 0.5
                ahead, behind = (moved(model, {name: sign * step}, [name]) for sign in (1, -1))
                rise = reference_kernels.objective(ahead, by_user, by_item, params)
                rise -= reference_kernels.objective(behind, by_user, by_item, params)
                assert abs(rise) < 1e-9 * max(1, value)


@given(SEEDS, PARAMS)
def test_the_objective_never_rises_over_a_half_epoch(seed, params):
    model = random_model(seed, n_factors=params.n_factors)
    by_user, by_item = random_csrs(seed)
    value = reference_kernels.objective(model, by_user, by_item, params)
    for side, csr in (("user", by_user), ("item", by_item)) * 3:
        model = solve(model, side, csr, params)
        before, value = value, reference_kernels.objective(model, by_user, by_item, params)
        assert value <= before * (1 + 1e-12)


@pytest.mark.parametrize("n_factors", [0, 8, TILE + 1])
def test_each_half_epoch_of_float32_comes_to_the_objective_of_float64(n_factors):
    """The reference solves row by row in NumPy; each continues from its own result."""
    by_user, by_item = random_csrs(19, 60, 40, 1500)
    params = train_params(n_factors=n_factors, dtype="float32")
    reference = als.initial_model(InMemoryData(by_user, by_item), params, 0)
    fast, data = reference, InMemoryData(by_user, by_item)
    prior = Prior.from_params(params, n_factors)
    for side in SIDES * 4:
        rows = reference_kernels.solve_rows(
            data.ratings(side),
            *reference.rows(OTHER_SIDE[side]),
            reference.global_mean,
            prior.precision,
            prior.per_rating,
            np.zeros(n_factors + 1),
        )
        reference = reference.changed(side, factors=rows[:, :-1], biases=rows[:, -1])
        fast = data.solve(fast, side, prior)
        assert fast.rows(side)[0].dtype == np.float32
        exact = reference_kernels.objective(reference, by_user, by_item, params)
        assert reference_kernels.objective(fast, by_user, by_item, params) == pytest.approx(
            exact, rel=1e-5
        )


@pytest.mark.parametrize(("side", "names"), [("user", ROWS[:2]), ("item", ROWS[2:])])
def test_no_perturbation_of_the_block_just_solved_lowers_the_objective(side, names):
    """128 random steps, long and short, each raise the objective."""
    params, rng = train_params(), np.random.default_rng(0)
    by_user, by_item = random_csrs(5)
    model = solve(random_model(5), side, by_user if side == "user" else by_item, params)
    value = reference_kernels.objective(model, by_user, by_item, params)
    for k in range(128):
        size = 10.0 ** (-k % 4)
        step = {name: size * rng.normal(size=getattr(model, name).shape) for name in names}
        assert (
            reference_kernels.objective(moved(model, step, names), by_user, by_item, params) > value
        )


@given(SEEDS)
def test_permuting_users_permutes_their_rows(seed):
    """To the bit for users; nearly for items, whose sums have another order."""
    by_user, by_item = random_csrs(seed)
    order = np.random.default_rng(seed).permutation(9)
    model, params = random_model(seed), train_params()
    solved, permuted = (solve(model, "user", csr, params) for csr in (by_user, by_user.take(order)))
    np.testing.assert_array_equal(permuted.user_factors, solved.user_factors[order])
    np.testing.assert_array_equal(permuted.user_biases, solved.user_biases[order])
    items = solve(solved, "item", by_item, params)
    again = solve(permuted, "item", by_user.take(order).transpose(7), params)
    np.testing.assert_allclose(again.item_factors, items.item_factors, atol=1e-10)
    np.testing.assert_allclose(again.item_biases, items.item_biases, atol=1e-10)


@given(SEEDS)
def test_a_rating_given_twice_has_weight_two(seed):
    """Like one rating with twice the precision: its least-squares row times √2."""
    rng = np.random.default_rng(seed)
    n, doubled = 5, rng.integers(0, 5)
    model = random_model(seed)
    params = train_params(factor_precision_per_rating=0, bias_precision_per_rating=0)
    items = np.sort(rng.choice(7, n, replace=False))
    values = rng.normal(3, 1, n)
    again = np.sort(np.append(np.arange(n), doubled))
    twice = Csr(indptr_from_counts([n + 1]), items[again].astype(np.int32), values[again])
    solved = solve(model, "user", twice, params)
    weights = np.sqrt(1.0 + (np.arange(n) == doubled))
    features = np.column_stack((model.item_factors[items], np.ones(n))) * weights[:, None]
    targets = (values - model.global_mean - model.item_biases[items]) * weights
    ridge = np.array([params.factor_precision] * 3 + [params.bias_precision])
    root = np.diag(np.sqrt(ridge / params.rating_precision))
    expected = np.linalg.lstsq(np.vstack((features, root)), np.append(targets, np.zeros(4)))[0]
    row = np.append(solved.user_factors[0], solved.user_biases[0])
    np.testing.assert_allclose(row, expected, atol=1e-10)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # with the JIT off
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weak", ["factor_precision", "bias_precision"])
@pytest.mark.parametrize(
    ("side", "counts", "message"),
    [
        ("user", [7, 0, 7, 0], r"user_index 1 is not positive definite \(2 such users\)"),
        ("item", [9, 9, 0], "item_index 2 is not positive definite"),
    ],
)
def test_a_row_without_a_solution_is_named(side, counts, message, weak, dtype):
    """Without a prior, a row that has no ratings could be anything."""
    params = train_params(dtype=dtype, n_factors=2, **{weak: 0.0})
    model, csr = random_model(7, n_factors=2, dtype=dtype), csr_of_counts(0, counts, max(counts))
    with pytest.raises(MovierecError, match=message):
        solve(model, side, csr, params)


# --- fold-in


@given(SEEDS)
def test_fold_in_of_a_training_user_is_his_next_row(seed):
    """To the bit, for any order of their ratings."""
    by_user, by_item = random_csrs(seed)
    params = train_params()
    model = train((by_user, by_item), params, seed).model
    rows = solve(model, "user", by_user, params)
    for user in range(by_user.n_rows):
        places = np.arange(by_user.indptr[user], by_user.indptr[user + 1])
        places = np.random.default_rng(seed).permutation(places)
        ratings = by_user.indices[places], by_user.values[places]
        row = fold_in(model, *ratings, params).parts[0].row.mean
        np.testing.assert_array_equal(row[:-1], rows.user_factors[user])
        assert row[-1] == rows.user_biases[user]


def test_fold_in_of_a_training_user_is_his_row_once_training_has_converged():
    by_user, by_item = random_csrs(9, n_ratings=50)
    params = train_params(max_epochs=300)
    model = train((by_user, by_item), params).model
    places = slice(by_user.indptr[4], by_user.indptr[5])
    row = fold_in(model, by_user.indices[places], by_user.values[places], params).parts[0].row.mean
    np.testing.assert_allclose(row[:-1], model.user_factors[4], atol=1e-6)
    assert row[-1] == pytest.approx(model.user_biases[4], abs=1e-6)
    assert abs(model.user_factors[4]).max() > 0.01


def test_fold_in_without_ratings_is_the_prior_mean():
    folded = fold_in(random_model(10), np.zeros(0, np.int32), [], train_params())
    assert folded.parts[0].row.mean.tolist() == [0, 0, 0, 0]


# --- training


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_factors", [0, 2, TILE + 1])
def test_objective_and_train_rmse(n_factors, dtype):
    model = random_model(11, n_factors=n_factors, dtype=dtype)
    by_user, by_item = random_csrs(12)
    params = train_params(n_factors=n_factors, dtype=dtype)
    value, rmse = als.objective(model, InMemoryData(by_user, by_item), params, (3, 4))
    expected = reference_kernels.objective(model, by_user, by_item, params)
    clipped = reference_kernels.squared_errors_by_row(model, by_user, 3, 4)[:, 1].sum()
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    assert value == pytest.approx(expected, rel=tolerance)
    assert rmse == pytest.approx((clipped / 30) ** 0.5, rel=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_start(dtype):
    """Item factors of standard deviation init_scale / √n_factors; the users are solved first."""
    by_user, _ = random_csrs(13)
    data = InMemoryData(by_user, csr_of_counts(13, [0] * 2000, 9))
    model = als.initial_model(data, train_params(n_factors=4, init_scale=0.5, dtype=dtype), 1)
    assert model.item_factors.std() == pytest.approx(0.25, rel=0.03)
    assert abs(model.item_factors.mean()) < 4 * 0.25 / 8000**0.5
    assert model.global_mean == pytest.approx(np.mean(by_user.values.tolist()))
    for name in ("user_factors", "user_biases", "item_biases"):
        assert not getattr(model, name).any()
        assert getattr(model, name).dtype == model.item_factors.dtype == dtype


def test_training_lowers_the_objective_epoch_by_epoch():
    by_user, by_item = random_csrs(14, 30, 20, 300)
    params, seen = train_params(max_epochs=8), []
    fit = train((by_user, by_item), params, on_epoch=seen.append)
    values = [epoch.objective for epoch in fit.epochs]
    assert [so_far.epochs for so_far in seen] == [fit.epochs[:n] for n in range(1, 9)]
    assert [epoch.epoch for epoch in fit.epochs] == list(range(1, 9))
    assert all(after < before for before, after in itertools.pairwise(values))
    assert values[-1] == pytest.approx(
        reference_kernels.objective(fit.model, by_user, by_item, params)
    )
    assert all(epoch.validation_rmse is None for epoch in fit.epochs)
    assert (fit.best_epoch, fit.validation) == (8, None)


def test_the_seed_alone_decides_the_model():
    one, same, other = (train(random_csrs(15), seed=seed).model for seed in (0, 0, 1))
    assert_same(one, same, rtol=0)
    assert not np.allclose(one.item_factors, other.item_factors)


@given(SEEDS, st.floats(-3, 3))
def test_adding_to_all_ratings_moves_the_global_mean_alone(seed, constant):
    one, other = (
        train([replace(csr, values=csr.values.astype(float) + plus) for csr in random_csrs(seed)])
        for plus in (0, constant)
    )
    one, other = one.model, other.model
    assert other.global_mean == pytest.approx(one.global_mean + constant)
    assert_same(one, other, atol=1e-9)


@given(SEEDS, PARAMS, st.floats(0.01, 100))
def test_scaling_all_precisions_changes_nothing(seed, params, factor):
    """Except the objective, which scales with them."""
    precisions = {name: factor * x for name, x in vars(params).items() if "precision" in name}
    one, other = (train(random_csrs(seed), params.model_copy(update=x)) for x in ({}, precisions))
    assert_same(one.model, other.model, atol=1e-8)
    objectives = [fit.epochs[-1].objective for fit in (one, other)]
    assert objectives[1] == pytest.approx(factor * objectives[0])


@needs_two_threads
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bits_do_not_depend_on_the_threads(dtype):
    validation = random_ratings(17, 300, 80, 500)
    data = InMemoryData(*random_csrs(16, 300, 80, 6000), validation=validation)
    params = train_params(n_factors=TILE + 1, dtype=dtype)
    one, two = results_by_threads(lambda: rating_model.fit(data, params, 0, SCALE))
    assert_same(one.model, two.model, rtol=0)
    assert one.epochs == two.epochs


# --- bad input


def test_more_factors_than_the_data_allow():
    csrs = random_csrs(18)
    assert train(csrs, train_params(n_factors=7)).model.n_factors == 7
    message = "train.n_factors: 8 is too many for 9 users and 7 items; set it to at most 7"
    with pytest.raises(MovierecError, match=message):
        train(csrs, train_params(n_factors=8))


def test_nothing_to_train_on():
    with pytest.raises(MovierecError, match="no ratings to train on"):
        train(random_csrs(0, n_ratings=0))
