"""Fetching: from a package index (a false pip), a web server on loopback, and a path."""

import hashlib
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from movierec.errors import MovierecError
from movierec.fetch import check_sha256, fetch, sha256_of
from movierec.params import PackageSource, PathSource, UrlSource

CONTENT = b"ratings of a few films\n" * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
BLOCK = {"layout": "csv", "rating_min": 0.5, "rating_max": 5.0, "licence": "none"}


def refusal(data, folder):
    with pytest.raises(MovierecError) as caught:
        fetch(data, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path):
    """An empty folder for what is fetched."""
    path = tmp_path / "raw"
    path.mkdir()
    return path


# A package index


def package(**changes):
    fields = {
        "source": "package",
        "requirement": "tiny-films==1.0",
        "file": "tiny_films-1.0-py3-none-any.whl",
        "size": len(CONTENT),
        "sha256": SHA256,
        "members": {},
    }
    return PackageSource(**(BLOCK | fields | changes))


@pytest.fixture
def pip(monkeypatch):
    """A false pip: it notes how it was called, and downloads or fails as its fields say."""

    class Pip:
        content, status, stderr = CONTENT, 0, ""

        def run(self, command, **_):
            self.command = command
            self.wanted = Path(command[command.index("--requirement") + 1]).read_text("utf-8")
            if self.content is not None:
                folder = Path(command[command.index("--dest") + 1])
                (folder / package().file).write_bytes(self.content)
            return subprocess.CompletedProcess(command, self.status, "", self.stderr)

    fake = Pip()
    monkeypatch.setattr(subprocess, "run", fake.run)
    return fake


def test_package(pip, folder):
    path = fetch(package(), folder)
    assert path == folder / "tiny_films-1.0-py3-none-any.whl"
    assert path.read_bytes() == CONTENT
    assert pip.wanted == f"tiny-films==1.0 --hash=sha256:{SHA256}\n"
    assert {"--no-deps", "--require-hashes", "--only-binary=:all:"} <= set(pip.command)


def test_package_that_the_index_does_not_have(pip, folder):
    pip.content, pip.status = None, 1
    pip.stderr = "WARNING: slow\nERROR: No matching distribution found for tiny-films==1.0\n"
    assert refusal(package(), folder) == (
        "pip could not download tiny-films==1.0: No matching distribution found for tiny-films==1.0"
    )
    assert list(folder.iterdir()) == []


def test_package_whose_hash_pip_refuses(pip, folder):
    pip.content, pip.status = None, 1
    pip.stderr = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n  a\n"
    assert refusal(package(), folder).endswith(
        ": the index's file is not the one whose sha256 is in params.yaml"
    )


def test_package_of_another_hash(pip, folder):
    pip.content = CONTENT[::-1]
    assert f"not {SHA256} as pinned in params.yaml" in refusal(package(), folder)
    assert list(folder.iterdir()) == []


def test_package_without_pip(pip, folder):
    pip.content, pip.status, pip.stderr = None, 1, "python: No module named pip\n"
    assert refusal(package(), folder).endswith("tiny-films==1.0: python: No module named pip")


def test_package_under_another_file_name(pip, folder):
    line = refusal(package(file="other.whl"), folder)
    assert line == "pip could not download tiny-films==1.0: no such file came"


# A web server


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/missing.zip":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        body = {"/short.zip": CONTENT[:100], "/damaged.zip": CONTENT[::-1]}
        self.wfile.write(body.get(self.path, CONTENT))

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with HTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


def url(address, **changes):
    fields = {"source": "url", "url": address, "file": "films.zip", "size": len(CONTENT)}
    return UrlSource(**(BLOCK | fields | (changes or {"sha256": SHA256})))


@pytest.mark.parametrize("pinned", [{"sha256": SHA256}, {"md5": MD5}], ids=["sha256", "md5"])
def test_url(server, folder, pinned):
    path = fetch(url(f"{server}/films.zip", **pinned), folder)
    assert path == folder / "films.zip"
    assert path.read_bytes() == CONTENT


def test_url_that_is_not_there(server, folder):
    assert refusal(url(f"{server}/missing.zip"), folder) == (
        f"{server}/missing.zip: the server says 404 Not Found; with a copy of films.zip at hand,"
        " set the data set's source in params.yaml to path, and its path and sha256"
    )


def test_url_that_breaks_off(server, folder):
    assert refusal(url(f"{server}/short.zip"), folder).startswith(
        f"{server}/short.zip: the connection broke off; "
    )


def test_url_without_a_server(folder):
    with HTTPServer(("127.0.0.1", 0), Handler) as web:
        address = f"http://127.0.0.1:{web.server_port}/films.zip"
    assert refusal(url(address), folder).startswith(f"{address}: no connection; ")


@pytest.mark.parametrize("pinned", [{"sha256": SHA256}, {"md5": MD5}], ids=["sha256", "md5"])
def test_url_of_another_hash(server, folder, pinned):
    line = refusal(url(f"{server}/damaged.zip", **pinned), folder)
    assert line.startswith("films.zip: its hash is ")
    assert line.endswith(" as pinned in params.yaml: damaged or another file")


def test_url_of_another_size(server, folder):
    line = refusal(url(f"{server}/films.zip", size=7, sha256=SHA256), folder)
    assert line.startswith(f"films.zip: {len(CONTENT)} bytes, not the 7 of params.yaml")


# A path


def path_source(path, sha256=SHA256):
    return PathSource(
        **BLOCK, source="path", path=None if path is None else str(path), sha256=sha256
    )


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(CONTENT)
    return path


def test_path(mine, folder):
    assert fetch(path_source(mine), folder) == folder / "mine.csv"
    assert (folder / "mine.csv").read_bytes() == CONTENT
    assert mine.read_bytes() == CONTENT


def test_path_in_the_home_folder(mine, folder, monkeypatch):
    monkeypatch.setenv("HOME", str(mine.parent))
    assert fetch(path_source("~/mine.csv"), folder).read_bytes() == CONTENT


def test_path_not_set(folder):
    line = refusal(path_source(None), folder)
    assert line == "the data set's path in params.yaml is not set: name your file there"


def test_path_missing(tmp_path, folder):
    line = refusal(path_source(tmp_path / "none.csv"), folder)
    assert line == f"{tmp_path}/none.csv: no such file; see the data set's path in params.yaml"


def test_path_whose_sha256_is_not_set(mine, folder):
    line = refusal(path_source(mine, sha256=None), folder)
    assert line == f"{mine}: the data set's sha256 in params.yaml is not set; set it to {SHA256}"
    assert list(folder.iterdir()) == []


def test_path_of_another_hash(mine, folder):
    line = refusal(path_source(mine, sha256="0" * 64), folder)
    assert line.startswith(f"mine.csv: its hash is {SHA256}, not 0000")
    assert list(folder.iterdir()) == []


# Afterwards


def test_sha256_of(mine):
    assert sha256_of(mine) == SHA256


def test_check_sha256(mine):
    check_sha256(mine, SHA256)
    with pytest.raises(MovierecError, match="missing or changed since it was fetched"):
        check_sha256(mine, "0" * 64)
    mine.unlink()
    with pytest.raises(MovierecError, match="missing or changed since it was fetched"):
        check_sha256(mine, SHA256)
