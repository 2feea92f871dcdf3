"""What the values of options may be."""

import click
import pytest

from movierec.cli.values import SCALE


@pytest.mark.parametrize(
    ("text", "scale"),
    [("1-10", (1, 10)), ("0.5-5", (0.5, 5)), (" 0 to 100 ", (0, 100)), ("-5–5", (-5, 5))],
)
def test_a_scale_as_text(text, scale):
    assert SCALE.convert(text, None, None) == scale


@pytest.mark.parametrize(
    "text", ["", "10", "10-1", "5-5", "a-b", "1-nan", "1-1e9", "0-9999999999", "1-5-9", "."]
)
def test_a_text_that_is_no_scale(text):
    with pytest.raises(click.BadParameter, match="is not the lowest and the highest rating"):
        SCALE.convert(text, None, None)
