"""Text made safe for a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.text import is_utf8, printable, shortened

HOSTILE = "\x1b[31m\x1b]0;title\x07\x9b2J\x7f\r\n\t\u202e\u200b\u2028\ud800\U000e0041\x00"
# Any characters, those that a terminal obeys or hides more often than not.
TEXTS = st.text(st.characters() | st.sampled_from(HOSTILE) | st.characters(categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Amélie (2001) \u00a0 日本", "Amélie (2001) \u00a0 日本"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\nlines\tand\r", r"two\nlines\tand\r"),
        ("\x7f\x85\x9b", r"\x7f\x85\x9b"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("a\udcff", r"a\xff"),
    ],
)
def test_printable(text, expected):
    assert printable(text) == expected


@given(TEXTS)
def test_printable_text_has_no_control_and_no_format_characters(text):
    assert not {unicodedata.category(c) for c in printable(text)} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert is_utf8(printable(text))


def test_shortened():
    assert shortened("abc", 3) == "abc"
    assert shortened("x" * 5000 + "; do this", 101).endswith("x; do this")
    assert len(shortened("x" * 5000, 101)) == 101
