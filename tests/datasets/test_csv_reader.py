"""Ratings as text: each row is kept or rejected independently; ids are numbers or text."""

import io
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.datasets import csv_reader
from movierec.datasets.csv_reader import Form
from movierec.datasets.validation import COLUMNS, N_SHOWN, RATING_REASONS, TIMES
from movierec.prepare import index
from tests.helpers import archives
from tests.helpers.archives import RATINGS, read_archive

HEADER = "user_id,movie_id,rating,timestamp\n"
FORM = Form(COLUMNS, ",", (0.5, 5.0), n_header=0)
# Lines of four columns that have to be rejected, and why.
BAD = {
    "1,2,3": "wrong_fields",
    "1,2,3,4,5": "wrong_fields",
    '"1,2,3,4': "wrong_fields",
    "1": "wrong_fields",
    "1,2,,4": "missing",
    ",2,3,4": "missing",
    '1,"",3,4': "missing",
    "1,2,3,": "missing",
    "1,2,good,4": "not_a_number",
    "1,2,NaN,4": "not_a_number",
    "1,nan,3,4": "missing",
    "1,2,1,000,4": "wrong_fields",
    "1\r,2,3,4": "wrong_fields",
    '1,2,"1,000",4': "not_a_number",
    "1,2,3,2020-13-01": "not_a_time",
    "1,2,3,-1": "not_a_time",
    "1,2,3,1600000000000": "not_a_time",
    "1,2,3,9223372036854775808": "not_a_time",
    "1,2,3,0x10": "not_a_time",
    "1,2.5E+10,3,4": "float_id",
    "9007199254740993.0,2,3,4": "float_id",
    "user_id,movie_id,rating,timestamp": "not_a_number",
    "1,2,0.49,4": "off_scale",
    "1,2,5.5,4": "off_scale",
    "1,2,-3,4": "off_scale",
    "1,2,inf,4": "off_scale",
    "1,2,1e999,4": "off_scale",
    "x,2,99,4": "off_scale",
}
GOOD = st.tuples(
    st.integers(-(2**63), 2**63 - 1) | st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 10).map(lambda half: half / 2),
    st.integers(0, TIMES[1] - 1),
)
LINES = st.lists(GOOD.map(lambda row: ",".join(map(str, row))) | st.sampled_from([*BAD]))
SIZES = st.sampled_from([(1, 1), (40, 10), (200, 50), (1 << 20, 1 << 16)])


@contextmanager
def sizes(piece, small):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reader, "PIECE", piece)
        patch.setattr(csv_reader, "SMALL", small)
        yield


def read(text, **changes):
    """Read lines: the ids, rating and timestamp of each row kept, and the counts of all rows."""
    form = Form(**(vars(FORM) | changes))
    table, rows = csv_reader.read(io.BytesIO(text.encode()), form)
    return list(zip(*(table[name].to_pylist() for name in COLUMNS), strict=True)), rows


def archive_of(folder, text, max_rejected=0):
    path = folder / "ratings.csv"
    path.write_bytes(text if isinstance(text, bytes) else (HEADER + text).encode())
    return read_archive(path, archives.block("ratings_csv", path), max_rejected)


@given(LINES, SIZES, st.sampled_from(["\n", "\r\n"]), st.booleans())
@example([*BAD], (200, 50), "\n", False)
def test_every_row_is_kept_or_rejected_for_its_reason(lines, size, newline, ends):
    """For any size of pieces; and rejected rows do not affect the others."""
    text = newline.join(lines) + (newline if ends else "")
    with sizes(*size):
        kept, rows = read(text)
    good = [line for line in lines if line not in BAD]
    assert kept == read("\n".join(good))[0]
    assert len(kept) == len(good)
    assert rows.n_read == len(lines) == len(kept) + rows.rejected.total()
    bad = [
        (f"line {number}", BAD[line], line) for number, line in enumerate(lines, 1) if line in BAD
    ]
    assert rows.first == bad[:N_SHOWN]
    assert set(rows.rejected) <= set(RATING_REASONS)
    for reason in RATING_REASONS:
        assert rows.rejected[reason] == sum(reason == other for _, other, _ in bad)


