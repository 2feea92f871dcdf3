"""Ratings from a user's own Parquet file: types of columns, rows kept and rejected."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.datasets import parquet_reader
from movierec.datasets.validation import COLUMNS

RATING = st.none() | st.sampled_from([0.5, 3.0, 5.0, 0.0, 6.0, float("nan"), float("inf")])
ROWS = st.lists(
    st.tuples(st.none() | st.integers(1, 5), st.integers(1, 5), RATING, st.none() | st.just(7))
)


def read(folder, **columns):
    path = folder / "own.parquet"
    defaults = {"user_id": [1, 2], "movie_id": [3, 4], "rating": [5.0, 4.5], "timestamp": [6, 7]}
    pq.write_table(pa.table(defaults | columns), path)
    with path.open("rb") as file:
        table, rows = parquet_reader.read(file, str(path), {}, (0.5, 5.0))
    return {name: table[name].to_pylist() for name in COLUMNS}, rows


def reason_against(row):
    if None in row:
        return "missing"
    if row[2] != row[2]:
        return "not_a_number"
    return "" if 0.5 <= row[2] <= 5 else "off_scale"


@given(ROWS)
def test_every_row_is_kept_or_rejected_for_its_reason(tmp_path_factory, rows):
    types = {"user_id": pa.int64(), "movie_id": pa.int16(), "rating": pa.float64()}
    types |= {"timestamp": pa.int32()}
    columns = zip(*rows, strict=True) if rows else [[]] * 4
    table = {
        name: pa.array(values, types[name]) for name, values in zip(COLUMNS, columns, strict=True)
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_reader, "BATCH", 4)
        found, account = read(tmp_path_factory.mktemp("own"), **table)
    reasons = [reason_against(row) for row in rows]
    kept = [row for row, reason in zip(rows, reasons, strict=True) if not reason]
    assert list(zip(*found.values(), strict=True)) == kept
    assert account.n_read == len(rows) == len(kept) + account.rejected.total()
    places = [(f"row {k}", reason) for k, reason in enumerate(reasons, 1) if reason]
    assert [rejected[:2] for rejected in account.first] == places[:10]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())]
)
def test_text_stays_text_even_if_it_looks_like_numbers(tmp_path, kind):
    found, _ = read(tmp_path, user_id=pa.array(["7", "007"]).cast(kind))
    assert found["user_id"] == ["7", "007"]
    assert found["movie_id"] == [3, 4]


def test_unsigned_integers_beyond_64_bits_signed_are_text(tmp_path):
    found, _ = read(tmp_path, user_id=pa.array([1, 2**64 - 1], pa.uint64()))
    assert found["user_id"] == ["1", str(2**64 - 1)]
    found, _ = read(tmp_path, user_id=pa.array([1, 2**63 - 1], pa.uint64()))
    assert found["user_id"] == [1, 2**63 - 1]


@pytest.mark.parametrize(
    ("column", "line"),
    [
        (pa.array([1.0, 2.5]), "movie_id is of type double and contains 2.5; make it "),
        (pa.array([1.0, float(2**53 + 2)]), "movie_id is of type double and contains 9.0072e"),
        (pa.array([1.0, float("inf")]), "movie_id is of type double and contains inf; make it "),
        (pa.array([True, False]), "movie_id is of type bool; make it integers or text"),
        (pa.array([b"1", b"2"]), "movie_id is of type binary; make it integers or text"),
    ],
)
def test_ids_of_another_type(tmp_path, column, line):
    with pytest.raises(MovierecError, match=line):
        read(tmp_path, movie_id=column)


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.decimal128(21, 2)])
def test_ids_that_a_table_wrote_as_floats_are_integers(tmp_path, kind):
    found, rows = read(tmp_path, user_id=pa.array([7, None]).cast(kind))
    assert (found["user_id"], rows.rejected) == ([7], {"missing": 1})


def test_ids_beyond_the_digits_of_float32_are_an_error(tmp_path):
    with pytest.raises(MovierecError, match=r"user_id is of type float and contains 1.67"):
        read(tmp_path, user_id=pa.array(np.array([5, 2**24 + 2], np.float32)))


def test_numbers_and_times_that_are_text(tmp_path):
    texts = {"rating": ["4,5", "good"], "timestamp": ["2020-01-02", "5"]}
    found, rows = read(tmp_path, **texts)
    assert (found["rating"], found["timestamp"]) == ([4.5], [1577923200])
    assert rows.rejected == {"not_a_number": 1}


def test_floats_of_times_are_whole_seconds(tmp_path):
    found, rows = read(tmp_path, timestamp=[1577923200.75, float("nan")])
    assert (found["timestamp"], rows.rejected) == ([1577923200], {"missing": 1})


def test_milliseconds(tmp_path):
    _, rows = read(tmp_path, timestamp=[1577923200, 1577923200000])
    assert rows.rejected == {"not_a_time": 1}
    assert rows.guess.startswith("timestamp 1577923200000 in row 2: milliseconds?; to ignore")


@pytest.mark.parametrize("kind", [pa.timestamp("ns"), pa.timestamp("ms", "UTC"), pa.date32()])
def test_times_become_seconds(tmp_path, kind):
    at = date(2020, 1, 2) if kind == pa.date32() else datetime(2020, 1, 2, tzinfo=UTC)
    found, _ = read(tmp_path, timestamp=pa.array([at, at], kind))
    assert found["timestamp"] == [1577923200] * 2
