"""Titles in the browser: spelled, matched and searched as by the command line."""

import csv
import io
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movierec.serving import title_names
from movierec.serving.title_matching import TitleMatcher
from movierec.serving.title_search import TitleIndex
from tests.helpers.browser import visiting
from tests.page.conftest import module_page

pytestmark = pytest.mark.usefixtures("browser")
TITLES = [
    "Star Wars (1977)",
    "Star Trek: The Wrath of Khan (1982)",
    "The Godfather: Part II (1974)",
    "The Godfather (1972)",
    "Seven (Se7en) (1995)",
    "Il Postino (The Postman) (1994)",
    "Léon (1994)",
    "Twelve Monkeys (1995)",
    "M*A*S*H (1970)",
    "L.A. Confidential (1997)",
    "8½ (1963)",
    "Schindler's List (1993)",
    "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1963)",
    "One Hundred and One Dalmatians (1961)",
    "Psycho (1960)",
    "Psycho (1998)",
    "Psycho (1998)",
    "Nineteen Eighty-Four (1984)",
    "20,000 Leagues Under the Sea (1954)",
    "William Shakespeare's Romeo and Juliet (1996)",
    "Brødre & Søstre Æ (1990)",
    "The Thing (1982)",
    "A Thing (1982)",
    "Night Watch (1973)",
    "Independence Day (ID4) (1996)",
    "3:10 to Yuma (1957)",
    "مرايا الصمت (1994)",
    "Jupiter's Wife (1994)",
    "The Wife (1995)",
    "Blues Brothers 2000 (1998)",
    "2001: A Space Odyssey (1968)",
    "Bram Stoker's Dracula (1992)",
    "Dracula: Dead and Loving It (1995)",
    "Unknown Year",
]
ASKED = [
    ("Star Wars: Episode IV - A New Hope", 1977),
    ("Star Trek II: The Wrath of Khan", 1982),
    ("The Godfather Part II", 1974),
    ("Godfather, The", 1972),
    ("Se7en", 1995),
    ("The Postman", 1994),
    ("The Postman", 1997),
    ("Leon", 1994),
    ("Léon: The Professional", 1994),
    ("12 Monkeys", 1995),
    ("MASH", 1970),
    ("LA Confidential", 1997),
    ("8 1/2", 1963),
    ("Dr. Strangelove", 1964),
    ("Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb", 1964),
    ("101 Dalmatians", 1961),
    ("101 Dalmatians", 1996),
    ("Psycho", 1960),
    ("Psycho", None),
    ("Psycho", 1998),
    ("Psycho (1998)", None),
    ("1984", 1984),
    ("20000 Leagues Under the Sea", 1954),
    ("Romeo + Juliet", 1996),
    ("The Thing", 1982),
    ("Thing", 1982),
    ("Nightwatch", 1973),
    ("Independence Day", 1996),
    ("Star Wars: The Force Awakens", 2015),
    ("Star Wars", None),
    ("Unknown Year", 1990),
    ("Jupiter's Wife", 1995),
    ("Blues Brothers 2000", None),
    ("2001", 1968),
    ("Dracula", 1995),
    ("Dracula", 1992),
    ("A Space Odyssey", 1968),
    ("", 1990),
    ("Independance Day", 1996),
    ("Independance Day", None),
    ("L.A. Confidentail", 1997),
    ("Twelve Donkeys", 1995),
]
QUERIES = [
    *("star w", "wars star", "godfather", "the godfather", "godfather 2", "Godfather, The", "part"),
    *("leon", "LÉON", "12 monkeys", "twelve", "spiderman", "schindlers", "la confidential"),
    *(
        "postman",
        "il postino the postman",
        "psycho",
        "psycho 1998",
        "Psycho (1998)",
        "se7en",
        "1995",
    ),
    *(
        "khan",
        "مرايا",
        "$",
        "'",
        "the",
        "a",
        "s",
        "2001",
        "ten",
        "romeo juliet",
        "day independence",
    ),
    *(
        "gldfather",
        "emprie",
        "strangelvoe",
        "thw wife",
        "star wras",
        "toy storey",
        "jupiters wives",
    ),
    *(
        "A New Hope",
        "Star Wars: A New Hope (1977)",
        "Star Trek II: The Wrath of Khan",
        "Psycho 1997",
    ),
    *(
        "Barbie",
        "Oppenheimer 2023",
        "star wars 2015",
        "Metropolis 1926",
        "wife 1995",
        "3:10",
        "yuma",
    ),
]
SEARCH = """([titles, queries]) => {
    const { find } = createSearch(titles.map(title => ({title})));
    return queries.map(query => find(query, 100));
}"""
# How an answer differs for a year before those of the data.
BEFORE = defaultdict(lambda: ("", ""), {"Metropolis 1926": ("end in 1998", "begin in 1954")})


@pytest.fixture(scope="module")
def titles(tmp_path_factory):
    path = module_page(
        tmp_path_factory.mktemp("titles"),
        "search.js",
        *("fold", "createMatcher", "createSearch", "spellNumbers"),
    )
    with visiting(path) as visit:
        yield visit.page


def test_folded_as_in_python(titles):
    names = [title_names.without_year(title) for title in TITLES] + [title for title, _ in ASKED]
    folded = titles.evaluate("names => names.map(fold)", names)
    assert folded == [title_names.fold(name) for name in names]
    spelled = titles.evaluate("names => names.map(spellNumbers)", folded)
    assert spelled == [title_names.spell_folded(name) for name in folded]


def test_matched_as_in_python(titles):
    matcher = TitleMatcher(TITLES)
    found = titles.evaluate(
        """([titles, asked]) => {
            const { match } = createMatcher(titles.map(title => ({title})));
            return asked.map(([title, year]) => match([title], year).place);
        }""",
        [TITLES, ASKED],
    )
    assert dict(zip(ASKED, found, strict=True)) == {
        (title, year): matcher.match([title], year).item for title, year in ASKED
    }


def test_searched_as_in_python(titles):
    index = TitleIndex(TITLES)
    found = titles.evaluate(SEARCH, [TITLES, QUERIES])
    for query, result in zip(QUERIES, found, strict=True):
        places, close = index.search(query), index.close(query)
        assert (query, result["places"]) == (query, places or close)
        assert result["isClose"] == (not places and bool(close))
        said = f"“{query}” is not in these data, which end in 1998."
        assert result["message"] == ("" if places or close else said.replace(*BEFORE[query]))


def test_any_part_of_a_title_is_found_if_nothing_else_is(titles):
    parts = {"tar war": "Star Wars (1977)", "rangelov": TITLES[12], "ar": None}
    for (_, title), result in zip(
        parts.items(), titles.evaluate(SEARCH, [TITLES, [*parts]]), strict=True
    ):
        assert [TITLES[place] for place in result["places"]] == [title] * bool(title)


@pytest.fixture(scope="module")
def imports(tmp_path_factory):
    path = module_page(tmp_path_factory.mktemp("import"), "import.js", "parseCsv")
    with visiting(path) as visit:
        yield visit.page


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(CELLS.filter(str.strip), min_size=2, max_size=4), min_size=1, max_size=5))
def test_csv_as_python_writes_it(imports, rows):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["title", "rating"], *rows])
    assert imports.evaluate("parseCsv", text.getvalue()) == [["title", "rating"], *rows]
