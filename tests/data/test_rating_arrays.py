"""Conversions between lists of ratings, ratings by user and ratings by item."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.data import rating_arrays
from movierec.data.rating_arrays import count_index, indptr_from_counts
from tests.helpers.random_data import random_csrs, random_ratings

SEEDS = st.integers(0, 1000)
N_RATINGS = st.integers(0, 63)


def dense(csr, n_columns):
    """The values as a matrix, NaN if there is none."""
    matrix = np.full((csr.n_rows, n_columns), np.nan)
    for row in range(csr.n_rows):
        for place in range(csr.indptr[row], csr.indptr[row + 1]):
            matrix[row, csr.indices[place]] = csr.values[place]
    return matrix


@given(SEEDS, N_RATINGS)
def test_by_user_holds_every_rating(seed, n_ratings):
    ratings = random_ratings(seed, 9, 7, n_ratings)
    by_user = ratings.by_user(9)
    matrix = np.full((9, 7), np.nan)
    matrix[ratings.user_index, ratings.item_index] = ratings.rating
    np.testing.assert_array_equal(dense(by_user, 7), matrix)
    np.testing.assert_array_equal(by_user.row_index, ratings.user_index)
    np.testing.assert_array_equal(by_user.counts, (~np.isnan(matrix)).sum(axis=1))


@given(SEEDS, N_RATINGS)
def test_transpose(seed, n_ratings):
    by_user, by_item = random_csrs(seed, 9, 7, n_ratings)
    np.testing.assert_array_equal(dense(by_item, 9), dense(by_user, 7).T)
    assert by_item.indices.dtype == np.int32
    assert by_item.values.dtype == np.float32
    for row in range(by_item.n_rows):
        assert (np.diff(by_item.indices[by_item.indptr[row] : by_item.indptr[row + 1]]) > 0).all()
    back = by_item.transpose(9)
    for field, value in vars(by_user).items():
        np.testing.assert_array_equal(getattr(back, field), value)


@given(SEEDS, N_RATINGS, st.lists(st.integers(0, 8), max_size=12))
def test_take_rows(seed, n_ratings, rows):
    """In any order, some rows twice and others not at all."""
    by_user, _ = random_csrs(seed, 9, 7, n_ratings)
    taken = by_user.take(np.array(rows, np.int64))
    assert taken.n_rows == len(rows)
    np.testing.assert_array_equal(dense(taken, 7), dense(by_user, 7)[rows])


@given(SEEDS, N_RATINGS)
def test_sort_restores_the_order(seed, n_ratings):
    ratings = random_ratings(seed, 9, 7, n_ratings)
    shuffled = ratings.take(np.random.default_rng(seed).permutation(n_ratings))
    for field, value in vars(shuffled.sort(9, 7)).items():
        np.testing.assert_array_equal(value, getattr(ratings, field))


def test_sort_keeps_equal_pairs_in_order():
    ratings = random_ratings(0, 4, 4, 10)
    twice = np.tile(np.arange(10), 2)
    doubled = ratings.take(twice)
    expected = doubled.take(np.argsort(twice, kind="stable"))
    for field, value in vars(doubled.sort(4, 4)).items():
        np.testing.assert_array_equal(value, getattr(expected, field))


@pytest.mark.parametrize(
    ("counts", "indptr"), [([], [0]), ([0], [0, 0]), ([2, 0, 3], [0, 2, 2, 5])]
)
def test_indptr_of(counts, indptr):
    result = indptr_from_counts(np.array(counts, np.int32))
    np.testing.assert_array_equal(result, indptr)
    assert result.dtype == np.int64


@pytest.mark.parametrize("block", [1, 4, 100])
def test_counts_of(monkeypatch, block):
    monkeypatch.setattr(rating_arrays, "BLOCK", block)
    counts = count_index(np.array([2, 0, 2, 2, 4, 0, 0], np.int32), 6)
    assert counts.tolist() == [3, 0, 3, 0, 1, 0]
    assert count_index(np.array([], np.int32), 2).tolist() == [0, 0]


@pytest.mark.parametrize("n_more", [0, 1, 12, 30])
def test_insert_puts_ratings_where_they_belong(n_more):
    ratings = random_ratings(3)
    chosen = np.isin(np.arange(30), np.random.default_rng(0).choice(30, n_more, replace=False))
    whole = ratings.by_user(9)
    again = ratings.take(~chosen).by_user(9).insert(ratings.take(chosen))
    np.testing.assert_array_equal(again.indptr, whole.indptr)
    np.testing.assert_array_equal(again.indices, whole.indices)
    np.testing.assert_array_equal(again.values, whole.values)
