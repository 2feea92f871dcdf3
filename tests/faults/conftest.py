"""A workspace in which the pipeline ran undisturbed, made once; copies of it to disturb."""

import fcntl
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.faults.runs import Run, prepare, write_archive
from tests.helpers.clone import Workspace
from tests.helpers.http_server import serving


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Run]:
    """Made by the first process of pytest-xdist, for all; nobody changes it.

    Each process serves the archive, at the one port that stands in params.yaml.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "prepared"
    folder.mkdir(exist_ok=True)
    archive, facts = folder / "films.zip", folder / "facts.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not facts.exists():
            _prepare(folder, archive, facts)
    known = json.loads(facts.read_text("utf-8"))
    with serving(archive.read_bytes(), port=known.pop("port")):
        yield Run(Workspace(folder / "clone"), **known)


def _prepare(folder: Path, archive: Path, facts: Path) -> None:
    sha256 = write_archive(archive)
    content = archive.read_bytes()
    with serving(content) as server:
        source = {"source": "url", "url": server.url, "file": archive.name}
        run = prepare(folder, source | {"size": len(content), "sha256": sha256})
    known = {name: value for name, value in asdict(run).items() if name != "workspace"}
    facts.write_text(json.dumps(known | {"port": server.server_port}), "utf-8")


@pytest.fixture(scope="session")
def shared(prepared: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return prepared.copied(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def run(shared: Run) -> Run:
    """Each test leaves it whole, but for checkpoints; one that failed may not have."""
    shared.delete(*(shared.path / ".checkpoints").glob("*.safetensors"))
    if shared.found() != shared.files:
        shared.mend_locks()
        shared.repro()
    return shared


@pytest.fixture
def fresh(prepared: Run, tmp_path: Path) -> Run:
    """A copy that is thrown away."""
    return prepared.copied(tmp_path / "fresh")
