"""People's own ratings out of the files that they have."""

import zipfile
from pathlib import Path

import pytest

from movierec.core.errors import MovierecError
from movierec.serving import import_ratings
from movierec.serving.import_ratings import ImportedRating

HALF_STARS, WHOLE_STARS = (0.5, 5.0), (1.0, 5.0)
LETTERBOXD = """Date,Name,Year,Letterboxd URI,Rating
2024-03-01,The Matrix,1999,https://boxd.it/2a1m,4.5
2024-03-02,"Lock, Stock and Two Smoking Barrels",1998,https://boxd.it/29Qk,0.5
2024-03-03,Amélie,2001,https://boxd.it/2b1g,
"""
IMDB = (
    "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),"
    "Year,Genres,Num Votes,Release Date,Directors\n"
    "tt0211915,10,2024-01-05,Amélie,Le fabuleux destin d'Amélie Poulain,u,Movie,8.3,122,2001,"
    '"Comedy, Romance",1,2001-04-25,Jean-Pierre Jeunet\n'
    "tt0112691,1,2024-01-05,A Close Shave,A Close Shave,u,Short,8.1,30,1995,Comedy,1,1995-12-24,x\n"
    "tt0903747,9,2024-01-05,Breaking Bad,,u,TV Series,9.5,49,2008,Crime,1,2008-01-20,x\n"
    "tt0944947,9,2024-01-05,Winter Is Coming,,u,tvEpisode,9,60,2011,Drama,1,2011-04-17,x\n"
)


@pytest.fixture
def export(tmp_path):
    def read(text, scale=HALF_STARS, encoding="utf-8"):
        (tmp_path / "ratings.csv").write_text(text, encoding=encoding)
        return import_ratings.read(tmp_path / "ratings.csv", scale)

    return read


@pytest.fixture
def refusal(export, tmp_path):
    def read(text, **kind):
        with pytest.raises(MovierecError) as caught:
            export(text, **kind)
        line = str(caught.value)
        assert "\n" not in line
        assert line.startswith(f"{tmp_path / 'ratings.csv'}: ")
        return line.removeprefix(f"{tmp_path / 'ratings.csv'}: ")

    return read


def test_letterboxd(export):
    found = export(LETTERBOXD)
    assert found.kind == "Letterboxd"
    assert found.rated == [
        ImportedRating(("The Matrix",), 1999, 4.5),
        ImportedRating(("Lock, Stock and Two Smoking Barrels",), 1998, 0.5),
    ]
    assert found.skipped == {"without a rating": 1}


def test_letterboxd_s_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "letterboxd.zip", "w") as archive:
        archive.writestr("watched.csv", "Date,Name,Year,Letterboxd URI\n")
        archive.writestr("ratings.csv", LETTERBOXD)
    assert len(import_ratings.read(tmp_path / "letterboxd.zip", HALF_STARS).rated) == 2


def test_a_zip_without_ratings(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("watched.csv", "Date,Name,Year,Letterboxd URI\n")
    with pytest.raises(
        MovierecError, match=r"a\.zip: contains no ratings\.csv; use a zip exported by"
    ):
        import_ratings.read(tmp_path / "a.zip", HALF_STARS)


def test_imdb_s_scale_is_mapped_to_the_data_set_s_and_other_than_movies_is_skipped(export):
    found = export(IMDB)
    assert found.kind == "IMDb"
    titles = ("Amélie", "Le fabuleux destin d'Amélie Poulain")
    assert found.rated == [
        ImportedRating(titles, 2001, 5.0),
        ImportedRating(("A Close Shave",), 1995, 0.5),
    ]
    assert found.skipped == {"that are not movies": 2}


@pytest.mark.parametrize(
    ("text", "scale", "rating"),
    [
        ("Const,Your Rating,Title\ntt1,10,A\n", WHOLE_STARS, 5.0),
        ("Const,Your Rating,Title\ntt1,1,A\n", WHOLE_STARS, 1.0),
        ("Const,Your Rating,Title\ntt1,5.5,A\n", WHOLE_STARS, 3.0),
        ("Name,Letterboxd URI,Rating\nA,u,2.75\n", WHOLE_STARS, 3.0),
        ("Name,Letterboxd URI,Rating\nA,u,3\n", (0, 100), 55.5555),
        ("title,rating\nA,3.5\n", WHOLE_STARS, 3.5),
        ('title,rating\nA,"3,5"\n', WHOLE_STARS, 3.5),
    ],
)
def test_scales(export, text, scale, rating):
    assert export(text, scale).rated[0].rating == pytest.approx(rating, abs=1e-4)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_plain_file(export, encoding):
    found = export("Title, Rating ,year\nAmélie,4,2001\nAlien (1979),3,\n", encoding=encoding)
    assert (found.kind, found.rated) == (
        "CSV",
        [ImportedRating(("Amélie",), 2001, 4.0), ImportedRating(("Alien (1979)",), None, 3.0)],
    )
    by_id = export("movie_id,rating\n7,4\n")
    assert by_id.rated == [ImportedRating((), None, 4.0, "7")]
    assert str(by_id.rated[0]) == "movie_id 7"


def test_bad_files(refusal, tmp_path):
    unknown = (
        "unknown format; use ratings exported by Letterboxd or IMDb, or a CSV file with the columns"
    )
    for text in ("", "a,b\n1,2\n", "Date,Name,Year,Letterboxd URI\n2024-03-01,A,1999,u\n"):
        assert refusal(text).startswith(unknown)
    assert refusal("title,rating\nA,4\nB,great\n") == "line 3: 'great' is not a rating"
    assert refusal("title,rating\nA,6\n") == "line 2: ratings range from 0.5 to 5, not 6"
    assert refusal("title,rating\nA,nan\n") == "line 2: ratings range from 0.5 to 5, not nan"
    assert refusal("Const,Your Rating,Title\ntt1,11,A\n").startswith(
        "line 2: ratings range from 1 to 10"
    )
    assert refusal("title,rating\nÄ,4\n", encoding="latin-1") == (
        "not UTF-8 text; save it as CSV in UTF-8"
    )
    with pytest.raises(MovierecError, match=r"none\.csv: no such file$"):
        import_ratings.read(Path(tmp_path / "none.csv"), HALF_STARS)
