"""Misspelled titles: the movies that are meant, and those that must not be offered."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from movierec.serving.title_names import fold, read_names
from movierec.serving.title_typos import Typos
from tests.serving.test_title_matching import TITLES

TYPOS = Typos([name for name in read_names(TITLES) if name.kind.is_full])
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def offered(query):
    return [TITLES[item] for item in TYPOS.find(fold(query))]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        # all of a title
        ("Amelei", [TITLES[20]]),
        ("raiders of the lots ark", [TITLES[62]]),
        ("teh professional", [TITLES[4]]),
        ("The Seventh Sael", [TITLES[22]]),
        ("det sjunde insegletd", [TITLES[22]]),
        ("ferris buellers dayoff", ["Ferris Bueller's Day Off (1986)"]),
        ("Dangerous Liason", ["Dangerous Liaisons (1988)"]),
        ("Toy Soldier", ["Toy Soldiers (1991)"]),
        # some of its words
        ("empire stikes", ["Empire Strikes Back, The (1980)"]),
        ("godfater 2", ["Godfather: Part II, The (1974)"]),
        ("godfater part two", ["Godfather: Part II, The (1974)"]),
        ("strangelvoe", [TITLES[26]]),
        ("toy stoyr", ["Toy Story (1995)"]),
        # other movies
        ("Toy Story 3", []),
        ("Rocky V", []),
        ("Alien 4", []),
        ("Dune: Part One", []),
        ("Her", []),
        ("Hate", []),
        ("Wolf", []),
        ("The Matrix", []),
        ("Jurassic Park", []),
        ("Star Trek: Nemesis", []),
        ("Fargo", []),
        ("", []),
    ],
)
def test_what_is_offered(query, titles):
    assert offered(query) == titles


@settings(max_examples=200)
@given(st.integers(0, len(TYPOS.names) - 1), st.sampled_from("adix"), st.data())
def test_one_typo_in_a_name_of_five_letters_or_more(place, kind, data):
    name = TYPOS.names[place]
    places = [i for i, letter in enumerate(name.folded) if letter.isalpha()]
    words = [word for word in name.folded.split() if word not in ("the", "a", "an")]
    assume(min(map(len, words)) > 2 and len("".join(words)) > 5 and fold(name.spelled).isascii())
    assume(not any(map(str.isdigit, name.spelled)))  # numbers, such as III, must agree
    i = data.draw(st.sampled_from(places))
    letter = data.draw(st.sampled_from(LETTERS))
    before, after = name.folded[:i], name.folded[i + 1 :]
    query = {
        "a": before + letter + name.folded[i:],
        "d": before + after,
        "i": before + letter + after,
        "x": before + after[:1] + name.folded[i] + after[1:],
    }[kind]
    assert name.item in TYPOS.find(" ".join(query.split()))


@given(st.text(max_size=40))
def test_any_text_has_an_answer(text):
    assert set(TYPOS.find(fold(text.replace("\n", " ")))) <= {*range(len(TITLES))}
    assert Typos([]).find(fold(text.replace("\n", " "))) == []
