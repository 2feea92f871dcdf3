"""People's own ratings out of the files that they have."""

import csv
import io
import os
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.serving import import_ratings, rating_files, rating_tables
from movierec.serving.import_ratings import ImportedMovie

HALF_STARS, WHOLE_STARS = (0.5, 5.0), (1.0, 5.0)
LETTERBOXD = """Date,Name,Year,Letterboxd URI,Rating
2024-03-01,The Matrix,1999,https://boxd.it/2a1m,4.5
2024-03-02,"Lock, Stock and Two Smoking Barrels",1998,https://boxd.it/29Qk,0.5
2024-03-03,Amélie,2001,https://boxd.it/2b1g,
"""
FORMATS = {
    "IMDb": (
        "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Year\n"
        "tt1,7,2024-01-05,Amélie,Le fabuleux destin d'Amélie Poulain,u,Movie,8.3,2001\n"
        "tt2,9,2024-01-05,Breaking Bad,,u,TV Series,9.5,2008\n"
        "tt3,9,2024-01-05,Ozymandias,,u,TV Episode,9,2011\n"
        "tt4,9,2024-01-05,Doom,,u,Video Game,9,1993\n"
    ),
    "IMDb, 2025": (
        "Position,Const,Created,Modified,Description,Title,Original Title,URL,Title Type,"
        "IMDb Rating,Runtime (mins),Year,Genres,Num Votes,Release Date,Directors,Your Rating,"
        "Date Rated\n"
        "1,tt1,2025-06-22,,,Amélie,Le fabuleux destin d'Amélie Poulain,u,Movie,8.3,122,2001,"
        '"Comedy, Romance",1,2001-04-25,J,7,2024-01-05\n'
        "2,tt2,2025-06-22,,,Unseen,Unseen,u,Movie,8.3,122,2001,Drama,1,2001-04-25,J,,\n"
    ),
    "IMDb, 2017": (
        "Const,Your Rating,Date Rated,Title,URL,Title Type,IMDb Rating,Runtime (mins),Year\n"
        "tt1,7,2018-01-05,Amélie,u,movie,8.3,122,2001\n"
        "tt2,9,2018-01-05,Winter Is Coming,u,tvEpisode,9,60,2011\n"
    ),
    "IMDb until 2017": (
        '"position","const","created","modified","description","Title","Title type","Directors",'
        '"You rated","IMDb Rating","Runtime (mins)","Year","Genres"\n'
        '"1","tt1","Fri Jan  5 00:00:00 2018","","","Amélie","Feature Film","J","7","8.3","122",'
        '"2001","comedy, romance"\n'
        '"2","tt2","Fri Jan  5 00:00:00 2018","","","Doom","Video Game","x","9","9","0","1993",""\n'
    ),
    "Trakt": (
        "rated_at,type,title,year,trakt_rating,trakt_id,imdb_id,tmdb_id,genres,rating\n"
        "2024-01-05T06:33:00Z,movie,Amélie,2001,8.1,1,tt1,1,comedy,7\n"
        "2024-01-05T06:33:00Z,episode,Amélie,2001,8.5,3,,,crime,3\n"
    ),
    "TMDB": (
        "TMDb ID,IMDb ID,Type,Name,Release Date,Season Number,Episode Number,Rating,Your Rating,"
        "Date Rated\n"
        "1,tt1,movie,Amélie,2001-05-04T00:00:00Z,,,9.2,6.8333333,2024-01-05T00:00:00Z\n"
        "2,tt2,tv,Moon Knight,2022-03-30T00:00:00Z,,,7.6,6.0,2024-01-05T00:00:00Z\n"
    ),
    "Letterboxd": "Date,Name,Year,Letterboxd URI,Rating\n2024-01-05,Amélie,2001,u,3.5\n",
    "Letterboxd, diary": (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date\n"
        '2024-01-05,Amélie,2001,u,3.5,,"Two lines,\n""quoted""\n",,2024-01-05\n'
    ),
    "Letterboxd import": "Title,Year,Rating10,WatchedDate\nAmélie,2001,7,2024-01-05\n",
    "Letterboxd import, stars": (
        "LetterboxdURI,tmdbID,imdbID,Title,Year,Directors,Rating,Rating10,WatchedDate\n"
        "u,1,tt1,Amélie,2001,J,3.5,,2024-01-05\n"
    ),
    "Simkl": (
        "SIMKL_ID,Title,Type,Year,Watchlist,LastEpWatched,WatchedDate,Rating,Memo,TVDB,TMDB,IMDB\n"
        "1,Amélie,movie,2001,completed,,2024-01-05,7,,,,\n"
    ),
    "movielens.org": (
        "movie_id,imdb_id,tmdb_id,rating,average_rating,title\n4973,tt1,1,3.5,3.2,Amélie (2001)\n"
    ),
}
AMELIE = {  # as a rating from 1 to 5
    "IMDb": 1 + 4 * 6 / 9,
    "Trakt": 1 + 4 * 6 / 9,
    "Simkl": 1 + 4 * 6 / 9,
    "TMDB": 1 + 4 * 6 / 9,
    "Letterboxd": 1 + 4 * 3 / 4.5,
    "Letterboxd import": 1 + 4 * 6 / 9,
    "Letterboxd import, stars": 1 + 4 * 3 / 4.5,
    "movielens.org": 1 + 4 * 3 / 4.5,
}


