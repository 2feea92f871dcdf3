"""The movies of a file of ratings in the data set, each row accounted for."""

import pyarrow as pa
import pytest

from movierec.core.errors import MovierecError
from movierec.serving import own_ratings
from movierec.serving.catalogue import Catalogue

TITLES = {  # by id
    50: "Star Wars (1977)",
    100: "Fargo (1996)",
    1: "Toy Story (1995)",
    2: "GoldenEye (1995)",
    172: "Empire Strikes Back, The (1980)",
    176: "Professional, The (1994)",
    7: "Twelve Monkeys (1995)",
    11: "Seven (Se7en) (1995)",
    22: "Braveheart (1995)",
    48: "Heat (1995)",
    274: "Sabrina (1995)",
    485: "Sabrina (1954)",
    246: "Chasing Amy (1997)",
    268: "Chasing Amy (1997)",
    302: "Maybe, Maybe Not (Bewegte Mann, Der) (1994)",
    303: "Bewegte Mann, Der (1994)",
}
CATALOGUE = Catalogue(
    pa.table({"movie_id": pa.array(TITLES, pa.int64()), "title": list(TITLES.values())})
)


@pytest.fixture
def read(tmp_path):
    def read(text, movies=CATALOGUE, **options):
        path = tmp_path / "mine.csv"
        path.write_text(text, "utf-8")
        own = own_ratings.read(path, movies, (1.0, 5.0), **options)
        first, *notes = own.notes
        named = {movies.titles[item]: rating for item, rating in own.ratings.items()}
        return own, named, [first.removeprefix(f"{path} "), *(note.strip() for note in notes)]

    return read


ASSUMED = "ratings read as 1 to 5; --scale MIN-MAX changes that"


def test_ids_of_another_catalogue_count_for_nothing(read):
    """The ids of movielens.org's own export are those of its larger data sets."""
    _, ratings, notes = read(
        "movie_id,imdb_id,tmdb_id,rating,average_rating,title\n"
        "2,0113497,8844,5.0,3.2,Jumanji (1995)\n"
        "6,0113277,949,5.0,3.8,Heat (1995)\n"
        "47,0114369,807,5.0,4.1,Seven (a.k.a. Se7en) (1995)\n"
        "110,0112573,197,0.5,4.0,Braveheart (1995)\n"
    )
    assert ratings == {"Heat (1995)": 5, "Seven (Se7en) (1995)": 5, "Braveheart (1995)": 1}
    assert notes == [
        "(movielens.org): found 3 of 4 movies in the data set",
        "not found: Jumanji (1995)",
    ]


def test_an_id_decides_between_movies_of_the_same_title(read):
    own, ratings, _ = read("movie_id,title,rating\n485,Sabrina,4\n2,Sabrina (1995),3\n")
    assert ratings == {"Sabrina (1954)": 4, "Sabrina (1995)": 3}
    assert {TITLES[CATALOGUE.movie_ids[item]] for item in own.seen} == set(ratings)


def test_ids_without_titles_are_taken_as_the_data_set_s_which_is_said(read):
    _, ratings, notes = read(f"movieId,rating\n1,4\n2.0,3\n007.00,5\n1.5,2\n{2**70},1\n-1,1\n")
    assert ratings == {"Toy Story (1995)": 4, "GoldenEye (1995)": 3, "Twelve Monkeys (1995)": 5}
    assert notes == [
        "(CSV by id): found 3 of 6 movies in the data set",
        ASSUMED,
        "movie ids taken as the data set's own:"
        ' 1 is "Toy Story (1995)", 2.0 is "GoldenEye (1995)"',
        f"not found: movie_id 1.5; movie_id {2**70}; movie_id -1",
    ]


def test_ids_of_which_most_are_unknown_are_those_of_another_data_set(read):
    with pytest.raises(MovierecError, match=r"2 of 3 movie ids are not in the data set, so they"):
        read("movieId,rating\n1,4\n9002,3\n9003,3\n")


