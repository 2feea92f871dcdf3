"""Ratings are read from every kind of table to the same arrays, or refused by column and row."""

import ast
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from movierec import ALS, Popularity, RatingTable, split

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
        (POLARS.cast({"user_id": pl.Int128}), "user_id: values of .* unsupported types"),
        (POLARS.with_columns(user_id=pl.concat_list("user_id")), "large_list.* cannot be ids"),
        (POLARS.with_columns(timestamp=pl.time(1)), "timestamp: time64.ns. is not a time"),
        (POLARS["rating"], "ratings: Cannot import schema"),
        (TIMED.assign(timestamp=TIMES.dt.tz_localize(None).dt.to_period("D")), "is not a time"),
        (TIMED.assign(timestamp="yesterday"), "string is not a time; give seconds"),
        (TIMED.assign(timestamp=TIMES.where(TIMED.timestamp != 3)), "None in row 2 is missing"),
        (GOOD.assign(user_id=pd.array([1, None, 2], "Int64")), "user_id: None in row 1 is missing"),
        (GOOD.assign(user_id=[True, False, True]), "user_id: bool cannot be ids; make them integ"),
        (GOOD.assign(item_id=[b"a", b"b", b"c"]), "item_id: binary cannot be ids"),
        (scipy.sparse.coo_array(np.ones((2, 2, 2))), "a matrix of users and items, not 3-D"),
        (
            split(TIMED, validation_fraction=0),
            "a Split has three tables; pass parts.train and parts.validation",
        ),
        (([1, None], [1, 2], [3, 4]), "user_id: None in row 1 is missing"),
        (([1], [1, 2], [3]), "arrays of different lengths"),
        (([1], [1]), "2 arrays"),
        (pa.table([[1], [2], [3], [4]], ["user_id", "item_id", "rating", "rating"]), "2 columns"),
    ],
)
def test_what_cannot_be_used_is_refused_by_column_and_row(ratings, message) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        RatingTable.read(ratings)
    assert "\n" not in str(caught.value)


def test_other_columns_may_be_of_any_type() -> None:
    odd = TIMED.assign(note=[1, "a", None, object(), 2.5])
    pd.testing.assert_frame_equal(
        RatingTable.read(odd).to_pandas(), RatingTable.read(TIMED).to_pandas()
    )
    assert len(RatingTable.read(POLARS.with_columns(note=pl.lit(1, pl.Int128)))) == 5


@pytest.mark.parametrize(
    ("ratings", "columns", "message"),
    [
        (
            TIMED.set_axis(["userId", "movieId", "rating", "timestamp"], axis=1),
            None,
            r"Give columns=\{'user_id': 'userId', 'item_id': 'movieId'\}",
        ),
        (TIMED, {"item_id": "user_id"}, "columns: 'user_id' is used twice"),
        (TIMED, {"user": "user_id"}, "'user' is none of user_id"),
        (([1], [2], [3]), {"item_id": "movie"}, "only tables have names"),
    ],
)
def test_names_of_columns(ratings, columns, message) -> None:
    with pytest.raises(ValueError, match=message):
        RatingTable.read(ratings, columns)


def test_the_columns_that_a_message_suggests_are_read() -> None:
    frame = TIMED.set_axis(["userId", "movieId", "Rating", "timestamp"], axis=1)
    with pytest.raises(ValueError, match="no column") as caught:
        RatingTable.read(frame)
    suggested = ast.literal_eval(str(caught.value).partition("columns=")[2])
    assert content(RatingTable.read(frame, suggested)) == content(RatingTable.read(TIMED))


# --- Ids are what they were given as, in ratings, in questions and in two tables, or refused

BIG = 2**60
KEPT = {  # ids as given, and as read
    "text with NUL": (["a", "a\0"], ["a", "a\0"]),
    "large": ([BIG, BIG + 1], [BIG, BIG + 1]),
    "large, with a type for gaps": (pd.Series([BIG, BIG + 1], dtype="Int64"), [BIG, BIG + 1]),
    "objects": (np.array([BIG, BIG + 1], object), [BIG, BIG + 1]),
    "big-endian": (np.array([1, 2], ">i4"), [1, 2]),
    "whole floats": ([1.0, 2.0], [1, 2]),
    "NumPy text": (np.array(["1", "2"]), ["1", "2"]),
    "Polars": (pl.Series(["1", "2"], dtype=pl.Categorical), ["1", "2"]),
    "range": (range(1, 3), [1, 2]),
}
REFUSED = {  # ids, and what the message contains
    "integers and text": ([1, "1"], "different or unsupported types"),
    "integers and text, as objects": (np.array([1, "1"], object), "different or unsupported"),
    "booleans and integers": ([1, True], "different or unsupported types"),
    "booleans": ([True, False], "bool cannot be ids"),
    "bytes and text": ([b"1", "1"], "binary cannot be ids"),
    "a gap": (pd.Series([BIG, None]), "in row 1 is missing"),
    "a gap in text": ([float("nan"), "a"], "in row 0 is missing"),
    "masked": (np.ma.masked_array([1, 2], [0, 1]), "row 1 is masked"),
    "large floats": ([2.0**53, 1.0], "not a whole number below 2"),
    "large integers and floats": ([2**53 + 1, 2.0**53], "different or unsupported types"),
    "fractions": ([1.5, 2.0], "not a whole number"),
    "too large": ([1, 2**70], "larger than 64-bit"),
    "tuples": ([(1, "a"), (2, "b")], "different or unsupported types"),
    "UUIDs": ([UUID(int=1), UUID(int=2)], "uuid. cannot be ids"),
    "periods": (pd.period_range("2020", periods=2, freq="D"), "cannot be ids"),
    "intervals": (pd.interval_range(0, 2), "cannot be ids"),
    "dates": (pd.date_range("2020", periods=2), "cannot be ids"),
    "complex numbers": (np.array([1j, 2]), "different or unsupported types"),
    "no Unicode": (["\ud800", "a"], "surrogates not allowed"),
    "a matrix": (np.eye(2), "1-dimensional"),
}