@pytest.fixture
def export(tmp_path):
    def read(text, scale=HALF_STARS, encoding="utf-8", given=None):
        content = text if isinstance(text, bytes) else text.encode(encoding)
        (tmp_path / "ratings.csv").write_bytes(content)
        return import_ratings.read(tmp_path / "ratings.csv", scale, given)

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


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_read_as_what_it_is(export, name):
    found = export(FORMATS[name], WHOLE_STARS)
    [movie] = found.movies
    expected = AMELIE.get(name) or AMELIE[name.split(",")[0].split(" until")[0]]
    assert found.kind == name.split(",")[0]
    assert movie.titles[0].removesuffix(" (2001)") == "Amélie"
    assert movie.year == (None if name == "movielens.org" else 2001)
    assert movie.rating == pytest.approx(expected, abs=1e-6)
    assert movie.movie_id == ("4973" if name == "movielens.org" else "")
    if name != "movielens.org":
        assert 1704412800 <= movie.time < 1704499200 or name == "IMDb, 2017" or "until" in name
    assert not found.assumed_scale


def test_rows_that_are_no_movies_or_have_no_rating_are_counted(export):
    assert export(FORMATS["IMDb"]).skipped == {
        "of type TV Series": 1,
        "of type TV Episode": 1,
        "of type Video Game": 1,
    }
    assert export(FORMATS["IMDb, 2025"]).skipped == {"without a rating": 1}
    assert export(FORMATS["Trakt"]).skipped == {"of type episode": 1}
    assert export(LETTERBOXD).skipped == {"without a rating": 1}
    assert export("title,rating\n,4\nA,3\n").skipped == {"without a title": 1}
    assert export("movie_id,rating\n,4\n1,3\n").skipped == {"without an id": 1}


def test_original_titles_and_dates_are_kept(export):
    [movie] = export(FORMATS["IMDb"]).movies
    assert movie.titles == ("Amélie", "Le fabuleux destin d'Amélie Poulain")
    for name in ("timestamp", "rated_at", "Watched Date"):
        assert export(f"movie_id,rating,{name}\n1,4,1e5\n2,.5,7\n").movies[1].time == 7
    dates = {"2024-01-05": 1704412800, "1704412800": 1704412800, "last week": None, "": None}
    for text, seconds in dates.items():
        assert export(f"title,rating,date\nA,4,{text}\n").movies[0].time == seconds


@pytest.mark.parametrize(
    ("text", "scale", "given", "rating"),
    [
        ("Const,Your Rating,Title\ntt1,10,A\n", WHOLE_STARS, None, 5.0),
        ("Const,Your Rating,Title\ntt1,1,A\n", WHOLE_STARS, None, 1.0),
        ("Const,Your Rating,Title\ntt1,5.5,A\n", WHOLE_STARS, None, 3.0),
        ("Name,Letterboxd URI,Rating\nA,u,2.75\n", WHOLE_STARS, None, 3.0),
        ("Name,Letterboxd URI,Rating\nA,u,3\n", (0, 100), None, 55.5555),
        ("title,rating\nA,3.5\n", WHOLE_STARS, None, 3.5),
        ('title,rating\nA,"3,5"\n', WHOLE_STARS, None, 3.5),
        ("title,rating\nA,10\n", WHOLE_STARS, (1, 10), 5.0),
        ("title,rating\nA,50\n", WHOLE_STARS, (0, 100), 3.0),
        ("title,rating\nA,-1\n", WHOLE_STARS, (-1, 1), 1.0),
        ("Name,Letterboxd URI,Rating\nA,u,5\n", WHOLE_STARS, (1, 10), 1 + 16 / 9),
    ],
)
def test_scales(export, text, scale, given, rating):
    found = export(text, scale, given=given)
    assert found.movies[0].rating == pytest.approx(rating, abs=1e-4)
    assert found.assumed_scale == (given is None and "title,rating" in text)


