"""Readers of archives: the same data from every layout, one clear line for bad archives."""

import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.datasets.validation import N_SHOWN
from tests.helpers import archives
from tests.helpers.archives import LAYOUTS, MOVIES, RATINGS, read_archive

YEARS = {50: 1977, 1: 1995, 22: 2001, 31: None, 40: 1983}
WITH_MOVIES = LAYOUTS[:4]


def read(folder, layout, ratings=RATINGS, newline="\n", max_rejected=0):
    path = archives.write(folder, layout, ratings, newline=newline)
    return read_archive(path, archives.block(layout, path), max_rejected)


def rows_of(archive):
    """The ratings with ids in place of indices."""
    users = archive.user_ids[archive.ratings.user_index]
    movies = archive.movies["movie_id"].to_numpy()[archive.ratings.item_index]
    rest = archive.ratings.rating, archive.ratings.timestamp
    return list(zip(users, movies, *rest, strict=True))


def refusal(path, layout, **changes):
    """The error line for a bad archive, without the file's name."""
    with pytest.raises(MovierecError) as caught:
        read_archive(path, archives.block(layout, path, **changes))
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_ratings(tmp_path, layout, newline):
    archive = read(tmp_path, layout, newline=newline)
    assert rows_of(archive) == RATINGS
    types = [column.dtype for column in vars(archive.ratings).values()]
    assert types == [np.int32, np.int32, np.float32, np.int64]


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("layout", WITH_MOVIES)
def test_every_layout_gives_the_same_movies(tmp_path, layout, newline):
    movies = read(tmp_path, layout, newline=newline).movies
    found = list(movies[["movie_id", "title", "genres"]].itertuples(index=False, name=None))
    assert found == MOVIES
    years = [None if pd.isna(year) else year for year in movies["year"]]
    assert dict(zip(movies["movie_id"], years, strict=True)) == YEARS


def test_quotes_and_commas_in_titles(tmp_path):
    title = 'Naked Gun: "From the Files", The (1988)'
    path = archives.write(tmp_path, "csv", movies=[(50, title, ["Comedy"])])
    movies = read_archive(path, archives.block("csv", path), 3).movies
    assert movies["title"][0] == title
    assert movies["year"][0] == 1988


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("Fawlty Towers (1975-1979)", 1975),
        ("Black Mirror (2011– )", 2011),
        ("2001: A Space Odyssey (1968) ", 1968),
        ("Blade Runner 2049", None),
        ("1984 (Nineteen)", None),
        ("Friday (the 13th) (1980)", 1980),
    ],
)
def test_year_of_a_title(tmp_path, title, year):
    path = archives.write(tmp_path, "csv", movies=[(50, title, [])])
    found = read_archive(path, archives.block("csv", path), 3).movies["year"][0]
    assert (None if pd.isna(found) else found) == year


@pytest.mark.parametrize("layout", ["ratings_csv", "ratings_parquet"])
def test_movies_that_are_only_rated_are_named_by_their_id(tmp_path, layout):
    movies = read(tmp_path, layout).movies
    assert dict(zip(movies["movie_id"], movies["title"], strict=True)) == {
        number: f"Movie {number}" for number in (1, 22, 31, 50)
    }
    assert movies["year"].isna().all()


def test_a_rated_movie_that_is_not_listed_joins_those_that_are(tmp_path):
    ratings = [*RATINGS, (3, 77, 4.5, 881250949), (3, 78, 4.5, 881250949)]
    archive = read(tmp_path, "csv", ratings, max_rejected=2)
    titles = [title for _, title, _ in MOVIES] + ["Movie 77", "Movie 78"]
    assert archive.movies["title"].tolist() == titles
    assert archive.counts.n_unlisted == 2
    with pytest.raises(MovierecError, match="2 of 6 rated movies have no row") as e:
        read(tmp_path, "csv", ratings, max_rejected=1)
    assert e.value.details == ("movie 77", "movie 78")


