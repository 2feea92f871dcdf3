"""Two workspaces in which the pipeline ran undisturbed, made once for all of these tests."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fault_server import serving
from tests.faults.runs import Run, prepare, write_archive


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Run]]:
    """Two, to use both cores; fetching from a server. Each test leaves them whole."""
    folder = tmp_path_factory.mktemp("faults")
    sha256 = write_archive(folder / "films.zip")
    content = (folder / "films.zip").read_bytes()
    with serving(content) as server:
        source = {"source": "url", "url": server.url, "file": "films.zip"}
        source |= {"size": len(content), "sha256": sha256}
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda name: prepare(folder / name, source), ("one", "two")))
        assert found[0].files == found[1].files
        yield found


@pytest.fixture
def run(runs: list[Run]) -> Run:
    return runs[0]
