"""The engine that runs tasks on a Dask cluster, on this machine or elsewhere."""

import asyncio
import hashlib
import ipaddress
import logging
import os
import shutil
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import distributed
from distributed import KilledWorker, LocalCluster, wait
from distributed.client import FutureCancelledError, FuturesCancelledError
from distributed.comm import CommClosedError, connect
from distributed.security import Security

from movierec.core import log, manifests
from movierec.core.errors import MovierecError
from movierec.core.params import EngineParams, is_every_address
from movierec.core.paths import CHECKPOINTS
from movierec.engine.local import Engine, Handle

logger = logging.getLogger(__name__)
PATIENCE = 8  # seconds within which a scheduler, and then its first worker, must answer
CHECK_INTERVAL = 5  # seconds between checks that workers are still there
RETURN = 30  # seconds within which a worker must come back after all were lost
AHEAD = 2  # queued tasks per worker, so that none is idle
AGAIN = "run dvc repro: training resumes after the last finished epoch"
GIVEN_UP = (
    FutureCancelledError,
    FuturesCancelledError,
    CommClosedError,
    TimeoutError,
    asyncio.CancelledError,
)
# Off for a cluster on this machine. Its workers are equally fast, so work stealing costs more in
# transfers than it saves, and a copy that the memory manager drops would have to be sent again.
OFF = (
    "distributed.scheduler.work-stealing",
    "distributed.scheduler.active-memory-manager.start",
)


def _code() -> str:
    """The hash of this package's code as this process imported it."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


CODE = _code()


class DaskEngine(Engine):
    """Runs tasks on the workers of a Dask cluster."""

    def __init__(self, params: EngineParams, client: distributed.Client) -> None:
        super().__init__(params)
        self.client = client
        self._known: list[str] = []  # addresses of workers that tasks may have been sent to
        self._has_homes = False  # whether a task was sent to a preferred worker
        self._check_workers(self.homes)

    @property
    def homes(self) -> Sequence[str]:
        """The workers' addresses, in the order in which they were first seen."""
        with self._explain():
            present = self.client.nthreads()
            if not present:
                self.client.wait_for_workers(1, timeout=RETURN)
                present = self.client.nthreads()
        new = sorted(present.keys() - set(self._known))
        if new and self._known:  # workers that joined later
            self._check_workers(new)
        self._known = [address for address in self._known if address in present] + new
        return list(self._known)

    def submit(
        self, function: Callable[..., Any], *arguments: Any, home: str | None = None
    ) -> Handle:
        preference = {"workers": [home], "allow_other_workers": True} if home else {}
        self._has_homes |= bool(home)
        with self._explain():
            return self.client.submit(_run, function, *arguments, pure=False, **preference)

    def results(self, handles: Sequence[Handle]) -> list[Any]:
        waiting = True
        while waiting and handles:
            try:
                wait(list(handles), timeout=CHECK_INTERVAL)
                waiting = False
            except TimeoutError:
                self._check_known()
            except GIVEN_UP:
                waiting = False
        with self._explain():
            return list(self.client.gather(list(handles)))

    def _check_known(self) -> None:
        """Raise MovierecError if all known workers are lost.

        Dask never gives the tasks that were meant for them to workers that join later.
        """
        with self._explain():
            present = self.client.nthreads()
        if self._has_homes and present.keys().isdisjoint(self._known):
            raise MovierecError(
                "engine: all workers were lost at the same time, perhaps because they ran out of"
                f" memory (engine.memory_limit); {AGAIN}"
            )

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        waiting: deque[Handle] = deque()
        max_waiting = AHEAD * len(self.homes)
        for values in zip(*arguments, strict=False):
            waiting.append(self.submit(function, *values))
            if len(waiting) > max_waiting:
                yield self.results([waiting.popleft()])[0]
        while waiting:
            yield self.results([waiting.popleft()])[0]

    def map_in_threads(
        self, function: Callable[..., Any], *arguments: Iterable[Any]
    ) -> Iterator[Any]:
        return self.map(function, *arguments)

    def everywhere(self, function: Callable[[], Any]) -> None:
        with self._explain():
            self.client.run(function, on_error="ignore")

    def traffic(self) -> int:
        with self._explain():
            return sum(self.client.run(_sent, on_error="ignore").values())

    def memory(self) -> dict[str, int]:
        with self._explain():
            return dict(self.client.run(log.max_memory, on_error="ignore"))

    def _check_workers(self, homes: Sequence[str]) -> None:
        """Raise MovierecError unless workers have our versions and code, and share this folder."""
        CHECKPOINTS.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=CHECKPOINTS, prefix="seen-") as file, self._explain():
            path = Path(file.name).absolute()
            answers = self.client.run(_surroundings, path, workers=list(homes), on_error="ignore")
        expected = manifests.versions() | {"code": CODE}
        for address, (versions, sees_folder) in answers.items():
            if versions != expected:
                name = next(name for name in expected if versions.get(name) != expected[name])
                if name == "code":
                    raise MovierecError(
                        f"engine.scheduler: the worker at {address} runs other code than this"
                        " project: restart it"
                    )
                raise MovierecError(
                    f"engine.scheduler: the worker at {address} has {name} {versions.get(name)},"
                    f" not {expected[name]}: install requirements.lock there"
                )
            if not sees_folder:
                raise MovierecError(
                    f"engine.scheduler: the worker at {address} does not see {Path.cwd()}: run the"
                    " project in a folder that all workers share, under the same path"
                )

    @contextmanager
    def _explain(self) -> Iterator[None]:
        """Turn the exceptions that Dask raises when it gives up into one line."""
        try:
            yield
        except KilledWorker as error:
            raise MovierecError(
                f"engine: {error.allowed_failures + 1} workers in a row died of the same task, most"
                " likely out of memory: give each more (engine.memory_limit), or make blocks"
                " smaller (engine.block_ratings)"
            ) from None
        except GIVEN_UP:
            raise MovierecError(
                f"engine: lost the scheduler or all workers; restart them, then {AGAIN}"
            ) from None


