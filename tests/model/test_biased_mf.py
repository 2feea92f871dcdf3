"""Wrong input to a model is an error before a kernel reads memory of something else."""

from dataclasses import replace

import numpy as np
import pytest

from movierec.data.rating_arrays import Csr, Ratings
from movierec.metrics import measures
from movierec.model import solver, top_n_lists
from movierec.model.biased_mf import Model, mean_of
from tests.helpers.random_data import random_csrs, random_model, train_params

N_USERS, N_ITEMS = 9, 7
MODEL = random_model(1, N_USERS, N_ITEMS)
SAMPLES = replace(mean_of([MODEL, MODEL]), sample_noise_precision=np.ones(2))
SEEN = random_csrs(2, N_USERS, N_ITEMS)[0]
ZERO = np.zeros(1, np.int32)

NO_INDICES = (0.0, [0.5], [True], ["1"], [[0]], [None])
OUTSIDE = ([-1], [10**6], [2**40], [-(2**63)], [2**64 - 1], np.array([-1], np.int8))


def csr(*indices):
    return Csr(np.array([0, len(indices)]), np.array(indices, np.int32), np.ones(len(indices)))


@pytest.mark.parametrize("index", [*NO_INDICES, *OUTSIDE])
@pytest.mark.parametrize(
    "call",
    [
        lambda index: MODEL.predict(index, ZERO),
        lambda index: MODEL.predict(ZERO, index),
        lambda index: MODEL.deviation(index, ZERO),
        lambda index: SAMPLES.deviation(ZERO, index),
        lambda index: MODEL.predict_all(index),
        lambda index: MODEL.of_users(index),
        lambda index: top_n_lists.top_n(MODEL, csr(0), 1, user_index=index),
        lambda index: top_n_lists.predicted_ratings(MODEL, index, np.array([[0]]), (1, 5)),
    ],
)
def test_a_wrong_index(call, index):
    with pytest.raises((ValueError, IndexError, TypeError)):
        call(index)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", "uint64"])
def test_any_integers_are_indices(dtype):
    users, items = np.array([0, N_USERS - 1], dtype), np.array([N_ITEMS - 1, 0], dtype)
    expected = MODEL.predict(users.astype(np.int32), items.astype(np.int32))
    np.testing.assert_array_equal(MODEL.predict(users, items), expected)
    np.testing.assert_array_equal(MODEL.predict(users.tolist(), items.tolist()), expected)
    assert MODEL.predict([], []).shape == (0,)


def scored(users):
    return np.zeros((len(users), N_ITEMS))


@pytest.mark.parametrize(
    "call",
    [
        lambda: MODEL.predict([0, 1], [0]),
        lambda: SAMPLES.sample(2),
        lambda: SAMPLES.sample(-1),
        lambda: top_n_lists.top_n(MODEL, SEEN, 0),
        lambda: top_n_lists.top_n(MODEL, SEEN, -1),
        lambda: top_n_lists.top_n(MODEL, SEEN, 3, np.ones(N_ITEMS + 1, bool)),
        lambda: top_n_lists.top_n(scored, SEEN, 3, np.ones(1, bool)),
        lambda: top_n_lists.top_n(MODEL, SEEN, 3, user_index=ZERO),
        lambda: top_n_lists.top_n(MODEL.of_users(ZERO), SEEN, 3),
        *(
            lambda by=by, item=item: top_n_lists.top_n(by, csr(item), 3, user_index=ZERO)
            for by in (MODEL, scored)
            for item in (-1, N_ITEMS, 2**31 - 1)
        ),
        lambda: top_n_lists.predicted_ratings(MODEL, ZERO, np.array([[N_ITEMS]]), (1, 5)),
        lambda: SEEN.transpose(3),
        lambda: Ratings(ZERO, ZERO + 5, ZERO, ZERO).sort(1, 5),
        lambda: measures.errors_by_row(MODEL, SEEN.rows(slice(0, 3)), (1, 5)),
        lambda: measures.errors_by_row(MODEL.of_users(ZERO), csr(N_ITEMS), (1, 5)),
        lambda: solver.half_epoch(
            csr(N_ITEMS),
            MODEL.item_factors,
            MODEL.item_biases,
            3.0,
            solver.Prior.from_params(train_params(), MODEL.n_factors),
        ),
        lambda: Csr(np.array([0, 2, 1]), ZERO, ZERO),
        lambda: Csr(np.array([0, 5]), ZERO, ZERO),
        lambda: Csr(np.array([1, 1]), ZERO, ZERO),
        lambda: Csr(np.array([], int), ZERO[:0], ZERO[:0]),
        lambda: Model(3.0, np.zeros((2, 3)), np.zeros((2, 4)), np.zeros(2), np.zeros(2)),
        lambda: Model(3.0, np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(1), np.zeros(2)),
        lambda: Model(3.0, np.zeros(3), np.zeros((2, 3)), np.zeros(3), np.zeros(2)),
    ],
)
def test_arrays_that_do_not_fit(call):
    with pytest.raises((ValueError, IndexError)):
        call()
