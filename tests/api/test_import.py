"""import movierec: it loads nothing that is slow, and every public name exists."""

import subprocess
import sys

import movierec

SLOW = "click", "matplotlib", "numba", "numpy", "pandas", "pyarrow", "pydantic", "rich", "scipy"


def test_it_loads_no_slow_module() -> None:
    program = "import sys, movierec; dir(movierec), movierec.__version__; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "movierec" in loaded
    assert loaded & set(SLOW) == set()
    assert {name for name in loaded if name.startswith("movierec.")} == set()


def test_every_public_name_exists() -> None:
    assert dir(movierec) == sorted(movierec.__all__)
    assert all(getattr(movierec, name).__name__ == name for name in movierec.__all__)