FARGO = [ImportedMovie(("Fargo",), 1996, 4.5)]


@pytest.mark.parametrize(
    "text",
    [
        "title,year,rating\nFargo,1996,4.5\n",
        "title,year,rating\r\nFargo,1996,4.5\r\n",
        "title,year,rating\rFargo,1996,4.5\r",
        "\n\ntitle,year,rating\n\nFargo,1996,4.5\n\n,,\n",
        "Title, Year , RATING\nFargo, 1996, 4.5",
        '"title", "year", "rating"\n"Fargo", "1996", "4.5"\n',
        'title,year,rating\nFargo,1996,"4,5"\n',
        "title;year;rating\nFargo;1996;4,5\n",
        "title\tyear\trating\nFargo\t1996\t4,5\n",
        "sep=;\ntitle;year;rating\nFargo;1996;4,5\n",
        '"sep=|"\ntitle|year|rating\nFargo|1996|4.5\n',
        "title,year,rating\nFargo,1996.0,4.5\n",
        "title,year,rating,\nFargo,1996,4.5,,,\n",
        "name,released,year,rating,note\nFargo,x,1996,4.5\n",
        "title,year,rating\n Fargo\x07 ,1996,4.5\n",
        "title,year,rating\nFargo&#x20;,1996,4.5\n",
        ",,,\ntitle,year,rating,\n,,,\nFargo,1996,4.5,\n",
        "; ;\n\nsep=;\n;;\ntitle;year;rating\nFargo;1996;4,5\n",
        "Film,Year,Stars\nFargo,1996,4.5\n",
        "Movie Title,year,score\nFargo,1996,4.5\n",
        "movie,year,Rating,Your Rating\nFargo,1996,1,4.5\nHeat,1995,1,\n",
        "title,year,stars,My rating\nFargo,1996,1,4.5\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_plain_file(export, text, encoding):
    found = export(text, encoding=encoding)
    assert (found.kind, found.movies) == ("CSV", FARGO)


def test_old_exports_of_imdb_are_in_windows_1252(export):
    [movie] = export(FORMATS["IMDb, 2017"], encoding="windows-1252").movies
    assert movie.titles == ("Amélie",)


def test_ids(export):
    for head in ("movie_id,rating", "movieId,rating", "Movie ID;Rating", "userId,movieId,rating"):
        row = "1,7,4" if head.startswith("user") else "7;4" if ";" in head else "7,4"
        found = export(f"{head}\n{row}\n")
        assert found.movies == [ImportedMovie((), None, 4.0, "7")]
        assert (found.kind, found.has_titles) == ("CSV by id", False)
    assert str(found.movies[0]) == "movie_id 7"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "empty; give a file with ratings"),
        (b"\xef\xbb\xbf\n \n", "empty; give a file with ratings"),
        ("a,b\n1,2\n", "unknown format, with the header 'a,b'; use ratings exported by Letterboxd"),
        ("Date,Name,Year,Letterboxd URI\n2024-03-01,A,1999,u\n", "no column rating in the header"),
        ("Titre;Rating\nA;3\n", "no column title in the header 'Titre;Rating'; use ratings"),
        ('title,"rating\n', "unknown format, with the header"),
        ("User name,title,rating\na,A,3\nb,A,3\n", "ratings of 2 users; keep the rows of one of"),
        (
            "title,rating\nA,4\nB,great\n",
            "line 3, column rating: 'great' is not a rating; correct it, or",
        ),
        ("title,rating\nA,nan\n", "line 2, column rating: 'nan' is not a rating"),
        ("title,rating\nA,1e3\n", "line 2, column rating: '1e3' is not a rating"),
        ("title,rating\nA,٤\n", "line 2, column rating: '٤' is not a rating"),
        ("title,year,rating\nA,96,4\n", "line 2, column year: '96' is not a year; correct it"),
        (
            "title,rating\nA,4\nB,8\nC,10\n",
            "line 3, column rating: 8 is not on the scale of 0.5 to",
        ),
        ("title,rating\nA,4,5\n", "line 2: 3 fields, but the header has 2; are there quotes"),
        ("title,rating\nA\n", "line 2: 1 field, but the header has 2; are there quotes"),
        ("title,rating\n\nFargo;4\n", "line 3: 1 field, but the header has 2"),
        ('title,rating\nA,3\n"B,4\nC,5\n', "line 3: a quote that is never closed; is a quote"),
        ('title,rating\n"A,3\n"B,4\n', "line 2: ',' expected after '\"'; is a quote missing"),
        ('title,rating\n"A\nB",4\n', "line 2: a text of several lines; is a quote missing?"),
        (f"title,rating\nA,4\n{'x' * 501},4\n", "line 3, column title: a title of more than 500"),
        (f"title,rating\nA,4\n{'x' * 140_000},4\n", "line 3: field larger than field limit"),
        ("title,rating\nA\0,4\n", "line 2: NUL in the text; is it a CSV file?"),
        ("title,rating,Rating\nA,4,5\n", "the column rating appears twice; keep one of them"),
        ("userId,movieId,rating\n1,2,3\n2,2,3\n", "ratings of 2 users; keep the rows of one of"),
        ("Title,rating\nA,4\nÄ,4\n".encode("latin-1"), "line 3: not UTF-8 text; save it as CSV"),
        ("título,nota\nA,4\n".encode("latin-1"), "line 1: not UTF-8 text; save it as CSV in"),
        ("title,rating\nA,4\n".encode("utf-16")[:-1], "damaged UTF-16-LE text; save it as CSV"),
    ],
)
def test_bad_files(refusal, text, reason):
    assert refusal(text).startswith(reason)