@pytest.mark.parametrize(("given", "expected"), KEPT.values(), ids=KEPT)
def test_ids_are_kept(given, expected) -> None:
    table = RatingTable.read((given, [1, 2], [3, 4]))
    assert table.user_ids.tolist() == expected
    model = Popularity().fit(table)
    assert model.recommend(given, exclude_seen=False, n=1).user_id.tolist() == expected
    assert table.joined(RatingTable.read((given, [5, 5], [3, 4]))).user_ids.tolist() == expected


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("known", [[1, 2], ["1", "2"]], ids=["integers", "text"])
def test_ids_that_would_change_are_refused(given, known, message) -> None:
    model = Popularity().fit((known, [1, 2], [3, 4]))
    for read in (lambda: RatingTable.read((given, [1, 2], [3, 4])), lambda: model.recommend(given)):
        with pytest.raises(ValueError, match=message) as caught:
            read()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("users", [{1, 2}, (user for user in [1]), {1: 2}.keys()], ids=type)
def test_ids_in_no_order_are_refused(users) -> None:
    with pytest.raises(TypeError, match="user: give a list, array or column, not"):
        Popularity().fit(TIMED).recommend(users)


def test_text_and_integers_are_never_the_same_id() -> None:
    numbers, texts = (RatingTable.read((ids, [1, 2], [3, 4])) for ids in ([1, 2], ["1", "2"]))
    for table, user in ((numbers, "1"), (texts, 1)):
        model = ALS(n_factors=0).fit(table)
        with pytest.raises(KeyError, match=r"was not in .* there, ids are"):
            model.predict(user, 1, unknown="prior_mean")
    with pytest.raises(ValueError, match="user ids: text and integers in two tables"):
        texts.with_ids_of(numbers)
    with pytest.raises(ValueError, match="different or unsupported types"):
        Popularity().fit((["a", "b"], ["1", "2"], [3, 4])).recommend_for({"1": 4, 1: 3})


def test_the_ids_of_a_table_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        RatingTable.read(TIMED).user_ids[:] = 0


# --- Times


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (TIMED.timestamp + 1_700_000_000_000, "1700000000005 in row 0 is in milliseconds"),
        (TIMED.timestamp + 1_700_000_000_000_000, "is in microseconds"),
        (TIMED.timestamp + 1_700_000_000_000_000_000, "is in nanoseconds"),
        (TIMED.timestamp - 2, "-1 in row 4 is not from 1970 to 2099"),
        (TIMED.timestamp.astype(float) + np.inf, "inf in row 0 is not from 1970"),
        (pd.to_timedelta(TIMED.timestamp, "s"), "duration.* is not a time"),
    ],
)
def test_times_that_are_not_in_seconds_are_refused(times, message) -> None:
    with pytest.raises(ValueError, match=message):
        RatingTable.read(TIMED.assign(timestamp=times))


SUBSECONDS = pd.to_datetime(["2020-01-01 00:00:00.9", "2020-01-01 00:00:00.1"], utc=True)


@pytest.mark.parametrize(
    "times",
    [
        SUBSECONDS,
        SUBSECONDS.tz_localize(None).astype("category"),
        SUBSECONDS.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        SUBSECONDS.astype("int64") / SUBSECONDS.astype("int64")[0] * 1.6e9,
    ],
)
def test_times_within_a_second_decide_which_rating_counts(times) -> None:
    with pytest.warns(UserWarning, match=r"by timestamp") as caught:
        table = RatingTable.read(([1, 1], [1, 1], [5.0, 2.0], times))
    assert table.ratings.rating.tolist() == [5.0]
    assert caught[0].filename == __file__


def test_without_times_the_last_row_counts_and_the_warning_shows_the_caller_s_line() -> None:
    for read in (RatingTable.read, Popularity().fit, split):
        with pytest.warns(UserWarning, match=r"1 ratings .*\(by position; there") as caught:
            read(([1, 1, 1, 1], [1, 1, 2, 3], [5.0, 2.0, 3.0, 4.0]))
        assert caught[0].filename == __file__


def test_a_list_is_refused() -> None:
    with pytest.raises(TypeError, match="give a tuple of columns"):
        RatingTable.read([(1, 10, 5), (2, 20, 4), (3, 30, 3)])


def test_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="str is not supported"):
        RatingTable.read("ratings.csv")


@given(PAIRS, st.data())
def test_parts_of_a_table_join_to_the_table(pairs, data) -> None:
    table = RatingTable.read(tuple(map(list, zip(*pairs, strict=True))))
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
