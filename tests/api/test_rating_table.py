"""Ratings are read from every kind of table to the same arrays, or refused by column and row."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from movierec import ALS, RatingTable

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


TIMED = pd.DataFrame(
    {
        "user_id": [3, 1, 1, 2, 2],
        "item_id": ["a", "b", "a", "c", "a"],
        "rating": [1.0, 2.0, 3.0, 4.5, 5.0],
        "timestamp": [5, 4, 3, 2, 1],
    }
)
POLARS, ARROW = pl.from_pandas(TIMED), pa.table(TIMED)
TIMES = pd.to_datetime(TIMED.timestamp, unit="s", utc=True)
CATEGORIES = POLARS.with_columns(pl.col("item_id").cast(pl.Categorical))


def with_column(table: pa.Table, number: int, kind: pa.DataType) -> pa.Table:
    """The table, with another type of one column."""
    return table.set_column(number, table.column_names[number], table.column(number).cast(kind))


KINDS = {
    "polars": POLARS,
    "polars lazy": POLARS.lazy(),
    "polars categorical": CATEGORIES,
    "polars enum": POLARS.with_columns(pl.col("item_id").cast(pl.Enum(["c", "b", "a"]))),
    "polars chunks": pl.concat([CATEGORIES[:2], CATEGORIES[2:]], rechunk=False),
    "polars small": POLARS.cast({"user_id": pl.UInt8, "rating": pl.Float32}),
    "polars decimal": POLARS.cast({"rating": pl.Decimal(12, 7)}),
    "polars datetime": POLARS.with_columns(pl.from_epoch("timestamp")),
    "polars series": tuple(POLARS.get_columns()),
    "arrow": ARROW,
    "arrow reader": ARROW.to_reader(),
    "arrow chunks": pa.concat_tables([ARROW[:2], ARROW[2:]]),
    "arrow dictionary": with_column(ARROW, 1, pa.dictionary(pa.int8(), pa.string())),
    "arrow string view": with_column(ARROW, 1, pa.string_view()),
    "arrow decimal": with_column(ARROW, 2, pa.decimal128(10, 3)),
    "arrow columns": tuple(ARROW.columns),
    "arrow arrays": tuple(column.combine_chunks() for column in ARROW.columns),
    "pandas arrow": TIMED.convert_dtypes(dtype_backend="pyarrow"),
    "pandas nullable": TIMED.convert_dtypes(),
    "pandas object": TIMED.astype(object),
    "pandas categorical": TIMED.astype(dict.fromkeys(TIMED.columns[:3], "category")),
    "pandas float ids": TIMED.astype({"user_id": float}),
    "pandas datetime": TIMED.assign(timestamp=TIMES.dt.tz_localize(None)),
    "pandas time zone": TIMED.assign(timestamp=TIMES.dt.tz_convert("Asia/Tokyo")),
    "pandas dates as text": TIMED.assign(timestamp=TIMES.dt.strftime("%Y-%m-%d %H:%M:%S")),
    "pandas index": TIMED.set_index(["user_id", "item_id"]),
    "pandas series": (TIMED.user_id.astype("Int64"), *(TIMED[name] for name in TIMED.columns[1:])),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_type_of_column_gives_the_same_table(kind) -> None:
    table, expected = RatingTable.read(kind), RatingTable.read(TIMED)
    pd.testing.assert_frame_equal(table.to_pandas(), expected.to_pandas())
    assert table.user_ids.tolist() == [1, 2, 3]
    assert table.item_ids.tolist() == ["a", "b", "c"]


def test_polars_and_pandas_give_the_same_model_to_the_bit() -> None:
    first, second = (ALS(n_factors=1, max_epochs=3).fit(table) for table in (CATEGORIES, TIMED))
    for name, array in first.scorer().arrays.items():
        np.testing.assert_array_equal(array, second.scorer().arrays[name])


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
        (CATEGORIES.with_columns(item_id=None), "item_id: None in row 0 is missing .5 such rows"),
        (POLARS.with_columns(rating=pl.lit(None, pl.Float64)), "rating: None in row 0 is missing"),
        (POLARS.cast({"user_id": pl.Int128}), "ratings: Invalid or unsupported"),
        (POLARS.with_columns(user_id=pl.concat_list("user_id")), "large_list.* cannot be ids"),
        (POLARS.with_columns(timestamp=pl.time(1)), "timestamp: time64.ns. is not a time"),
        (POLARS["rating"], "ratings: Cannot import schema"),
        (TIMED.assign(timestamp=TIMES.dt.tz_localize(None).dt.to_period("D")), "is not a time"),
        (TIMED.assign(timestamp="yesterday"), "string is not a time; give seconds"),
        (TIMED.assign(timestamp=TIMES.where(TIMED.timestamp != 3)), "None in row 2 is missing"),
        (GOOD.assign(user_id=pd.array([1, None, 2], "Int64")), "user_id: None in row 1 is missing"),
        (GOOD.assign(user_id=[True, False, True]), "user_id: bool cannot be ids; make them integ"),
        (GOOD.assign(item_id=[b"a", b"b", b"c"]), "item_id: binary cannot be ids"),
        (GOOD.assign(item_id=["a", 1, "b"]), "ratings: .*Conversion failed for column item_id"),
        (([1, None], [1, 2], [3, 4]), "user_id: None in row 1 is missing"),
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


@given(PAIRS, st.data())
def test_parts_of_a_table_join_to_the_table(pairs, data) -> None:
    table = RatingTable.read(list(map(list, zip(*pairs, strict=True))))
    is_first = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    )
    parts = [
        RatingTable(table.ratings.take(rows), table.user_ids, table.item_ids)
        for rows in (is_first, ~is_first)
    ]
    joined = parts[0].joined(parts[1])
    for name, array in vars(table.ratings).items():
        np.testing.assert_array_equal(getattr(joined.ratings, name), array)
