"""The notebooks run after `make run`, and their stored outputs are those of a run."""

import base64
import io
import json
import re
import runpy

import nbformat
import pytest
from PIL import Image

from tests.helpers.clone import ROOT
from tests.helpers.tutorials import NUMBER

NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
ANY_PATH = re.compile(r"""(?:^|[\s"'(=])(?:/|[A-Z]:\\)\w+[/\\]""", re.MULTILINE)
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def stored(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_of(output):
    return output.get("text") or output.data["text/plain"]


def without_outputs(notebook):
    cells = [{**cell, "outputs": []} for cell in notebook.cells]
    return {**notebook, "cells": cells}


def described(output):
    """What a stored output should share: all but numbers, spaces and the bytes of pictures."""
    text = re.sub(rf"{NUMBER}|\s+", " ", text_of(output))
    return output.output_type, sorted(output.get("data", {})), text.split()


@pytest.fixture(scope="module")
def execute():
    return runpy.run_path(str(ROOT / "notebooks/execute.py"))["execute"]


@each_notebook
def test_a_run_gives_the_stored_outputs(execute, workspace, path, monkeypatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")  # see conftest.py
    before = set((workspace.path / "notebooks").iterdir())
    executed, known = execute(workspace.path / "notebooks" / path.name), stored(path)
    assert without_outputs(executed) == without_outputs(known), "run make notebooks"
    for cell, other in zip(code_cells(executed), code_cells(known), strict=True):
        outputs = [list(map(described, part.outputs)) for part in (cell, other)]
        assert outputs[0] == outputs[1], f"run make notebooks:\n{cell.source}"
    assert str(workspace.path) not in json.dumps(executed)
    assert set((workspace.path / "notebooks").iterdir()) == before


@each_notebook
def test_each_picture_is_there_once(path) -> None:
    n_pictures = 0
    for cell in code_cells(stored(path)):
        pictures = [output.data["image/png"] for output in cell.outputs if "data" in output
                    and "image/png" in output.data]  # fmt: skip
        assert len(pictures) == bool(re.search(r"\bplot(_\w+)?\(", cell.source)), cell.source
        for picture in pictures:
            drawn = Image.open(io.BytesIO(base64.b64decode(picture)))
            assert drawn.width == 880
            assert len(drawn.getcolors()) > 20
        n_pictures += len(pictures)
    assert n_pictures >= 2


@each_notebook
def test_stored_outputs_are_small_and_name_no_path_of_a_machine(path) -> None:
    assert path.stat().st_size < 300_000
    for cell in code_cells(stored(path)):
        for output in cell.outputs:
            assert output.output_type in ("execute_result", "stream"), "no error, no progress bar"
            assert output.get("name", "stdout") == "stdout"
            assert not ANY_PATH.search(text_of(output))


def test_paths_are_noticed() -> None:
    for text in ("folder=PosixPath('/srv/x')", "/home/ann/movierec", "see C:\\Users\\ann"):
        assert ANY_PATH.search(text)
    assert not ANY_PATH.search("Seven (Se7en) 1/2 and/or data/index")
