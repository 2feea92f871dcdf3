"""Ratings are read from every kind of table to the same arrays, or refused by column and row."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from movierec import RatingTable

PAIRS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 5), st.sampled_from([1.0, 2.5, 5.0])),
    min_size=1,
    unique_by=lambda row: row[:2],
)
GOOD = pd.DataFrame({"user_id": [1, 1, 2], "item_id": ["a", "b", "a"], "rating": [1.0, 2.0, 3.0]})


def content(table: RatingTable) -> set[tuple]:
    return set(
        table.to_pandas()[["user_id", "item_id", "rating"]].itertuples(index=False, name=None)
    )


@given(PAIRS)
def test_every_kind_of_input_gives_the_same_table(pairs) -> None:
    users, items, ratings = map(list, zip(*pairs, strict=True))
    frame = pd.DataFrame({"user_id": users, "item_id": items, "rating": ratings})
    matrix = scipy.sparse.coo_matrix((ratings, (users, items)))
    others = {"who": frame.user_id, "movie_id": frame.item_id, "rating": frame.rating}
    kinds = [
        frame,
        pa.table(frame),
        frame.astype({"user_id": "category", "item_id": "float64"}),
        (users, items, ratings),
        matrix.tocsr(),
    ]
    tables = [RatingTable.read(kind) for kind in kinds]
    tables.append(RatingTable.read(pd.DataFrame(others), columns={"user_id": "who"}))
    for table in tables:
        assert content(table) == set(pairs)
        for name, array in vars(table.ratings).items():
            np.testing.assert_array_equal(array, getattr(tables[0].ratings, name))


def test_ids_may_be_text_and_indices_are_by_falling_count() -> None:
    table = RatingTable.read(GOOD)
    assert table.item_ids.tolist() == ["a", "b"]
    assert table.user_ids.tolist() == [1, 2]


def test_of_two_ratings_of_a_pair_the_later_counts() -> None:
    frame = pd.DataFrame(
        {
            "user_id": [1, 1],
            "item_id": [1, 1],
            "rating": [5.0, 2.0],
            "timestamp": pd.to_datetime(["2020-01-02", "2020-01-01"]),
        }
    )
    with pytest.warns(UserWarning, match="1 ratings replaced"):
        table = RatingTable.read(frame)
    assert table.to_pandas().rating.tolist() == [5.0]
    assert table.to_pandas().timestamp.tolist() == [1577923200]


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        (GOOD.assign(rating=[1, None, 3]), "rating: None in row 1 is missing"),
        (GOOD.assign(rating=[1, 2, np.inf]), "rating: inf in row 2 is not a finite number"),
        (GOOD.assign(rating=list("abc")), "rating: .*string is not a number"),
        (GOOD.assign(user_id=[1, 2.5, 3]), "user_id: 2.5 in row 1 is not a whole number"),
        (GOOD.assign(user_id=[1, None, 3]), "user_id: None in row 1 is missing"),
        (GOOD.assign(user_id=[1, 2, 2**64 - 1]), "user_id: an id is larger than 64-bit"),
        (GOOD.drop(columns="rating"), "no column 'rating'; the columns are user_id, item_id"),
        (GOOD.iloc[:0], "there are none"),
        (([1], [1, 2], [3]), "arrays of different lengths"),
        (([1], [1]), "2 arrays"),
        (pa.table([[1], [2], [3], [4]], ["user_id", "item_id", "rating", "rating"]), "2 columns"),
    ],
)
def test_what_cannot_be_used_is_refused_by_column_and_row(ratings, message) -> None:
    with pytest.raises(ValueError, match=message):
        RatingTable.read(ratings)


def test_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="str is not supported"):
        RatingTable.read("ratings.csv")
