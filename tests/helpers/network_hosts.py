"""Several hosts on this machine: network namespaces with their own addresses, sharing a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.clone import ROOT

SWITCH = "movierec-{pid}-switch"
HOST = "movierec-{pid}-{number}"


@dataclass
class Hosts:
    """Hosts 0, 1, …, each a command's prefix; none: this machine as it is, for one host alone.

    folder: where the scheduler leaves its address. environment: of all that runs there.
    """

    folder: Path
    prefixes: list[list[str]] = field(default_factory=lambda: [[]])
    environment: Mapping[str, str] = field(default_factory=dict)
    running: ExitStack = field(default_factory=ExitStack)
    scheduler: subprocess.Popen[bytes] | None = None

    @property
    def contact(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return str(json.loads(self.contact.read_text("utf-8"))["address"])

    def start_scheduler(self, *options: str, host: int = 0) -> str:
        """Start a scheduler without a dashboard; returns its address when it listens."""
        self.scheduler = self._start(
            host, "scheduler", "--port", "0", "--no-dashboard", "--no-show", *options,
            "--scheduler-file", str(self.contact),
        )  # fmt: skip
        end = time.monotonic() + 20
        while not self.contact.exists():
            assert time.monotonic() < end, "no scheduler"
            time.sleep(0.05)
        return self.address

    def start_worker(self, *options: str, host: int = 0) -> subprocess.Popen[bytes]:
        return self._start(
            host, "worker", self.address, "--nthreads", "1", "--no-dashboard",
            "--local-directory", str(self.folder), *options,
        )  # fmt: skip

    def run(self, *command: str, host: int = 0, cwd: Path = ROOT, fails: bool = False) -> str:
        """Run a command and return its output; it must succeed, or fail, as expected."""
        done = subprocess.run(
            [*self.prefixes[host], *command],
            cwd=cwd,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == int(fails), done.stdout
        return done.stdout

    def _start(self, host: int, *command: str) -> subprocess.Popen[bytes]:
        # Dask would guess by the way to the internet, which is not there.
        listens = ["--host", address_of(host)] if self.prefixes[host] else []
        process = subprocess.Popen(
            [*self.prefixes[host], sys.executable, "-m", "dask", *command, *listens],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / f"{command[0]}.log").open("ab"),
        )
        self.running.callback(_stop, process)
        return process

    def _environment(self) -> dict[str, str]:
        own = {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "NUMBA_NUM_THREADS": "1"}
        return {**os.environ, **own, **self.environment}


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def address_of(host: int) -> str:
    return f"10.77.0.{host + 1}"


@contextmanager
def one_host(folder: Path, **environment: str) -> Iterator[Hosts]:
    """This machine, on loopback or whatever the options of the scheduler say."""
    with ExitStack() as running:
        yield Hosts(folder, environment=environment, running=running)


@contextmanager
def several(number: int, folder: Path, **environment: str) -> Iterator[Hosts]:
    """n hosts, connected by a bridge in a separate namespace.

    Raises CalledProcessError if this machine does not allow it.
    """
    names = [HOST.format(pid=os.getpid(), number=host) for host in range(number)]
    switch = SWITCH.format(pid=os.getpid())
    with ExitStack() as spaces:
        for name in (switch, *names):
            _ip("netns", "add", name)
            spaces.callback(_ip, "netns", "delete", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        for host, name in enumerate(names):
            _plug(switch, name, host)
        with ExitStack() as running:
            prefixes = [["ip", "netns", "exec", name] for name in names]
            yield Hosts(folder, prefixes, environment, running)


def _plug(switch: str, name: str, host: int) -> None:
    port = f"port{host}"
    _ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "wire", "netns", name)
    _ip("-n", switch, "link", "set", port, "master", "bridge", "up")
    _ip("-n", name, "address", "add", f"{address_of(host)}/24", "dev", "wire")
    _ip("-n", name, "link", "set", "wire", "up")


def _ip(*command: str) -> None:
    subprocess.run(["ip", *command], check=True, capture_output=True)
