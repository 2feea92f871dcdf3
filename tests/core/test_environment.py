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
        *(("NUMBA_NUM_THREADS", value) for value in ("0", "abc", "-3", "1.5", "²", "1e3", "99999")),
        ("NUMBA_THREADING_LAYER", "abc"),
        ("NUMBA_THREADING_LAYER_PRIORITY", "omp tbb"),
    ],
)
def test_a_value_that_numba_cannot_use(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(MovierecError, match=f"^{name} is '{value}': set it to .*, or unset it$"):
        environment.check()


def test_a_threading_layer_whose_library_is_missing(monkeypatch):
    monkeypatch.setenv("NUMBA_THREADING_LAYER", "tbb")
    monkeypatch.setitem(environment.LIBRARIES, "tbb", "missing")
    with pytest.raises(MovierecError, match=r"^NUMBA_THREADING_LAYER is 'tbb', but Numba finds no"):
        environment.check()


def test_a_value_that_numba_warns_about():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from movierec.core import program; program.run(lambda: __import__('numba'))",
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "NUMBA_OPT": "9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: Environment variable 'NUMBA_OPT' is defined but its")
    assert done.stderr.endswith("; set it to another one, or unset it\n")
    assert done.stderr.count("\n") == 1


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