def test_ids_that_are_text(read):
    movies = Catalogue(pa.table({"movie_id": ["1.0", "x7"], "title": ["A (1990)", "B (1990)"]}))
    assert read("movie_id,rating\n1.0,4\nx7,3\n", movies)[1] == {"A (1990)": 4, "B (1990)": 3}


def test_titles_of_imdb(read):
    _, ratings, notes = read(
        "Const,Your Rating,Title,Original Title,Title Type,Year\n"
        "tt1,10,Star Wars: Episode V - The Empire Strikes Back,,Movie,1980\n"
        "tt2,10,Léon: The Professional,Léon,Movie,1994\n"
        "tt3,10,12 Monkeys,12 Monkeys,Movie,1995\n"
        "tt4,10,Heat,Heat,Movie,1996\n"
        "tt5,10,Goldeneye 007,,Video Game,1997\n"
        "tt6,10,Brazil,Brazil,Movie,1985\n"
        "tt7,10,Heat,Heat,Movie,1986\n"
    )
    assert list(ratings) == [TITLES[172], TITLES[176], TITLES[7], TITLES[48]]
    assert notes == [
        "(IMDb): found 4 of 6 movies in the data set; skipped 1 of type Video Game",
        'found with a year that differs by one: Heat (1996) is "Heat (1995)"',
        "found by a part of the title: Star Wars: Episode V - The Empire Strikes Back (1980) is"
        ' "The Empire Strikes Back (1980)"; Léon: The Professional (1994) is'
        ' "The Professional (1994)"',
        'not found: Heat (1986); did you mean "Heat (1995)"?',
        "not found: Brazil (1985)",
    ]


@pytest.mark.parametrize(
    ("dates", "rating", "kept"),
    [
        (["2024-01-02", "2023-01-01"], 4, "latest"),
        (["2023-01-01", "2024-01-02T10:00:00Z"], 2, "latest"),
        (["2024-01-02", "2024-01-02"], 2, "latest"),
        (["2024-01-02", ""], 2, "last"),
        (["1000000000", "900000000"], 4, "latest"),
    ],
)
def test_of_two_ratings_of_a_movie_the_latest_counts_which_is_said(read, dates, rating, kept):
    first, second = dates
    _, ratings, notes = read(f"title,rating,date\nFargo,4,{first}\nFargo (1996),2,{second}\n")
    assert ratings == {"Fargo (1996)": rating}
    assert f"rated more than once: 1 movie; the {kept} rating counts" in notes


def test_other_movies_of_the_same_name_and_year_are_seen_too(read):
    for title in ("Chasing Amy (1997)", "Der bewegte Mann (1994)", "Sabrina"):
        own, ratings, _ = read(f"title,rating\nFargo,4\n{title},3\n")
        assert len(own.seen) == 3
        assert len(ratings) == (1 if title == "Sabrina" else 2)


def test_a_title_without_a_year_may_be_ambiguous(read):
    _, ratings, notes = read("title,rating\nFargo,4\nSabrina,3\nStar War,3\n")
    assert ratings == {"Fargo (1996)": 4}
    assert notes[2:] == [
        'ambiguous: Sabrina; add the year: "Sabrina (1995)", "Sabrina (1954)"',
        'not found: Star War; did you mean "Star Wars (1977)"?',
    ]


def test_many_kinds_of_rows_to_skip_are_counted_together(read):
    rows = "".join(f"Fargo,4,kind {number}\n" for number in range(9))
    _, _, notes = read("title,rating,type\nFargo,4,movie\n" + rows)
    assert notes[0].endswith(", 1 of type kind 4, 4 of other types")


def test_a_file_without_movies_of_the_data_set(read, tmp_path):
    with pytest.raises(MovierecError) as caught:
        read("title,rating\nNo such movie,4\n")
    path, reason = tmp_path / "mine.csv", "found none of its movies in the data set"
    assert str(caught.value) == f"{path}: {reason}; rate others with --like"
    assert caught.value.details[-1] == "  not found: No such movie"
    with pytest.raises(
        MovierecError, match=r"contains no ratings of movies; skipped 1 of type tv$"
    ):
        read("title,rating,type\nFargo,4,tv\n")
