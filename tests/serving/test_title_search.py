"""Finding movies by title."""

import pytest

from movierec.core.errors import MovierecError
from movierec.serving.title_search import TitleIndex, words

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
        ("Toy Story II", "Toy Story 2 (1999)"),
        ("Star Wars: A New Hope (1977)", "Star Wars (1977)"),
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
