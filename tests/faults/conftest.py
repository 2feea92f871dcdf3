"""A workspace in which the pipeline ran without faults, and copies of it for faults."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.faults.runs import Run, prepare, write_archive
from tests.helpers.clone import Workspace, make_once
from tests.helpers.http_server import serving

ARCHIVE = "films.zip"


@pytest.fixture(scope="session")
def prepared(shared_folder: Path) -> Iterator[Run]:
    """Created by the first process of pytest-xdist; never changed.

    Each process serves the archive, at the one port that stands in params.yaml.
    """
    folder = make_once(shared_folder / "prepared", _prepare)
    known = json.loads((folder / "facts.json").read_text("utf-8"))
    with serving((folder / ARCHIVE).read_bytes(), port=known.pop("port")):
        yield Run(Workspace(folder / "clone"), **known)


def _prepare(folder: Path) -> None:
    sha256 = write_archive(folder / ARCHIVE)
    content = (folder / ARCHIVE).read_bytes()
    with serving(content) as server:
        source = {"source": "url", "url": server.url, "file": ARCHIVE}
        run = prepare(folder, source | {"size": len(content), "sha256": sha256})
    known = {name: value for name, value in asdict(run).items() if name != "workspace"}
    facts = json.dumps(known | {"port": server.server_port})
    (folder / "facts.json").write_text(facts, "utf-8")


@pytest.fixture(scope="session")
def shared(prepared: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return prepared.copied(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def run(shared: Run) -> Run:
    """A workspace that tests leave complete except for checkpoints, unless they fail."""
    shared.delete(*(shared.path / ".checkpoints").glob("*.safetensors"))
    if shared.found() != shared.files:
        shared.repair_locks()
        shared.repro()
    return shared


@pytest.fixture
def fresh(prepared: Run, tmp_path: Path) -> Run:
    """A copy for one test."""
    return prepared.copied(tmp_path / "fresh")