TOKENS = ["1", "-2", " 3", "4\t", "+5", "007", "1_0", "5.", ".5", "1e0", "1e", "4.5f", "", '"2"']
TOKENS += [
    "nan",
    "-inf",
    "Infinity",
    "٣",
    "5.0000001",
    "4,",
    '"1"2',
    "9" * 19,
    "-" + "9" * 19,
    "9" * 5000,
    "2.0",
    "2,5",
    "tt1",
    "2020-01-01",
    "2020-01-01T10:00:00+02:00",
    "1e+2",
    "None",
    "\u2003",
    "a\u2003",
    "\ufffd",
    "0" * 5000,
    "\x00",
]
FIELDS = st.sampled_from(TOKENS)


@given(st.tuples(FIELDS, FIELDS, FIELDS, FIELDS), st.booleans())
def test_reading_line_by_line_is_as_reading_at_once(fields, integers_only):
    form = Form(**(vars(FORM) | {"integers_only": integers_only}))
    line = ",".join(fields).encode() + b"\n"
    outcomes = []
    for reader in (csv_reader._read_piece, csv_reader._read_lines):
        try:
            table, rows = reader(form, 1, line)
            outcomes.append((table.to_pylist(), rows))
        except csv_reader.TextIdsError as error:
            outcomes.append(error.args)
    assert outcomes[0] == outcomes[1]


def test_blank_lines_are_no_rows():
    kept, rows = read("\n1,2,3,4\n\n\r\n5,6,2,8\n\n1,2,9,4\n\n")
    assert [row[0] for row in kept] == [1, 5]
    assert (rows.n_read, rows.first) == (3, [("line 7", "off_scale", "1,2,9,4")])


def test_byte_order_mark_without_a_header():
    kept, rows = read("\ufeff1,2,3,4\n")
    assert kept == [(1, 2, 3.0, 4)]
    assert (rows.n_read, rows.n_kept) == (1, 1)


def test_a_line_longer_than_a_piece():
    with sizes(8, 4):
        kept, _ = read("1,2,3,1234567\n")
    assert kept == [(1, 2, 3.0, 1234567)]


@given(st.lists(st.integers(1, 9) | st.sampled_from(["a", "é", "7b", "1.5", str(2**63), "0x1F"])))
def test_a_column_is_text_as_soon_as_one_id_is(ids):
    kept, rows = read("".join(f"{one},2,3,4\n" for one in ids))
    all_integers = all(isinstance(one, int) for one in ids)
    assert [row[0] for row in kept] == (ids if all_integers else [str(one) for one in ids])
    assert {type(row[1]) for row in kept} <= {int}
    assert (rows.n_read, rows.n_kept) == (len(ids), len(ids))


def test_ids_that_became_text_are_spelt_as_in_the_file():
    with sizes(8, 4):
        kept, _ = read("007,1,3,4\n7,1,3,4\nx,1,3,4\n")
    assert [row[0] for row in kept] == ["007", "7", "x"]


def test_a_rejected_row_makes_no_column_text():
    kept, rows = read("1,2,3,4\nuserId,movieId,rating,timestamp\nx,2,9,4\n")
    assert kept == [(1, 2, 3.0, 4)]
    assert rows.rejected == {"not_a_number": 1, "off_scale": 1}


def test_text_that_is_not_utf_8_is_rejected(tmp_path):
    text = HEADER.encode() + b"a,2,3,4\n\xe9,2,3,4\n"
    archive = archive_of(tmp_path, text, 1)
    assert archive.counts.ratings.rejected == {"not_text": 1}
    assert archive.user_ids.tolist() == ["a"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), max_size=9))
def test_text_ids_are_kept_and_in_order(tmp_path_factory, names):
    """Ids with equal counts are in alphabetical order."""
    names = list(dict.fromkeys(f"{name.strip()}#" for name in names)) or ["#"]
    text = "".join(
        '"{}",{},3,4\n'.format(name.replace('"', '""'), k) for k, name in enumerate(names)
    )
    archive = archive_of(tmp_path_factory.mktemp("own"), text)
    built = index.build(
        archive.ratings, archive.user_ids, archive.movies["movie_id"].to_numpy(np.int64)
    )
    assert built.user_ids.tolist() == sorted(names)
    assert built.movie_ids.tolist() == list(range(len(names)))


