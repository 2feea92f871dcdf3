"""Dense indices: by descending count, ties by id; the newest of repeated ratings."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from movierec.data.rating_arrays import Ratings
from movierec.prepare import index

USER_IDS = np.array([70, 10, 50, 30])
MOVIE_IDS = np.array([900, 100, 500])
RAW = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 10), st.integers(0, 3)),
    max_size=30,
)


def ratings_of(rows):
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return Ratings(
        columns[0].astype(np.int32),
        columns[1].astype(np.int32),
        (columns[2] / 2).astype(np.float32),
        columns[3],
    )


def newest_of(rows):
    """{(user, item): (rating, timestamp)}; of the same second, the last in the list."""
    kept = {}
    for user, item, doubled, timestamp in rows:
        if (user, item) not in kept or timestamp >= kept[user, item][1]:
            kept[user, item] = doubled / 2, timestamp
    return kept


@given(RAW)
def test_index_against_a_dictionary(rows):
    kept = newest_of(rows)
    built = index.build(ratings_of(rows), USER_IDS, MOVIE_IDS)
    assert built.n_superseded == len(rows) - len(kept)
    columns = (built.user_ids[built.ratings.user_index], built.movie_ids[built.ratings.item_index])
    values = zip(built.ratings.rating.tolist(), built.ratings.timestamp.tolist(), strict=True)
    result = dict(zip(zip(*columns, strict=True), values, strict=True))
    assert result == {(USER_IDS[u], MOVIE_IDS[i]): value for (u, i), value in kept.items()}


@given(RAW)
def test_ids_in_order_of_falling_counts_then_of_rising_ids(rows):
    built = index.build(ratings_of(rows), USER_IDS, MOVIE_IDS)
    for place, ids, given_ids in ((0, built.user_ids, USER_IDS), (1, built.movie_ids, MOVIE_IDS)):
        counts = dict.fromkeys(given_ids.tolist(), 0)
        for pair in newest_of(rows):
            counts[int(given_ids[pair[place]])] += 1
        assert ids.tolist() == sorted(counts, key=lambda one: (-counts[one], one))


@given(RAW)
def test_ratings_are_in_order_of_user_and_item(rows):
    ratings = index.build(ratings_of(rows), USER_IDS, MOVIE_IDS).ratings
    places = ratings.user_index.astype(np.int64) * len(MOVIE_IDS) + ratings.item_index
    assert (np.diff(places) > 0).all()
    assert (ratings.user_index.dtype, ratings.item_index.dtype) == (np.int32, np.int32)


def test_a_worked_example():
    """User 10 rates movie 500 three times; 900 and 100 tie; user 30 and nobody rate nothing."""
    rows = [(1, 2, 2, 5), (1, 2, 8, 9), (1, 2, 4, 9), (1, 0, 6, 1), (0, 1, 10, 2), (2, 2, 1, 3)]
    built = index.build(ratings_of(rows), USER_IDS, MOVIE_IDS)
    assert built.user_ids.tolist() == [10, 50, 70, 30]
    assert built.movie_ids.tolist() == [500, 100, 900]
    assert built.n_superseded == 2
    assert built.ratings.user_index.tolist() == [0, 0, 1, 2]
    assert built.ratings.item_index.tolist() == [0, 2, 0, 1]
    assert built.ratings.rating.tolist() == [2.0, 3.0, 0.5, 5.0]
    assert built.ratings.timestamp.tolist() == [9, 1, 3, 2]
