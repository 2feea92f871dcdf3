"""Kernels are compiled once for all clones of a user and after edits, with a message."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from movierec.kernels import compilation
from tests.helpers.clone import ROOT

PROGRAM = """
import numpy as np
from movierec.core import log
from movierec.kernels.grouping import group_order

log.configure(False)
order = group_order(np.array([1, 0, 1], np.int32), 2)[1].tolist()
print(order, sum(group_order.stats.cache_hits.values()), "from the cache")
"""
COMPILED, CACHED = "[1, 0, 2] 0 from the cache\n", "[1, 0, 2] 1 from the cache\n"
LINE = f"{compilation.COMPILING}\n"


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A folder with a clone that has run once, its cache, and the output of that run."""
    folder = tmp_path_factory.mktemp("first")
    return folder, run(copied(folder / "clone"), folder / "cache")


@pytest.fixture
def cache(first, tmp_path):
    """A copy of that cache."""
    return shutil.copytree(first[0] / "cache", tmp_path / "cache")


@pytest.fixture
def clone(tmp_path):
    """Another clone."""
    return copied(tmp_path / "clone")


def copied(folder):
    shutil.copytree(ROOT / "src", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run(clone, cache):
    """Stdout and stderr of a program that calls one kernel of a clone."""
    environment = os.environ | {"PYTHONPATH": str(clone), "NUMBA_CACHE_DIR": str(cache)}
    environment.pop("NUMBA_DISABLE_JIT", None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


def test_a_second_clone_does_not_compile(first, clone, cache):
    assert first[1] == (COMPILED, LINE)
    assert run(clone, cache) == (CACHED, "")


def test_an_edit_in_another_kernel_compiles_again(clone, cache):
    with (clone / "movierec/kernels/scoring.py").open("a", encoding="utf-8") as source:
        source.write("# edited\n")
    assert run(clone, cache) == (COMPILED, LINE)


def test_a_damaged_cache_is_written_again(clone, cache):
    for path in cache.rglob("*.nb?"):
        path.write_bytes(b"")
    assert run(clone, cache) == (COMPILED, LINE)
    assert run(clone, cache) == (CACHED, "")


def test_a_flipped_bit_of_compiled_code_is_never_run(clone, cache):
    for path in cache.rglob("*.nbc"):
        code = bytearray(path.read_bytes())
        code[len(code) // 2] ^= 1
        path.write_bytes(code)
    assert run(clone, cache) == (COMPILED, LINE)
    assert run(clone, cache) == (CACHED, "")


def test_a_cache_that_cannot_be_written_is_one_line(clone, tmp_path):
    (tmp_path / "file").touch()
    output, errors = run(clone, tmp_path / "file")
    assert output == COMPILED
    warning = f"compiled kernels are not cached: {tmp_path}/file/kernels-{compilation.HASH}"
    assert errors == f"{LINE}{warning}: Not a directory\n"


def test_kernels_that_nothing_used_for_long_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "CACHE", tmp_path)
    names = "kernels-0123456789abcdef", "kernels-fedcba9876543210", "kernels-of-mine"
    for name in names:
        (tmp_path / name).mkdir()
    for name in names[1:]:
        os.utime(tmp_path / name, (0, time.time() - compilation.MAX_AGE - 60))
    compilation.remove_unused_folders()
    assert sorted(path.name for path in tmp_path.iterdir()) == [names[0], names[2]]