def test_users_and_movies_of_rejected_rows_alone_are_not_there(tmp_path):
    archive = archive_of(tmp_path, "1,2,3,4\n8,9,99,4\n", 1)
    assert archive.user_ids.tolist() == [1]
    assert archive.movies["movie_id"].tolist() == [2]


LAYOUTS = archives.LAYOUTS


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rejected_rows_of_every_layout(tmp_path, layout):
    """The error counts rows by reason; if they are allowed, the other rows are unaffected."""
    bad = [(3, 50, 5.5, 1), (3, 31, 0.0, 2)]
    path = archives.write(tmp_path, layout, [*RATINGS[:2], *bad, *RATINGS[2:]])
    data = archives.block(layout, path)
    with pytest.raises(MovierecError) as caught:
        read_archive(path, data, 1)
    assert str(caught.value) == (
        f"{path}: 2 of 8 rows rejected (2 off_scale; the scale is 0.5 to 5), more than"
        " index.max_rejected in params.yaml allows (1); fix them or raise it"
    )
    first = {"dat": 3, "100k": 3, "ratings_parquet": 3}.get(layout, 4)
    word = "row" if layout == "ratings_parquet" else "line"
    separator = {"dat": "::", "100k": " ", "recbole": " "}.get(layout, ",")
    assert list(caught.value.details) == [
        f"{word + ' ' + str(first + k):<13}off_scale     {separator.join(map(str, row))}"
        for k, row in enumerate(bad)
    ]
    archive = read_archive(path, data, 2)
    assert (archive.counts.ratings.n_read, archive.counts.ratings.rejected) == (8, {"off_scale": 2})
    clean = archives.write(tmp_path, layout)
    without = read_archive(clean, archives.block(layout, clean))
    for name, column in vars(without.ratings).items():
        np.testing.assert_array_equal(getattr(archive.ratings, name), column)
    np.testing.assert_array_equal(archive.user_ids, without.user_ids)
    assert archive.movies.equals(without.movies)


@pytest.mark.parametrize("layout", ["dat", "100k", "recbole"])
def test_ids_of_the_other_layouts_are_integers(tmp_path, layout):
    path = archives.write(tmp_path, layout, [*RATINGS, ("x", 50, 3.0, 1)])
    archive = read_archive(path, archives.block(layout, path), 1)
    assert archive.counts.ratings.rejected == {"not_a_number": 1}
    assert archive.user_ids.dtype == np.int64


def test_only_the_first_ten_are_shown_and_none_at_length(tmp_path):
    with pytest.raises(MovierecError) as caught:
        archive_of(tmp_path, "1,2,3,4,\x1b[31m" + "long" * 40 + "\n" + "1,2\n" * 30)
    details = caught.value.details
    assert str(caught.value).startswith(f"{tmp_path}/ratings.csv: 31 of 31 rows rejected (31 wrong")
    assert len(details) == N_SHOWN
    assert details[0].startswith("line 2       wrong_fields  1,2,3,4, [31mlong")
    assert details[0].endswith("…")
    assert max(map(len, details)) < 120
    assert details[9] == "line 11      wrong_fields  1,2"


@pytest.mark.parametrize("ids", [(50, 1, 22, 31), ("tt50", "tt01", "tt22", "031")])
def test_movie_ids_of_the_csv_layout_may_be_text(tmp_path, ids):
    """If they are text in the ratings or in the list of movies."""
    known = dict(zip((50, 1, 22, 31), ids, strict=True))
    ratings = [(user, known[movie], *rest) for user, movie, *rest in RATINGS]
    movies = [(known[movie], *rest) for movie, *rest in archives.MOVIES[:3]]
    for listed in (movies, [*movies, ("new", "Unrated (1999)", [])]):
        path = archives.write(tmp_path, "csv", ratings, listed)
        found = read_archive(path, archives.block("csv", path), 1).movies
        is_text = isinstance(ids[0], str) or len(listed) > 3
        expected = [movie for movie, *_ in listed] + [ids[3]]
        assert found["movie_id"].tolist() == [str(one) if is_text else one for one in expected]
        assert found["title"].tolist()[-1] == f"Movie {ids[3]}"
