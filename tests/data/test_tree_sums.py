"""Sums over rows are correct, and the same to the bit for any division of the rows."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from movierec.data import tree_sums
from movierec.data.tree_sums import CHUNK, CHUNKS_AT_ONCE
from movierec.kernels.reductions import chunk_feature_sums, chunk_grams

ROWS = st.integers(1, 20 * CHUNK)
CUTS = st.lists(st.integers(0, 20), max_size=6)


def parts_of(n_rows, cuts):
    """Bounds of parts that begin with a complete chunk."""
    bounds = sorted({0, n_rows, *(cut * CHUNK for cut in cuts if cut * CHUNK < n_rows)})
    return list(itertools.pairwise(bounds))


@given(ROWS, CUTS, st.integers(0, 99))
def test_sums_do_not_depend_on_the_parts(n_rows, cuts, seed):
    """With numbers of very different size, whose sum depends on the order."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n_rows, 2)) * 10.0 ** rng.integers(-8, 8, (n_rows, 2))
    whole = tree_sums.add_up([tree_sums.partial_sums(0, values)])
    parts = [
        tree_sums.partial_sums(first, values[first:stop]) for first, stop in parts_of(n_rows, cuts)
    ]
    np.testing.assert_array_equal(tree_sums.add_up(reversed(parts)), whole)
    np.testing.assert_allclose(whole, values.sum(axis=0), rtol=1e-9, atol=1e-6)


@given(CUTS, st.integers(0, 99))
def test_grams_do_not_depend_on_the_parts(cuts, seed):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((2 * CHUNKS_AT_ONCE * CHUNK + 100, 3)).astype(np.float32)
    centre = rng.standard_normal(3)

    def gram(first, part):
        return tree_sums.partial_sums_by_slice(
            first, len(part), lambda start, stop: chunk_grams(part[start:stop], centre, CHUNK)
        )

    whole = tree_sums.add_up([gram(0, rows)])
    parts = [gram(first, rows[first:stop]) for first, stop in parts_of(len(rows), cuts)]
    np.testing.assert_array_equal(tree_sums.add_up(parts), whole)
    np.testing.assert_allclose(whole, (rows - centre).T @ (rows - centre), rtol=1e-9)


def test_collects_add_rows_by_feature():
    indptr, indices = np.array([0, 2, 2, 3]), np.array([0, 2, 2], np.int32)
    rows = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    expected = [[[1, 2], [0, 0], [1, 2]], [[0, 0], [0, 0], [5, 6]]]
    np.testing.assert_array_equal(chunk_feature_sums(indptr, indices, rows, 3, 2), expected)