@contextmanager
def opened(params: EngineParams) -> Iterator[DaskEngine]:
    """Yield the engine of a new cluster on this machine, or of the one at engine.scheduler."""
    if params.scheduler != "local":
        with _connected(params.scheduler) as client:
            yield DaskEngine(params, client)
        return
    settings: dict[str, Any] = dict.fromkeys(OFF, False)
    if not params.dashboard:
        settings["distributed.scheduler.http.routes"] = []
    CHECKPOINTS.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=CHECKPOINTS, prefix="dask-")).absolute()
    try:
        with (
            dask.config.set(settings),
            _local_cluster(params, folder) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield DaskEngine(params, client)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _local_cluster(params: EngineParams, folder: Path) -> LocalCluster:
    """Start single-threaded worker processes on this machine; folder: for data that they spill."""
    host = _resolve(params.host)
    try:
        return LocalCluster(
            n_workers=params.n_workers,
            threads_per_worker=1,
            host=f"[{host}]" if ":" in host else host,
            memory_limit=params.memory_limit or 0,
            dashboard_address=(host, 8787 if params.dashboard else 0),
            scheduler_kwargs={"dashboard": params.dashboard},
            env={"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
            local_directory=str(folder),
            silence_logs=logging.WARNING if log.is_debug() else logging.CRITICAL,
        )
    except RuntimeError as error:
        raise MovierecError(f"engine: workers did not start: {error}") from None


def _resolve(host: str) -> str:
    """The address of engine.host, with a warning if it is not loopback.

    Raises MovierecError if it is no address of this machine, or stands for all of them.
    """
    try:
        [(family, *_, (address, *_)), *_] = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.bind((address, 0))
    except (OSError, UnicodeError):
        raise MovierecError(
            f"engine.host: {host} is not an address of this machine; set it to 127.0.0.1"
        ) from None
    ip = ipaddress.ip_address(str(address))
    if is_every_address(ip):
        raise MovierecError(f"engine.host: {host} is every address of this machine; set it to one")
    if not ip.is_loopback:
        logger.warning("engine.host: anyone who can connect to %s can run code on this machine", ip)
    return str(ip)


@contextmanager
def _connected(address: str) -> Iterator[distributed.Client]:
    """Yield a client of the scheduler at an address, which must have a worker."""
    try:
        asyncio.run(_greet(address))
        client = distributed.Client(address, timeout=PATIENCE)
    except Exception as error:  # of any type, depending on what answers instead of a scheduler
        raise MovierecError(f"engine.scheduler: {_reason(address, error)}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise MovierecError(
                f"engine.scheduler: {address} has no workers: start some with dask worker {address}"
            ) from None
        yield client


async def _greet(address: str) -> None:
    """Connect to the scheduler once, with a time limit; Dask's client would wait forever."""
    arguments = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=PATIENCE, **arguments), PATIENCE)
    await comm.close()


def _reason(address: str, error: Exception) -> str:
    """Why there is no connection, and what to do."""
    if "ssl_context" in str(error):
        return (
            f"{address} needs certificates: name them in Dask's configuration"
            " (DASK_DISTRIBUTED__COMM__TLS__CA_FILE and so on, see docs/scaling.md)"
        )
    if isinstance(error, CommClosedError):
        return (
            f"{address} closes the connection: use tls:// and certificates of the same authority on"
            " both sides, or tcp:// on both (see docs/scaling.md)"
        )
    if isinstance(error, OSError):  # TimeoutError is one
        return (
            f"no answer from {address}: start dask scheduler there, or set engine.scheduler to"
            " local"
        )
    return f"{address} is not a Dask scheduler: start one, or set engine.scheduler to local"


# --- In a worker

_ONE = threading.Lock()  # a task uses all threads of its worker, so tasks run one at a time


def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a task on a worker, with as many threads as the worker has."""
    import numba
    import pyarrow as pa

    n_threads = distributed.get_worker().state.nthreads
    with _ONE:
        numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
        pa.set_cpu_count(n_threads)
        return function(*arguments)


def _sent(dask_worker: distributed.Worker) -> int:
    """The bytes that a worker has sent; Dask fills in dask_worker by its name."""
    return int(dask_worker.transfer_outgoing_bytes_total)


def _surroundings(path: Path) -> tuple[dict[str, str], bool]:
    return manifests.versions() | {"code": CODE}, path.exists()
