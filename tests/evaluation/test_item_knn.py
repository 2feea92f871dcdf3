"""Lists by nearest neighbours, compared with cosines computed pair by pair."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.evaluation import item_knn
from tests.helpers import reference_kernels
from tests.helpers.random_data import csr_of_counts, random_csrs


def scores_of(by_user, n_neighbours):
    """The scorer of 7 items, with neighbours from two blocks of users."""
    blocks = [item_knn.rated_sets(by_user.rows(rows), 7) for rows in (slice(0, 4), slice(4, 9))]
    counts = sum(np.diff(block["of_items"]) for block in blocks)
    found = [item_knn.nearest(blocks, counts, *ends, n_neighbours) for ends in ((0, 3), (3, 7))]
    return item_knn.scorer(by_user, *map(np.concatenate, zip(*found, strict=True)))


@given(st.integers(0, 1000))
def test_neighbours_share_most_users(seed):
    by_user, by_item = random_csrs(seed, 9, 7, 30)
    cosines = reference_kernels.cosines(by_item)
    for n in (2, 7):
        expected = np.zeros((9, 7))
        for user in range(9):
            for item in by_user.indices[by_user.indptr[user] : by_user.indptr[user + 1]]:
                for near in reference_kernels.best(np.float32(cosines[item]), n):
                    expected[user, near] += cosines[item, near] if cosines[item, near] > 0 else 0
        found = scores_of(by_user, n)(np.array([2, 8, 2]))
        np.testing.assert_allclose(found, expected[[2, 8, 2]], atol=1e-6)


@pytest.mark.parametrize(
    ("neighbours", "cosines"),
    [
        (np.full((7, 2), 7, np.int32), np.zeros((7, 2), np.float32)),
        (np.full((7, 2), -2, np.int32), np.zeros((7, 2), np.float32)),
        (np.zeros((7, 2), np.int32), np.zeros((7, 1), np.float32)),
        (np.zeros((6, 2), np.int32), np.zeros((6, 2), np.float32)),
        (np.zeros((7, 2), np.int64), np.zeros((7, 2), np.float32)),
    ],
)
def test_neighbours_that_are_no_items_are_refused(neighbours, cosines):
    """The kernel would write to memory that is not its own."""
    by_user = random_csrs(0, 9, 7, 30)[0]
    with pytest.raises((ValueError, IndexError)):
        item_knn.scorer(by_user, neighbours, cosines)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=20), st.integers(1, 35))
def test_sampled_ratings_are_evenly_spaced_parts_of_the_whole(counts, most):
    ratings = csr_of_counts(1, counts, 40)
    found = item_knn.sample_ratings(ratings, most)
    np.testing.assert_array_equal(found.counts, np.minimum(counts, most))
    for row, count in enumerate(counts):
        kept = found.indices[found.indptr[row] : found.indptr[row + 1]]
        whole = ratings.indices[ratings.indptr[row] : ratings.indptr[row + 1]]
        places = np.searchsorted(whole, kept)
        np.testing.assert_array_equal(whole[places], kept)
        steps = np.diff(np.append(places, count))
        assert not len(steps) or steps.max() <= np.ceil(count / len(kept))
        assert not len(steps) or steps.min() >= 1


def test_neighbours_count_a_part_of_who_rated_much(monkeypatch):
    by_user, _ = random_csrs(3, 9, 7, 40)
    monkeypatch.setattr(item_knn, "MAX_RATINGS", 3)
    few = item_knn.sample_ratings(by_user, 3)
    cosines = reference_kernels.cosines(few.transpose(7))
    found = scores_of(by_user, 7)(np.arange(9))
    expected = [cosines[by_user.indices[a:b]].sum(axis=0) for a, b in pairwise(by_user.indptr)]
    np.testing.assert_allclose(found, expected, atol=1e-6)
