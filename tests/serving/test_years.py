"""Years as people write them."""

import pytest

from movierec.serving.years import Years


@pytest.mark.parametrize(
    ("text", "years", "shown"),
    [
        ("1994", (1994, 1994), "from 1994"),
        (" 1990-1999 ", (1990, 1999), "from 1990 to 1999"),
        ("1990–1999", (1990, 1999), "from 1990 to 1999"),
        ("1994 - 1994", (1994, 1994), "from 1994"),
        ("1990-", (1990, None), "from 1990 or later"),
        ("-1999", (None, 1999), "from 1999 or earlier"),
        ("1990s", (1990, 1999), "from 1990 to 1999"),
        ("2000s", (2000, 2009), "from 2000 to 2009"),
    ],
)
def test_years_as_text(text, years, shown):
    assert Years.from_text(text) == Years(*years)
    assert str(Years(*years)) == shown


@pytest.mark.parametrize("text", ["", "-", "90s", "1994s", "1990-99-1", "19940", "x", "1990 1991"])
def test_a_text_that_is_no_years(text):
    with pytest.raises(ValueError, match="is not a year, a range of years or a decade"):
        Years.from_text(text)


def test_years_in_the_wrong_order():
    with pytest.raises(ValueError, match="1999 is after 1990; write 1990-1999"):
        Years.from_text("1999-1990")
