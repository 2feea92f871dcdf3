"""Connections of the engine: where it listens, and one line if there is none."""

import importlib.util
import socket
import sys
import threading
import time
from contextlib import closing, contextmanager
from ipaddress import IPv4Address

import distributed
import psutil
import pytest

from movierec import engine
from movierec.core import manifests, program
from movierec.core.errors import MovierecError
from movierec.core.params import load_params
from movierec.engine import dask, factory
from tests.helpers.clone import ROOT

HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
SSH = b"SSH-2.0-OpenSSH_9.2\r\n"


def params(**changes):
    block = load_params(ROOT / "params.yaml").engine
    return block.model_copy(update={"kind": "dask"} | changes)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refusal(capsys):
    """A function that opens an engine with these params and returns the error line."""

    def of(**changes):
        def main():
            with factory.opened(params(**changes)):
                pass

        with pytest.raises(SystemExit) as ended:
            program.run(main)
        assert ended.value.code == 1
        said = capsys.readouterr().err
        assert said.startswith("error: ")
        assert said.count("\n") == 1, said
        return said.removeprefix("error: ").strip()

    return of


@contextmanager
def answering(banner):
    """The address of a server that accepts connections, sends some bytes and nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []

        def take():
            while True:
                try:
                    taken.append(server.accept()[0])
                    taken[-1].sendall(banner)
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for each in taken:
            each.close()


# Nobody, or somebody else, at engine.scheduler


def test_patience_is_short():
    """Each of the two waits ends within ten seconds, including the start of the program."""
    assert dask.PATIENCE <= 8


def test_a_closed_port(refusal, monkeypatch):
    monkeypatch.setattr(dask, "PATIENCE", 0.5)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    assert refusal(scheduler=address) == (
        f"engine.scheduler: no answer from {address}: start dask scheduler there, or set"
        " engine.scheduler to local"
    )


def test_a_server_that_never_answers(refusal, monkeypatch):
    monkeypatch.setattr(dask, "PATIENCE", 0.5)
    began = time.monotonic()
    with answering(b"") as address:
        line = refusal(scheduler=address)
    assert line.startswith(f"engine.scheduler: no answer from {address}: start dask scheduler")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("banner", [SSH, HTTP])
def test_a_server_of_something_else(refusal, banner):
    with answering(banner) as address:
        assert refusal(scheduler=address) == (
            f"engine.scheduler: {address} is not a Dask scheduler: start one, or set"
            " engine.scheduler to local"
        )


def test_tls_without_certificates(refusal):
    line = refusal(scheduler="tls://127.0.0.1:1")
    assert line.startswith("engine.scheduler: tls://127.0.0.1:1 needs certificates: name them in")
    assert "DASK_DISTRIBUTED__COMM__TLS__CA_FILE" in line


def test_a_scheduler_without_workers(refusal, monkeypatch):
    monkeypatch.setattr(dask, "PATIENCE", 1)
    with distributed.LocalCluster(
        n_workers=0, processes=False, protocol="tcp://", dashboard_address="127.0.0.1:0"
    ) as cluster:
        address = cluster.scheduler_address
        assert refusal(scheduler=address) == (
            f"engine.scheduler: {address} has no workers: start some with dask worker {address}"
        )


@pytest.mark.parametrize("name", ["dask", "distributed"])
def test_dask_is_not_installed(refusal, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "movierec.engine.dask")
    monkeypatch.delattr(engine, "dask")
    assert refusal() == f"{name} is not installed; run pip install 'movierec[dask]'"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "a..b"])
def test_a_host_that_is_not_this_machine(refusal, host):
    assert refusal(host=host) == (
        f"engine.host: {host} is not an address of this machine; set it to 127.0.0.1"
    )


@pytest.mark.parametrize("host", ["", "0", "0.0.0.0", "::", "::ffff:0.0.0.0"])  # noqa: S104
def test_all_addresses_at_once_are_refused(host):
    """Also behind a name: what it resolves to counts."""
    with pytest.raises(MovierecError, match=r"^engine.host: .* (is every address of|is not an)"):
        dask._resolve(host)


def test_an_address_that_others_reach_is_said(monkeypatch, caplog):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]
    monkeypatch.setattr(dask.socket, "getaddrinfo", lambda *_, **__: found)
    assert dask._resolve("name") == "127.0.0.1"
    assert not caplog.messages
    monkeypatch.setattr(dask.ipaddress, "ip_address", lambda _: IPv4Address("10.0.0.1"))
    assert dask._resolve("name") == "10.0.0.1"
    [line] = caplog.messages
    assert line == "engine.host: anyone who can connect to 10.0.0.1 can run code on this machine"


# Workers that do not fit


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=1, processes=False, protocol="tcp://", dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


ALIKE = manifests.versions() | {"code": dask.CODE}


def of_another_version(path):
    return ALIKE | {"numpy": "1.0"}, True


@pytest.mark.parametrize(
    ("versions", "sees_folder", "line"),
    [
        (ALIKE, False, r" does not see {folder}: run the project in a folder that all"),
        (ALIKE | {"numpy": "1.0"}, True, r" has numpy 1\.0, not {numpy}: install requ"),
        (ALIKE | {"code": "before"}, True, r" runs other code than .*: restart it"),
    ],
)
def test_a_worker_that_does_not_fit(client, monkeypatch, tmp_path, versions, sees_folder, line):
    monkeypatch.setattr(dask, "_surroundings", lambda path: (versions, sees_folder))
    line = line.format(folder=tmp_path, numpy=ALIKE["numpy"])
    with pytest.raises(MovierecError, match=rf"the worker at tcp://127\.0\.0\.1:\d+{line}"):
        dask.DaskEngine(params(), client)


def test_a_worker_that_comes_late_is_looked_at(client, monkeypatch):
    """Such as one that restarted with another version."""
    used = dask.DaskEngine(params(), client)
    monkeypatch.setattr(dask, "_surroundings", of_another_version)
    monkeypatch.setattr(used, "_known", ["tcp://127.0.0.1:1"])
    with pytest.raises(MovierecError, match=r"install requirements\.lock there"):
        _ = used.homes


def test_a_worker_that_fits(client):
    assert list(dask.DaskEngine(params(), client).map(abs, [-1, 2])) == [1, 2]


# Where scheduler: local listens


def listening():
    """The addresses and ports at which this process and its children listen."""
    here = psutil.Process()
    processes = [here, *here.children(recursive=True)]
    found = [each for process in processes for each in process.net_connections("tcp")]
    return {tuple(each.laddr) for each in found if each.status == psutil.CONN_LISTEN}


def answer_to_http(address):
    """The answer to a GET, if any."""
    with socket.create_connection(address, timeout=0.5) as connection:
        connection.sendall(b"GET /status HTTP/1.0\r\n\r\n")
        try:
            return connection.recv(1000)
        except (TimeoutError, ConnectionError):
            return b""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
def test_the_local_cluster_listens_at_engine_host_alone_and_serves_no_page(host):
    before = listening()
    with factory.opened(params(n_workers=1, host=host)) as opened:
        assert list(opened.map(abs, [-1])) == [1]
        new = listening() - before
        assert {address for address, _ in new} == {host}
        answers = [answer for each in new if b"HTTP" in (answer := answer_to_http(each))]
        assert all(b" 404 " in answer for answer in answers), "Dask's own servers, without a page"


@pytest.mark.skipif(not importlib.util.find_spec("bokeh"), reason="the dashboard needs bokeh")
def test_the_dashboard_when_asked_for():
    before = listening()
    with factory.opened(params(n_workers=1, dashboard=True)):
        pages = [each for each in listening() - before if b" 200 " in answer_to_http(each)]
    assert {address for address, _ in pages} == {"127.0.0.1"}
