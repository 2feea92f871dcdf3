"""Finding movies by title."""

import pytest

from movierec.core.errors import MovierecError
from movierec.serving.title_search import TitleIndex, names_of, words

TITLES = [
    "Star Wars (1977)",
    "Empire Strikes Back, The (1980)",
    "Amélie (Fabuleux destin d'Amélie Poulain, Le) (2001)",
    "Toy Story (1995)",
    "Toy Story 2 (1999)",
    "Sabrina (1995)",
    "Sabrina (1954)",
    "Chasing Amy (1997)",
    "Schindler's List (1993)",
    "Chasing Amy (1997)",
    "Love (2015)",
    "Enfer, L' (1994)",
    *(f"Love Story, Part {number} (1970)" for number in range(3, 12)),
]
CATALOGUE = TitleIndex(TITLES)


def refusal(query):
    with pytest.raises(MovierecError) as caught:
        CATALOGUE.find(query)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_words():
    assert words("Amélie (2001)") == ["amelie", "2001"]
    assert words("Schindler's  LIST") == words("Schindler’s list") == ["schindlers", "list"]
    assert words("…?!") == []


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("Star Wars (1977)", "Star Wars (1977)"),
        ("star wars", "Star Wars (1977)"),
        ("STAR", "Star Wars (1977)"),
        ("wars star", "Star Wars (1977)"),
        ("The Empire Strikes Back", "Empire Strikes Back, The (1980)"),
        ("empire strikes back", "Empire Strikes Back, The (1980)"),
        ("amelie", "Amélie (Fabuleux destin d'Amélie Poulain, Le) (2001)"),
        ("schindlers list", "Schindler's List (1993)"),
        ("Toy Story", "Toy Story (1995)"),
        ("Toy Story 2", "Toy Story 2 (1999)"),
        ("toy 1999", "Toy Story 2 (1999)"),
        ("Sabrina 1954", "Sabrina (1954)"),
        ("love", "Love (2015)"),
        ("L'Enfer (1994)", "Enfer, L' (1994)"),
        ("enfer", "Enfer, L' (1994)"),
        ("The Empire Strikes Back (1980)", "Empire Strikes Back, The (1980)"),
    ],
)
def test_find(query, title):
    assert TITLES[CATALOGUE.find(query)] == title


def test_of_movies_with_the_same_title_the_most_rated_is_meant():
    assert CATALOGUE.find("Chasing Amy (1997)") == TITLES.index("Chasing Amy (1997)")


def test_ambiguous_title():
    assert refusal("sabrina") == (
        '2 movies match \'sabrina\': "Sabrina (1995)", "Sabrina (1954)"; give more of the title, or'
        " the year"
    )


def test_only_some_candidates_are_named():
    line = refusal("story part")
    assert line.startswith("9 movies match 'story part': \"Love Story, Part 3 (1970)\", ")
    assert line.count("(1970)") == 8
    assert ", …; give more" in line


def test_misspelled_title():
    line = refusal("Star Warz")
    assert line.startswith("no movie title matches 'Star Warz'; did you mean \"Star Wars (1977)\"")
    assert line.endswith("?")


@pytest.mark.parametrize(
    ("query", "advice"),
    [
        ("", "give words of a title"),
        ("??", "give words of a title"),
        ("zzzzzzzzzz", f"the data set has {len(TITLES)} movies from 1954 to 2015"),
        ("zzzzzzzzzz star xxxxxxxxxx wars", "leave out 'zzzzzzzzzz', 'xxxxxxxxxx'"),
    ],
)
def test_unknown_title(query, advice):
    assert refusal(query) == f"no movie title matches {query!r}; {advice}"


def test_search_is_in_order_of_popularity():
    assert CATALOGUE.search("toy story") == [3, 4]
    assert CATALOGUE.search("amy chasing") == [7, 9]
    assert CATALOGUE.search("nothing of the kind") == []
    assert CATALOGUE.search("") == []


MOVIELENS = TitleIndex(
    [
        "Matrix, The (1999)",
        "Seven (a.k.a. Se7en) (1995)",
        "Star Wars: Episode IV - A New Hope (1977)",
        "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
        "Sabrina (1995)",
        "Sabrina (1954)",
        "Harry Potter and the Deathly Hallows: Part 1 (2010)",
        "Harry Potter and the Deathly Hallows: Part 2 (2011)",
        "Monsters, Inc. (2001)",
        "Dangerous Liaisons (1988)",
        "Love (2015)",
        "Fast & Furious (2009)",
        "...?! (2000)",
        "Seventh Seal, The (Sjunde inseglet, Det) (1957)",
        "Enfer, L' (1994)",
    ]
)


@pytest.mark.parametrize(
    ("title", "year", "found"),
    [
        ("The Matrix", 1999, 0),
        ("THE MATRIX", 1998, 0),
        ("The Matrix", 2000, 0),
        ("The Matrix", 2001, None),
        ("Matrix", None, 0),
        ("The Matrix (1999)", None, 0),
        ("Se7en", 1995, 1),
        ("Star Wars", 1977, 2),
        ("Star Wars: Episode IV - A New Hope", 1977, 2),
        ("La Cité des Enfants Perdus", 1995, 3),
        ("The City of Lost Children", 1995, 3),
        ("Sabrina", 1954, 5),
        ("Sabrina", 1995, 4),
        ("Sabrina", None, None),
        ("Harry Potter and the Deathly Hallows: Part 2", 2011, 7),
        ("Harry Potter and the Deathly Hallows: Part 3", 2011, None),
        ("Monsters Inc.", 2001, 8),
        ("Dangerous Liasons", 1988, 9),
        ("Dangerous Liasons", 1989, None),
        ("Love & Mercy", 2015, None),
        ("Fast and Furious", 2009, 11),
        ("Det sjunde inseglet", 1957, 13),
        ("L’Enfer", 1994, 14),
        ("Nothing of the Kind", 1999, None),
        ("?", 2000, None),
        ("", None, None),
    ],
)
def test_match_by_title_and_year(title, year, found):
    assert MOVIELENS.match(title, year) == found


def test_of_movies_with_the_same_name_the_one_of_that_year_is_meant_then_the_fuller_match():
    catalogue = TitleIndex(["Dune: Part Two (2023)", "Dune (2023)", "Dune (2024)"])
    assert catalogue.match("Dune", 2024) == 2
    assert catalogue.match("Dune", 2023) == 1


def test_without_a_year_the_full_title_is_meant_unless_several_movies_have_it():
    godfathers = ["Godfather, The (1972)", "Godfather: Part II, The (1974)"]
    catalogue = TitleIndex([*godfathers, "Psycho (1960)", "Psycho (1998)"])
    assert catalogue.match("The Godfather") == 0
    assert not catalogue.is_ambiguous("The Godfather")
    assert catalogue.match("Psycho") is None
    assert catalogue.is_ambiguous("Psycho")
    assert not catalogue.is_ambiguous("Psycho", 1960)
    assert not catalogue.is_ambiguous("Psycho (1998)")
    assert not catalogue.is_ambiguous("Vertigo")


def test_names_of_a_movie():
    assert names_of("Seven (a.k.a. Se7en) (1995)") == ["seven", "se7en"]
    assert names_of("A (1998)") == ["a"]
    assert names_of("...?! (2000)") == []