@pytest.mark.parametrize(
    ("ratings", "guess"),
    [
        ((8, 3), "a scale of 1 to 10? give --scale 1-10"),
        ((95, 3), "a scale of 0 to 100? give --scale 0-100"),
        ((0.5, 3), "a scale of 0.5 to 5? give --scale 0.5-5"),
        ((0, 3), "not rated? leave it empty; a scale of 0 to 5? give --scale 0-5"),
        ((-1, 3), "give its scale with --scale MIN-MAX"),
        ((101, 3), "give its scale with --scale MIN-MAX"),
    ],
)
def test_a_guess_at_the_scale(refusal, ratings, guess):
    first, second = ratings
    line = refusal(f"title,rating\nA,{first}\nB,{second}\n", scale=WHOLE_STARS)
    assert line == f"line 2, column rating: {first} is not on the scale of 1 to 5; {guess}"
    assert refusal(FORMATS["Letterboxd"].replace("3.5", "7")).endswith("give --scale 1-10")
    assert refusal(FORMATS["Trakt"].replace(",7\n", ",0\n")).endswith("give --scale 0-10")
    assert refusal(FORMATS["IMDb"].replace(",7,", ",11,")).startswith(
        "line 2, column Your Rating: 11"
    )


def test_what_is_not_a_file_of_one_person(tmp_path, refusal, monkeypatch):
    for path, reason in {
        tmp_path / "none.csv": "no such file",
        tmp_path: "a folder; give a file, such as the ratings.csv in it",
        "/dev/zero": "more than the 64,000,000 bytes allowed; give one person's ratings",
    }.items():
        with pytest.raises(MovierecError) as caught:
            import_ratings.read(type(tmp_path)(path), HALF_STARS)
        assert str(caught.value) == f"{path}: {reason}"
    monkeypatch.setattr(rating_tables, "MAX_ROWS", 2)
    assert refusal("title,rating\nA,3\nB,3\nC,3\n").startswith("more than the 2 rows allowed")
    monkeypatch.setattr(rating_files, "MAX_SIZE", 20)
    assert refusal("title,rating\nA,3\nB,3\n").startswith("more than the 20 bytes allowed; give")


@pytest.mark.parametrize("content", [LETTERBOXD.encode(), LETTERBOXD.encode() * 2000])
def test_a_pipe(tmp_path, content):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor() as threads:
        threads.submit(path.write_bytes, content)
        assert rating_files.read_content(path) == content


def test_an_error_of_the_disk_names_the_file():
    with pytest.raises(OSError, match="/proc/self/mem"):  # which opens, but cannot be read at 0
        rating_files.read_content(Path("/proc/self/mem"))


