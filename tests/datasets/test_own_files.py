"""Own files, fuzzed: a right result, as a slow and obvious reader gives it, or one error line."""

import csv
import io
import math
import re
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.datasets.validation import TIMES
from tests.helpers import archives
from tests.helpers.archives import RATINGS, read_archive

NAMES = ("user_id", "movie_id", "rating", "timestamp", "note, or none")
USERS = st.integers(1, 5).map(str) | st.sampled_from(
    ["Änne B", "o'x", "7,5", 'a "b"', "x;y", "007"]
)
ROWS = st.lists(
    st.tuples(USERS, st.integers(1, 9), st.integers(1, 10), st.integers(10**8, 2 * 10**9)),
    min_size=1,
    max_size=9,
)
TIME_FORMS = {
    "seconds": str,
    "fractions": "{}.25".format,
    "dates and times": lambda time: datetime.fromtimestamp(time, UTC).isoformat(),
    "without a zone": lambda time: f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}",
    "none": None,
}


@st.composite
def own_files(draw):
    """The bytes of a CSV file, and its ratings."""
    rows = draw(ROWS)
    show_time = TIME_FORMS[draw(st.sampled_from([*TIME_FORMS]))]
    decimal = draw(st.sampled_from(".,"))
    is_float = draw(st.booleans())
    names = draw(st.permutations([name for name in NAMES if show_time or name != "timestamp"]))
    stream = io.StringIO()
    separator, newline = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(stream, delimiter=separator, lineterminator=newline, quoting=quoting)
    writer.writerow(names)
    for user, movie, doubled, time in rows:
        fields = dict.fromkeys(names, 'é, "“')
        fields |= {"user_id": user, "movie_id": f"{movie}.0" if is_float else str(movie)}
        fields["rating"] = f"{doubled / 2}".replace(".", decimal)
        if show_time:
            fields["timestamp"] = show_time(time)
        writer.writerow(fields[name] for name in names)
    text = stream.getvalue()
    if draw(st.booleans()):
        text = f"sep={separator}{newline}{text}"
    content = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()
    are_text = not all(user.isdecimal() for user, *_ in rows)
    return content, [
        (user if are_text else int(user), movie, doubled / 2, time if show_time else 0)
        for user, movie, doubled, time in rows
    ]


def read(path, content, layout="ratings_csv", max_rejected=0):
    """The ratings, and the archive, of a file of these bytes; None if it is refused in one line."""
    path.write_bytes(content)
    line = ""
    try:
        archive = read_archive(path, archives.block(layout, path), max_rejected)
    except MovierecError as error:
        line = str(error)
    if line:
        assert "\n" not in line
        assert line.startswith(f"{path}: ")
        return None
    users = archive.user_ids[archive.ratings.user_index].tolist()
    movies = archive.movies["movie_id"].to_numpy()[archive.ratings.item_index].tolist()
    rest = archive.ratings.rating.tolist(), archive.ratings.timestamp.tolist()
    return list(zip(users, movies, *rest, strict=True)), archive


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("own")


@settings(max_examples=100)
@given(own_files())
def test_own_files_of_every_form(folder, own):
    content, expected = own
    ratings, _ = read(folder / "own.csv", content)
    assert ratings == expected


BYTES = st.sampled_from(
    [b'"', b",", b"\n", b"\r", b"\0", b"\xff", b";", b"e", b"-", b"9" * 20, b""]
)
DAMAGE = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 3), BYTES), min_size=1, max_size=4
)
LINES = [",".join(map(str, row)) for row in RATINGS]


def damaged(content, damage):
    for place, n_lost, more in damage:
        place %= len(content) + 1
        content = content[:place] + more + content[place + n_lost :]
    return content


def fields_of(line, strict=False):
    """The fields of a line as Python's csv reads it alone; none if a quote is not closed."""
    try:
        rows = list(csv.reader([line, "next"], skipinitialspace=True, strict=strict))
    except csv.Error:
        return []
    return rows[0] if len(rows) == 2 and "\r" not in line else []


def lines_of(content):
    return [line.rstrip("\r") for line in content.decode("utf-8", "replace").split("\n")]


def obvious_row(line):
    """A row of ratings, with ids as text; None if it has to be rejected."""
    fields = [field.strip() for field in fields_of(line)]
    if len(fields) != 4 or "" in fields or "\ufffd" in "".join(fields[:2]):
        return None
    try:
        stars = re.sub(r"^(\d+),(\d{1,2}|\d{4,})$", r"\1.\2", fields[2])
        rating, time = float(stars), math.floor(float(fields[3]))
    except (ValueError, OverflowError):
        return None
    is_float = [re.fullmatch(r"-?\d+(\.\d*e-?|e\+)\d+", field) for field in fields[:2]]
    is_good = 0.5 <= rating <= 5 and 0 <= time < TIMES[1] and "e" not in fields[3]
    rating = float(np.float32(rating))
    return (*fields[:2], rating, time) if is_good and not any(is_float) else None


def as_ids(column):
    """Integers if all are 64-bit integers."""
    is_integer = all(re.fullmatch(r"-?\d{1,19}", one) and abs(int(one)) < 2**63 for one in column)
    return [int(one) for one in column] if is_integer else column


@settings(max_examples=100)
@given(DAMAGE)
def test_damaged_own_files(folder, damage):
    content = damaged("\n".join(LINES * 2).encode(), damage)
    header = b"user_id,movie_id,rating,timestamp\n"
    result = read(folder / "own.csv", header + content, max_rejected=20)
    rows = [row for row in map(obvious_row, lines_of(content)) if row]
    columns = list(zip(*rows, strict=True))
    columns[:2] = map(as_ids, columns[:2])
    assert result
    assert result[0] == list(zip(*columns, strict=True))


@settings(max_examples=100)
@given(DAMAGE)
def test_damaged_lists_of_movies(folder, damage):
    """Each line with three fields, of which the first two are not empty, is a movie."""
    contents = archives.members("csv")
    header, rest = contents["ml-tiny/movies.csv"].split(b"\n", 1)
    rest = damaged(rest, damage)
    contents["ml-tiny/movies.csv"] = header + b"\n" + rest
    path = archives.write_zip(folder / "movies.zip", contents)
    ratings, archive = read(path, path.read_bytes(), "csv", max_rejected=20)
    assert [(int(user), int(movie), *more) for user, movie, *more in ratings] == RATINGS
    expected = {}
    for line in lines_of(rest):
        fields = fields_of(line, strict=True)
        if len(fields) == 3 and all(map(str.strip, fields[:2])) and "\ufffd" not in line:
            expected.setdefault(as_ids([fields[0].strip()])[0], fields[1].strip())
    if not all(isinstance(movie_id, int) for movie_id in expected):
        expected = {str(movie_id): title for movie_id, title in expected.items()}
    rated = {movie for _, movie, *_ in ratings} - expected.keys()
    assert dict(zip(archive.movies["movie_id"], archive.movies["title"], strict=True)) == {
        **expected,
        **{movie: f"Movie {movie}" for movie in rated},
    }
    assert archive.counts.n_unlisted == len(rated)
