"""Titles as people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.data.titles import ARTICLES, display_title

PIECES = st.sampled_from(
    [
        *ARTICLES,
        "the",
        "Godfather",
        "a.k.a. ",
        ", ",
        ",",
        " ",
        "(",
        ")",
        "(1972)",
        "Amélie",
        ": ",
        "'",
    ]
)
TITLES = st.one_of(st.text(), st.lists(PIECES, max_size=8).map("".join))


@pytest.mark.parametrize(
    ("title", "displayed"),
    [
        ("Godfather, The (1972)", "The Godfather (1972)"),
        ("Fish Called Wanda, A (1988)", "A Fish Called Wanda (1988)"),
        ("Postino, Il (1994)", "Il Postino (1994)"),
        ("City of Lost Children, The (1995)", "The City of Lost Children (1995)"),
        ("Enfer, L' (1994)", "L'Enfer (1994)"),
        (
            "Star Maker, The (Uomo delle stelle, L') (1995)",
            "The Star Maker (L'Uomo delle stelle) (1995)",
        ),
        (
            "Maybe, Maybe Not (Bewegte Mann, Der) (1994)",
            "Maybe, Maybe Not (Der Bewegte Mann) (1994)",
        ),
        ("Postman, The (a.k.a. Postino, Il) (1994)", "The Postman (a.k.a. Il Postino) (1994)"),
        (
            "Double vie de Véronique, La (Double Life of Veronique, The) (1991)",
            "La Double vie de Véronique (The Double Life of Veronique) (1991)",
        ),
        ("Good, The Bad and The Ugly, The (1966)", "The Good, The Bad and The Ugly (1966)"),
        (
            "Lord of the Rings: The Two Towers, The (2002)",
            "The Lord of the Rings: The Two Towers (2002)",
        ),
        ("Matrix, The", "The Matrix"),
        *(
            (title, title)
            for title in (
                "",
                "Shanghai Triad (Yao a yao yao dao waipo qiao) (1995)",
                "Léon (The Professional) (1994)",
                "Paris, Texas (1984)",
                "Kiss Me, Guido (1997)",
                "Truth or Consequences, N.M. (1997)",
                "The Matrix (1999)",
                "Maybe, The, The (1999)",
            )
        ),
    ],
)
def test_articles_go_to_the_front(title, displayed):
    assert display_title(title) == displayed


@given(TITLES)
def test_a_displayed_title_stays(title):
    assert display_title(display_title(title)) == display_title(title)


@given(TITLES)
def test_only_commas_and_spaces_change_beside_the_place_of_the_article(title):
    def letters(text):
        return sorted(re.sub(r"[,\s]", "", text))

    assert letters(display_title(title)) == letters(title)
    assert display_title(title).count("(") == title.count("(")
