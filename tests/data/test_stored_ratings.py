"""Blocks of ratings on disk equal the same rows of all ratings."""

import numpy as np
import pytest

from benchmarks.quality.run import write_split
from movierec.data import parquet_tables, stored_ratings
from movierec.data.stored_ratings import StoredRatings
from tests.helpers.random_data import random_ratings

N_USERS, N_ITEMS = 30, 20


def divided(folder, held_out):
    """A split on disk, without test; held_out: a mask. What is not test, and train, by user."""
    ratings = random_ratings(0, N_USERS, N_ITEMS, 200)
    parts = [ratings.take(mask) for mask in (~held_out, held_out, held_out & ~held_out)]
    write_split(folder, parts, N_USERS, N_ITEMS)
    return ratings.by_user(N_USERS), parts[0].by_user(N_USERS)


@pytest.mark.parametrize("share", [0, 0.3, 1])
@pytest.mark.parametrize("side", ["user", "item"])
def test_any_rows_are_those_of_all(tmp_path, monkeypatch, side, share):
    """Also if no ratings, all ratings, or only those of some users are held out."""
    for module in (parquet_tables, stored_ratings):
        monkeypatch.setattr(module, "ROW_GROUP", 7)
    held_out = np.random.default_rng(1).random(200) < share
    held_out[50:90] = False
    known, train = divided(tmp_path, held_out)
    for with_validation, whole in ((True, known), (False, train)):
        rated = StoredRatings.train(side, with_validation, tmp_path)
        whole = whole if side == "user" else whole.transpose(N_ITEMS)
        np.testing.assert_array_equal(rated.counts(), whole.counts)
        for first in range(0, whole.n_rows, 3):
            for stop in (first, first + 1, min(first + 10, whole.n_rows), whole.n_rows):
                found, expected = rated.read(first, stop), whole.take(np.arange(first, stop))
                for name, array in vars(expected).items():
                    np.testing.assert_array_equal(vars(found)[name], array)
