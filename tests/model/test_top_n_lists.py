"""Top-n lists and similar items, compared with a full sort."""

from dataclasses import replace

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from movierec.data.rating_arrays import Csr
from movierec.kernels.scoring import PANEL
from movierec.kernels.tiles import TILE
from movierec.model import top_n_lists
from movierec.model.biased_mf import Model
from tests.helpers import reference_kernels
from tests.helpers.random_data import csr_of_counts, random_csrs, random_model


def model_with_ties(seed, n_users, n_items, n_factors=2):
    """A model of few distinct integers: predictions are exact, with many ties."""
    rng = np.random.default_rng(seed)
    shapes = (n_users, n_factors), (n_items, n_factors), n_users, n_items
    return Model(3.0, *(rng.integers(-2, 3, shape).astype(np.float32) for shape in shapes))


def predictions(model, lists):
    """The prediction of each place of the lists, −inf where there is none."""
    rows = [
        [reference_kernels.predict(model, user, item) for item in row]
        for user, row in enumerate(lists)
    ]
    return np.where(lists >= 0, np.array(rows), -np.inf)


@given(st.integers(0, 1000), st.integers(1, 12), st.integers(0, 63), st.sampled_from([0, 0.8, 1]))
@example(1, 7, 0, 0.8)
@example(2, 3, 63, 1)  # everything seen
@example(3, 3, 10, 0)  # nothing eligible
def test_top_n_against_a_full_sort(seed, n, n_seen, share):
    """Ties go to the lower index; seen items are left out; −1 past the end of a list."""
    model = model_with_ties(seed, 9, 7)
    seen, _ = random_csrs(seed + 1, 9, 7, n_seen)
    eligible = np.random.default_rng(seed).random(7) < share
    items, ratings = top_n_lists.top_n(model, seen, n, eligible)
    expected = reference_kernels.top_n(model, seen, n, eligible)
    assert items.dtype == np.int32
    np.testing.assert_array_equal(items, expected)
    np.testing.assert_array_equal(ratings, predictions(model, expected))


@pytest.mark.parametrize("n_items", [TILE, PANEL, PANEL + 1])
@pytest.mark.parametrize("n_users", [1, TILE, TILE + 1])
def test_top_n_where_tiles_and_panels_end(n_users, n_items):
    model = model_with_ties(n_users, n_users, n_items)
    seen = csr_of_counts(n_items, np.arange(n_users) % TILE, n_items)
    items, ratings = top_n_lists.top_n(model, seen, 5)
    expected = reference_kernels.top_n(model, seen, 5, np.ones(n_items, bool))
    np.testing.assert_array_equal(items, expected)
    np.testing.assert_array_equal(ratings, predictions(model, expected))


@pytest.mark.parametrize("n_factors", [0, TILE + 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_top_n_of_real_numbers(dtype, n_factors):
    model = random_model(4, 20, 60, n_factors, dtype)
    seen, _ = random_csrs(5, 20, 60, 400)
    items, ratings = top_n_lists.top_n(model, seen, 60)
    expected = reference_kernels.top_n(model, seen, 60, np.ones(60, bool))
    np.testing.assert_array_equal(items, expected)
    assert ratings.dtype == dtype
    np.testing.assert_allclose(ratings, predictions(model, expected), rtol=1e-5)


def test_some_users_get_the_same_lists_as_among_all():
    model = random_model(9, 40, 30)
    seen, _ = random_csrs(10, 40, 30, 300)
    users = np.array([39, 3, 17, 3])
    all_items, all_ratings = top_n_lists.top_n(model, seen, 6)
    items, ratings = top_n_lists.top_n(model, seen.take(users), 6, user_index=users)
    np.testing.assert_array_equal(items, all_items[users])
    np.testing.assert_array_equal(ratings, all_ratings[users])


@pytest.mark.skipif(
    numba.config.DISABLE_JIT or numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads"
)
def test_the_bits_do_not_depend_on_the_threads():
    model = random_model(11, 200, 90, 7, "float32")
    seen, _ = random_csrs(12, 200, 90, 5000)
    results = []
    for n_threads in (1, 2):
        numba.set_num_threads(n_threads)
        results.append(top_n_lists.top_n(model, seen, 10))
    numba.set_num_threads(1)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


@given(
    seed=st.integers(0, 2**32 - 1),
    n_factors=st.sampled_from([1, 5, 17, 40]),
    decay=st.sampled_from([0.0, 0.1, 1.0]),
    share=st.sampled_from([0.05, 0.5, 1.0]),
)
@settings(max_examples=12, deadline=None)
def test_bounds_and_a_rotation_change_no_list(seed, n_factors, decay, share):
    """Items of falling length, as popular ones come first, of which some are not eligible."""
    rng, (n_users, n_items) = np.random.default_rng(seed), (20, 530)
    model = random_model(seed, n_users, n_items, n_factors, "float64")
    lengths = np.exp(-decay * np.arange(n_items))[:, None]
    model = replace(model, item_factors=model.item_factors * lengths)
    eligible = rng.random(n_items) < share
    eligible[:10] = True
    by_user, _ = random_csrs(seed, n_users, n_items, 500)
    every = np.where(eligible, model.predict_all(np.arange(n_users)), -np.inf)
    every[by_user.row_index, by_user.indices] = -np.inf
    expected = np.argsort(-every, axis=1, kind="stable")[:, :10]
    best = np.take_along_axis(every, expected, axis=1)
    for rotate in (False, True):
        items, scores = top_n_lists.top_n(model, by_user, 10, eligible, rotate=rotate)
        np.testing.assert_array_equal(items, np.where(np.isneginf(best), -1, expected))
        np.testing.assert_allclose(scores, best, rtol=1e-9, atol=1e-9)


def test_bounds_skip_what_cannot_enter_a_list():
    """Most of the work for items of falling length in few directions, none if all are alike."""
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((4, 64)).astype(np.float32)
    users, items = (rng.standard_normal((n, 4)).astype(np.float32) @ shared for n in (64, 4096))
    zeros = np.zeros(4096, np.float32)
    seen = Csr(np.zeros(65, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    skipped = {}
    for kind, lengths in (("alike", np.ones(4096)), ("falling", 1 / np.arange(1, 4097))):
        of_items = (items * lengths[:, None]).astype(np.float32)
        work = top_n_lists.Work()
        model = Model(0.0, users, of_items, zeros[:64], zeros)
        top_n_lists.top_n(model, seen, 10, rotate=True, work=work)
        skipped[kind] = work.skipped
        assert work.of == 64 * 4096 * 64
    assert skipped["falling"] > 0.95 > 0.5 > skipped["alike"]
