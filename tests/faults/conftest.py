"""Two workspaces in which the pipeline ran undisturbed, made once for all of these tests."""

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.fault_server import serving
from tests.faults.runs import Run, prepare, write_archive
from tests.workspace import Workspace


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Run]]:
    """Two, to use both cores, the second a copy of the first; fetching from a server."""
    folder = tmp_path_factory.mktemp("faults")
    sha256 = write_archive(folder / "films.zip")
    content = (folder / "films.zip").read_bytes()
    with serving(content) as server:
        source = {"source": "url", "url": server.url, "file": "films.zip"}
        source |= {"size": len(content), "sha256": sha256}
        first = prepare(folder / "one", source)
        shutil.copytree(folder / "one", folder / "two", symlinks=True)
        yield [first, replace(first, workspace=Workspace(folder / "two" / first.path.name))]


@pytest.fixture
def runs(prepared: list[Run]) -> list[Run]:
    """Each test leaves them whole; one that failed may not have."""
    for run in prepared:
        if run.found() != run.files:
            run.mend_locks()
            run.repro()
    return prepared


@pytest.fixture
def run(runs: list[Run]) -> Run:
    return runs[0]
