"""The committed pipeline, run once; each test module has a copy of it."""

from pathlib import Path

import pytest

from tests.helpers.clone import Workspace, make_once, make_workspace


def run_the_default(folder: Path) -> None:
    workspace = make_workspace(folder / "clone")
    workspace.run("dvc", "repro")
    workspace.commit("a run")


@pytest.fixture(scope="module")
def workspace(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A clone in which the pipeline has run, for the tests of one module."""
    finished = make_once(shared_folder / "default_run", run_the_default)
    return Workspace(finished / "clone").copied(tmp_path_factory.mktemp("movierec"))
