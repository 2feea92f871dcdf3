"""Fitting shows a bar on a terminal, which is erased in the end, and prints nothing elsewhere."""

import os
import re
import subprocess
import sys

from tests.helpers.terminal import on_terminal

PROGRAM = """
import movierec as mr
ratings = [1, 1, 1, 2, 2, 2, 3, 3], [1, 2, 3, 1, 2, 4, 3, 4], [5, 4, 1, 5, 3, 1, 4, 5]
als = mr.ALS(n_factors=1, max_epochs=3)
mr.Blend(mr.ImplicitALS(n_factors=1, max_epochs=2), als).fit(ratings)
"""
COMMAND = [sys.executable, "-c", PROGRAM]
PLAIN = {
    name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "COLUMNS")
}


def test_a_terminal_shows_a_bar_for_each_model_and_then_nothing() -> None:
    output = on_terminal(COMMAND, PLAIN)
    text = re.sub(r"\x1b\[[0-9;]*m", "", output)
    assert re.search(r"ImplicitALS ━+ 2/2 ", text)
    assert re.search(r"ALS ━+ 3/3 ", text)
    after = text.rpartition("0:00:00")[2]
    assert after.replace("\x1b[?25h", "") == "\n\r\x1b[1A\x1b[2K"  # up one line, and erase it


def test_elsewhere_nothing_is_printed_even_if_colours_are_wanted() -> None:
    environment = PLAIN | {"FORCE_COLOR": "1", "TERM": "xterm"}
    done = subprocess.run(COMMAND, env=environment, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
