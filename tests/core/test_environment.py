"""Odd values in the environment: ignored or one line, never a traceback."""

import os
import subprocess
import sys

import pytest

from movierec.core import environment, paths
from movierec.core.errors import MovierecError
from tests.helpers.clone import ROOT


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("NUMBA_NUM_THREADS", value) for value in ("0", "abc", "-3", "1.5", "²", "1e3")),
        ("NUMBA_THREADING_LAYER", "abc"),
    ],
)
def test_a_value_that_numba_cannot_use(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(MovierecError, match=f"^{name} is '{value}': set it to .*, or unset it$"):
        environment.check()


def test_a_home_folder_of_nobody():
    with pytest.raises(MovierecError, match=r"^~nobody-there/x: no home folder of this name; "):
        paths.expand("~nobody-there/x")


def test_a_deleted_folder(tmp_path):
    (tmp_path / "gone").mkdir()
    program = (
        "import os; os.rmdir(os.getcwd());"
        "from movierec.core import program; program.run(lambda: print('ran'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "gone",
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: the current folder was deleted; go to another one\n"