# --- Zips


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["watched.csv", "ratings.csv"], ""),
        (["someone-2024/ratings.csv", "someone-2024/deleted/ratings.csv"], ""),
        (["a/ratings.csv", "__MACOSX/a/._ratings.csv", "a/._ratings.csv"], ""),
        (["a\\Ratings.CSV"], ""),
        (["imdb.csv", "readme.txt"], ""),
        (["readme.txt", "xl/workbook.xml"], "contains no ratings.csv; give a zip exported by"),
        (["a.csv", "b.csv"], "contains a.csv and b.csv; give the file to read"),
        (["ratings.csv", "ratings.csv"], "contains ratings.csv and ratings.csv; give the file"),
        (["a/ratings.csv", "b/ratings.csv"], "contains a/ratings.csv and b/ratings.csv; give"),
        ([], "contains no ratings.csv; give a zip exported by Letterboxd, or a CSV file"),
    ],
)
def test_the_ratings_in_a_zip(tmp_path, names, reason):
    path = zipped(tmp_path / "mine.zip", [(name, LETTERBOXD) for name in names])
    if not reason:
        assert len(import_ratings.read(path, HALF_STARS).movies) == 2
        return
    with pytest.raises(MovierecError) as caught:
        import_ratings.read(path, HALF_STARS)
    assert str(caught.value).startswith(f"{path}: {reason}")


def test_a_zip_bomb(tmp_path, monkeypatch):
    path = zipped(tmp_path / "mine.zip", [("ratings.csv", bytes(20_000_000))])
    with pytest.raises(MovierecError, match=r"expands to more than 1000 times its size"):
        import_ratings.read(path, HALF_STARS)
    monkeypatch.setattr(rating_files, "MAX_SIZE", 400)
    path = zipped(tmp_path / "mine.zip", [("ratings.csv", LETTERBOXD * 2)])
    with pytest.raises(MovierecError, match=r"is 428 bytes uncompressed, more than the 400 al"):
        import_ratings.read(path, HALF_STARS)


# --- Any file: a right answer, or one line


def check_answer(path):
    """Whatever the file, ratings on the scale or one line that names it."""
    try:
        found = import_ratings.read(path, HALF_STARS)
    except MovierecError as error:
        line = str(error)
    else:
        assert all(0.5 <= movie.rating <= 5 for movie in found.movies)
        return found
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return None


# fmt: off
CELLS = st.sampled_from([
    "4", "4.5", "4,5", "11", "", " ", "Fargo", 'The "Best", Film', "1996", "x\ny", "\r", "movie",
    "2024-01-05", "tv", "é", "\ufeff", "9" * 400, "-1", "1e5", "nan", "\t", "=1+1", "\x1b[31m",
])
COLUMNS = st.sampled_from([
    "title", "Name", "rating", "Your Rating", "Const", "year", "movie_id", "userId", "type", "date",
    "Rating10", "Letterboxd URI", "trakt_id", "", " x ",
])
# fmt: on
ANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@ANY
@given(
    header=st.lists(COLUMNS, min_size=1, max_size=7),
    rows=st.lists(st.lists(CELLS, max_size=8), max_size=6),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252", "utf-32"]),
)
def test_every_row_of_any_table_is_rated_or_counted(tmp_path, header, rows, separator, encoding):
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows([["title", "rating", *header], *rows])
    path = tmp_path / "mine.csv"
    path.write_bytes(text.getvalue().encode(encoding, "replace"))
    if found := check_answer(path):
        n_rows = sum(any(cell.strip() for cell in row) for row in rows)
        assert len(found.movies) + found.skipped.total() == n_rows


@ANY
@given(data=st.data(), name=st.sampled_from(sorted(FORMATS)))
def test_a_damaged_text(tmp_path, data, name):
    path, content = tmp_path / "mine.csv", bytearray(FORMATS[name].encode())
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=4)
    ):
        content[place] = value
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    check_answer(path)


@ANY
@given(st.binary(max_size=200))
def test_any_bytes(tmp_path, content):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    check_answer(path)


@ANY
@given(
    data=st.data(),
    method=st.sampled_from(
        [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    ),
)
def test_a_damaged_zip(tmp_path, data, method):
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a/ratings.csv", LETTERBOXD)
    content = bytearray(path.read_bytes())
    end = content.index(b"PK\x01\x02")
    place = st.integers(0, len(content) - 1) | st.integers(end, len(content) - 1)
    for at, value in data.draw(
        st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=3)
    ):
        content[at] = value
    path.write_bytes(content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))])
    found = check_answer(path)
    assert found is None or len(found.movies) <= 2


def test_an_encrypted_zip(tmp_path):
    path = zipped(tmp_path / "mine.zip", [("ratings.csv", LETTERBOXD)])
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02") + 8
    path.write_bytes(content[:at] + struct.pack("<H", 1) + content[at + 2 :])
    with pytest.raises(MovierecError, match=r"ratings\.csv is encrypted; decrypt it first$"):
        import_ratings.read(path, HALF_STARS)