def test_own_csv_may_order_spell_and_quote_its_columns(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('\ufefftimestamp,"rating",note,movieId,userId\n10,4.5,"a, b",2,1\n', "utf-8")
    archive = read_archive(path, archives.block("ratings_csv", path))
    assert rows_of(archive) == [(1, 2, 4.5, 10)]


def test_order_of_the_ratings_is_kept(tmp_path):
    shuffled = random.Random(1).sample(RATINGS, len(RATINGS))
    assert rows_of(read(tmp_path, "dat", shuffled)) == shuffled


@pytest.mark.parametrize("layout", LAYOUTS)
def test_missing_archive(tmp_path, layout):
    path = archives.write(tmp_path, layout)
    data = archives.block(layout, path)
    path.unlink()
    with pytest.raises(MovierecError, match="no such file; run dvc repro"):
        read_archive(path, data)


@pytest.mark.parametrize("kept", [0, 30, 0.5, 0.99])
@pytest.mark.parametrize("layout", ["csv", "dat", "100k"])
def test_cut_archive(tmp_path, layout, kept):
    path = archives.write(tmp_path, layout)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept if kept > 1 else kept * len(content))])
    assert refusal(path, layout).startswith("not a complete zip archive")


def test_damaged_member(tmp_path):
    many = [(user, 50, 4.0, 881250949) for user in range(500)]
    path = archives.write(tmp_path, "csv", many)
    content = bytearray(path.read_bytes())
    content[100:140] = bytes(40)
    path.write_bytes(content)
    assert refusal(path, "csv").startswith("not a complete zip archive")


def test_cut_parquet(tmp_path):
    path = archives.write(tmp_path, "ratings_parquet")
    path.write_bytes(path.read_bytes()[:-20])
    assert "is its layout in datasets.yaml correct?" in refusal(path, "ratings_parquet")


def test_archive_of_another_layout(tmp_path):
    line = refusal(archives.write(tmp_path, "dat"), "csv")
    assert line == "contains no ml-tiny/movies.csv; is it the archive of this data set?"


def test_archive_in_another_folder(tmp_path):
    line = refusal(archives.write(tmp_path, "csv"), "csv", folder="ml-25m")
    assert line == (
        "contains ml-tiny/movies.csv, not ml-25m/movies.csv; set the data set's folder in"
        " datasets.yaml"
    )


def test_member_of_another_hash(tmp_path):
    path = archives.write(tmp_path, "recbole")
    members = dict.fromkeys(("ml-100k.inter", "ml-100k.item"), "0" * 64)
    line = refusal(path, "recbole", members=members)
    assert line.startswith("set/ml-100k/ml-100k.item has sha256 ")
    assert line.endswith(", not the one pinned in datasets.yaml; download it again")


@pytest.mark.parametrize("column", ["userId", "movieId", "rating"])
def test_column_missing_in_the_csv_layout(tmp_path, column):
    contents = archives.members("csv")
    renamed = contents["ml-tiny/ratings.csv"].replace(column.encode(), b"other")
    path = archives.write_zip(tmp_path / "a.zip", contents | {"ml-tiny/ratings.csv": renamed})
    line = refusal(path, "csv")
    name = column.replace("Id", "_id")
    assert line.startswith(f"ratings.csv: no column {name}; its columns are: ")
    assert "other" in line


@pytest.mark.parametrize("column", ["movieId", "title", "genres"])
def test_column_missing_among_the_movies(tmp_path, column):
    contents = archives.members("csv")
    renamed = contents["ml-tiny/movies.csv"].replace(column.encode(), b"other")
    path = archives.write_zip(tmp_path / "a.zip", contents | {"ml-tiny/movies.csv": renamed})
    line = refusal(path, "csv")
    assert line.startswith(f"movies.csv: no column {column.replace('Id', '_id')}; its columns are:")


