"""Grouping and ranking, compared with reference implementations."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from movierec.data.rating_arrays import indptr_from_counts
from movierec.kernels.grouping import group_order, ranks_in_rows
from tests.helpers import reference_kernels


@given(st.lists(st.integers(0, 5), max_size=30))
@example([])
@example([5, 5, 0, 5])
def test_group_order_is_a_stable_sort(keys):
    indptr, order = group_order(np.array(keys, np.int32), 6)
    expected_indptr, expected_order = reference_kernels.group_order(keys, 6)
    np.testing.assert_array_equal(indptr, expected_indptr)
    np.testing.assert_array_equal(order, expected_order)


@given(st.lists(st.integers(0, 6), max_size=6), st.integers(0, 99), st.integers(1, 4))
@example([], 0, 1)
@example([0, 3, 0], 1, 1)
def test_ranks_in_rows(counts, seed, n_keys):
    """With few keys there are ties."""
    rng = np.random.default_rng(seed)
    indptr = indptr_from_counts(counts)
    keys = rng.integers(0, n_keys, indptr[-1])
    np.testing.assert_array_equal(
        ranks_in_rows(indptr, keys), reference_kernels.ranks_in_rows(indptr, keys)
    )
