"""The movies of a watchlist or another list, whether rated or not."""

import zipfile

import pytest

from movierec.core.errors import MovierecError
from movierec.serving import own_ratings
from tests.serving.test_own_ratings import CATALOGUE, TITLES

IMDB = "Position,Const,Created,Modified,Description,Title,URL,Title Type,IMDb Rating,Year\n"


@pytest.fixture
def read(tmp_path):
    def read(text, name="list.csv"):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        found = own_ratings.read_list(path, CATALOGUE, "watchlist.csv")
        notes = [note.strip().removeprefix(f"{path} ") for note in found.notes]
        return found, {CATALOGUE.titles[item] for item in found.items}, notes

    return read


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            "Date,Name,Year,Letterboxd URI\n2024-01-01,Fargo,1996,u\n2024-01-02,Heat,1995,u\n",
            "Letterboxd",
        ),
        (
            "Letterboxd list export v7\nDate,Name,Tags,URL,Description\n2024-01-01,Mine,,u,\n\n"
            "Position,Name,Year,URL,Description\n1,Fargo,1996,u,\n2,Heat,1995,u,\n",
            "CSV",
        ),
        (IMDB + "1,tt1,,,,Fargo,u,Movie,8.1,1996\n2,tt2,,,,Heat,u,Movie,8.3,1995\n", "IMDb"),
        ("trakt_id,type,title,year\n1,movie,Fargo,1996\n2,movie,Heat,1995\n", "Trakt"),
        ("TMDb ID,Name,Release Date\n1,Fargo,1996-04-05\n2,Heat,1995-12-15\n", "TMDB"),
        (
            "movieId,imdbId,averageRating,title\n9,1,4,Fargo (1996)\n8,2,4,Heat (1995)\n",
            "movielens.org",
        ),
        ("title\nFargo\nHeat\n", "CSV"),
        ("title;rating\nFargo;5\nHeat;\n", "CSV"),
        ("movie_id\n100\n48\n", "CSV by id"),
    ],
)
def test_lists_of_each_format(read, text, kind):
    found, titles, notes = read(text)
    assert titles == {"Fargo (1996)", "Heat (1995)"}
    assert notes[0] == f"({kind}): found 2 of 2 movies in the data set"
    assert found.is_complete == (kind != "CSV by id")  # whose ids are assumed to be ours


def test_series_are_skipped_and_counted(read):
    found, titles, notes = read(
        IMDB + "1,tt1,,,,Fargo,u,TV Series,8.9,2014\n2,tt2,,,,Heat,u,Movie,8.3,1995\n"
    )
    assert titles == {"Heat (1995)"}
    assert notes == ["(IMDb): found 1 of 1 movie in the data set; skipped 1 of type TV Series"]
    assert not found.is_complete


def test_a_text_with_a_title_on_each_line(read):
    text = 'Fargo (1996)\n\n  The Empire Strikes Back\nMaybe, Maybe Not (1994)\nNo "Such" Movie\n'
    _, titles, notes = read(text, "list.txt")
    assert titles == {TITLES[100], TITLES[172], TITLES[302]}
    assert notes == [
        "(list of titles): found 3 of 4 movies in the data set",
        'not found: No "Such" Movie',
    ]


def test_a_text_with_an_id_on_each_line(read):
    _, titles, notes = read("100\n48\n4711\n", "list")
    assert titles == {"Fargo (1996)", "Heat (1995)"}
    assert notes == [
        "(list of movie ids): found 2 of 3 movies in the data set",
        'movie ids taken as the data set\'s own: 100 is "Fargo (1996)", 48 is "Heat (1995)"',
        "not found: movie_id 4711",
    ]


def test_only_a_movie_that_is_certain_is_listed_but_all_that_are_meant_are_seen(read):
    found, titles, notes = read("Sabrina\nFargo\n", "list.txt")
    assert titles == {"Fargo (1996)"}
    assert {CATALOGUE.titles[item] for item in found.seen} == {
        *("Fargo (1996)", "Sabrina (1995)", "Sabrina (1954)")
    }
    assert notes[1].startswith("ambiguous: Sabrina; add the year:")


def test_the_list_in_a_zip(tmp_path):
    path = tmp_path / "letterboxd.zip"
    with zipfile.ZipFile(path, "w") as archive:
        head = "Date,Name,Year,Letterboxd URI\n"
        archive.writestr("watchlist.csv", f"{head}2024-01-01,Fargo,1996,u\n")
        archive.writestr("watched.csv", f"{head}2024-01-01,Heat,1995,u\n")
    for member, title in (("watchlist.csv", "Fargo (1996)"), ("watched.csv", "Heat (1995)")):
        found = own_ratings.read_list(path, CATALOGUE, member)
        assert [CATALOGUE.titles[item] for item in found.items] == [title]


def test_a_list_may_have_none_of_the_movies(read):
    found, titles, notes = read("No Such Movie\n", "list.txt")
    assert (titles, found.seen, found.is_complete) == (set(), set(), False)
    assert notes[0] == "(list of titles): found 0 of 1 movie in the data set"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "list.txt", "empty; give a file with movies"),
        ("Fargo\nHeat\n", "list.csv", "no column title in the header 'Fargo'; use a watchlist or"),
        ("title\n\n", "list.csv", "contains no movies"),
        ('"Fargo\n', "list.csv", "no column title"),
        ("x" * 501, "list.txt", "line 1, column title: a title of more than 500 characters"),
        ("title\n" + "x" * 501, "list.csv", "line 2, column title: a title of more than 500"),
    ],
)
def test_what_is_no_list(read, text, name, message):
    with pytest.raises(MovierecError, match=message):
        read(text, name)