def test_column_missing_in_own_csv(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("user_id,movie_id,stars\n1,2,3\n", "utf-8")
    line = refusal(path, "ratings_csv")
    assert line == "no column rating; its columns are: user_id, movie_id, stars"


def test_column_missing_in_own_parquet(tmp_path):
    path = tmp_path / "mine.parquet"
    pd.DataFrame({"user_id": [1], "rating": [3.0]}).to_parquet(path)
    assert (
        refusal(path, "ratings_parquet") == "no column movie_id; its columns are: user_id, rating"
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_empty_data_set(tmp_path, layout):
    assert refusal(archives.write(tmp_path, layout, []), layout) == "contains no ratings"


def test_duplicate_pairs_are_left_to_the_index(tmp_path):
    again = [*RATINGS, RATINGS[0]]
    assert rows_of(read(tmp_path, "csv", again)) == again


# The list of movies: each row is kept, or rejected with its line and reason.

BAD_MOVIES = {
    "9,Alpha, The (1990),Action": "wrong_fields",
    '9,"Alpha (1990),Action': "wrong_fields",
    r'9,"The \"Alpha\" (1990)",Action': "wrong_fields",
    "9,Alpha\r (1990),Action": "wrong_fields",
    ",Alpha (1990),Action": "missing",
    "nan,Alpha (1990),Action": "missing",
    "9, ,Action": "missing",
    "2.5E+10,Alpha (1990),Action": "float_id",
    "1.0,American President again (1995),Comedy": "duplicate",
    "01,American President again (1995),Comedy": "duplicate",
    "9,Am\udce9lie (2001),Romance": "not_text",
}


@given(st.lists(st.sampled_from([*BAD_MOVIES]), max_size=14), st.sampled_from(["\n", "\r\n"]))
def test_each_movie_is_kept_or_rejected(tmp_path_factory, bad, newline):
    """Rejected rows do not affect the others, and each has its line."""
    contents = archives.members("csv", newline=newline)
    more = "".join(line + newline for line in bad).encode("utf-8", "surrogateescape")
    contents["ml-tiny/movies.csv"] += newline.encode() + more
    path = archives.write_zip(tmp_path_factory.mktemp("movies") / "a.zip", contents)
    archive = read_archive(path, archives.block("csv", path), len(bad))
    movies = archive.movies[["movie_id", "title", "genres"]]
    assert list(movies.itertuples(index=False, name=None)) == MOVIES
    rows = archive.counts.movies
    assert (rows.n_read, rows.n_kept) == (len(MOVIES) + len(bad), len(MOVIES))
    first = len(MOVIES) + 3
    assert [row[:2] for row in rows.first] == [
        (f"movies.csv line {first + k}", BAD_MOVIES[line]) for k, line in enumerate(bad)
    ][:N_SHOWN]
    if bad:
        with pytest.raises(MovierecError, match=f"{len(bad)} of .* rows of movies.csv rejected"):
            read_archive(path, archives.block("csv", path), len(bad) - 1)


@pytest.mark.parametrize(
    ("layout", "movie", "reason"),
    [
        ("dat", (9, "A::B (1990)", ["Drama"]), "wrong_fields"),
        ("100k", (9, "A|B (1990)", ["Drama"]), "wrong_fields"),
        *((layout, ("tt9", "A (1990)", []), "not_a_number") for layout in WITH_MOVIES[1:]),
        *((layout, MOVIES[0], "duplicate") for layout in WITH_MOVIES),
    ],
)
def test_bad_movies_of_every_layout(tmp_path, layout, movie, reason):
    path = archives.write(tmp_path, layout, movies=[*MOVIES, movie])
    archive = read_archive(path, archives.block(layout, path), 1)
    assert archive.counts.movies.rejected == {reason: 1}
    assert len(archive.movies) == len(MOVIES)


def test_movies_in_another_encoding(tmp_path):
    path = archives.write(tmp_path, "dat")
    line = refusal(path, "dat", encoding="utf-8")
    assert line.startswith("1 of 5 rows of movies.dat rejected (1 not_text; is encoding in ")


def test_an_id_that_a_table_wrote_as_a_float_is_the_integer(tmp_path):
    """In ratings, in the list of movies, or in both."""
    expected = read(tmp_path, "csv")
    ratings = [(f"{user}.0", movie, *rest) for user, movie, *rest in RATINGS]
    movies = [(f"{movie}.0", *rest) for movie, *rest in MOVIES]
    for rows, listed in [(ratings, MOVIES), (RATINGS, movies), (ratings[:1] + RATINGS[1:], movies)]:
        path = archives.write(tmp_path, "csv", rows, listed)
        archive = read_archive(path, archives.block("csv", path))
        assert rows_of(archive) == RATINGS
        assert archive.movies.equals(expected.movies)


def test_such_a_float_beside_text_is_rejected(tmp_path):
    ratings = [("anna", 50, 4.0, 1), ("7.0", 50, 4.0, 1), ("7", 50, 4.0, 1)]
    archive = read(tmp_path, "csv", ratings, max_rejected=1)
    assert archive.user_ids.tolist() == ["anna", "7"]
    assert archive.counts.ratings.rejected == {"float_id": 1}
