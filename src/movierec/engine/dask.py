"""The engine whose work is done by a Dask cluster: of this machine, or somebody's."""

import asyncio
import hashlib
import logging
import os
import shutil
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
from movierec.core.params import EngineParams
from movierec.core.paths import CHECKPOINTS
from movierec.engine.local import Engine, Handle

PATIENCE = 8  # seconds in which a scheduler, and then its first worker, must answer
LOOK = 5  # seconds after which it is looked whether those who work are still there
RETURN = 30  # seconds in which workers that were all lost must be back
AHEAD = 2  # pieces of work that each worker has waiting, so that it never waits
AGAIN = "run dvc repro: training goes on after the last finished epoch"
GIVEN_UP = (
    FutureCancelledError,
    FuturesCancelledError,
    CommClosedError,
    TimeoutError,
    asyncio.CancelledError,
)
# Of Dask's own scheduler on this machine, whose workers are alike: what one would steal costs more
# to send than it saves; a copy that is dropped where its block lives has to be sent again.
OFF = (
    "distributed.scheduler.work-stealing",
    "distributed.scheduler.active-memory-manager.start",
)


def _code() -> str:
    """The hash of this package's code, as it was when this process began with it."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


CODE = _code()


class DaskEngine(Engine):
    """Work is done by the workers of a Dask cluster. client: a distributed.Client."""

    def __init__(self, params: EngineParams, client: Any) -> None:
        super().__init__(params)
        self.client = client
        self._known: list[str] = []  # homes that work may have been sent to
        self._has_homes = False  # whether any was
        self._check_workers(self.homes)

    @property
    def homes(self) -> Sequence[str]:
        """The workers' addresses, in the order in which they were seen first."""
        with self._explain():
            found = self.client.nthreads()
            if not found:
                self.client.wait_for_workers(1, timeout=RETURN)
                found = self.client.nthreads()
        new = sorted(found.keys() - set(self._known))
        if new and self._known:  # that came late
            self._check_workers(new)
        self._known = [home for home in self._known if home in found] + new
        return list(self._known)

    def submit(
        self, function: Callable[..., Any], *arguments: Any, home: str | None = None
    ) -> Handle:
        where = {"workers": [home], "allow_other_workers": True} if home else {}
        self._has_homes |= bool(home)
        with self._explain():
            return self.client.submit(_run, function, *arguments, pure=False, **where)

    def results(self, handles: Sequence[Handle]) -> list[Any]:
        waiting = True
        while waiting and handles:
            try:
                wait(list(handles), timeout=LOOK)
                waiting = False
            except TimeoutError:
                self._check_known()
            except GIVEN_UP:
                waiting = False
        with self._explain():
            return list(self.client.gather(list(handles)))

    def _check_known(self) -> None:
        """Raise MovierecError if every home was lost: what was to be done there, Dask gives to no
        worker that comes after."""
        with self._explain():
            found = self.client.nthreads()
        if self._has_homes and found.keys().isdisjoint(self._known):
            raise MovierecError(
                "engine: all workers were lost at once, for want of memory perhaps"
                f" (engine.memory_limit); {AGAIN}"
            )

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        waiting: deque[Handle] = deque()
        most = AHEAD * len(self.homes)
        for each in zip(*arguments, strict=False):
            waiting.append(self.submit(function, *each))
            if len(waiting) > most:
                yield self.results([waiting.popleft()])[0]
        while waiting:
            yield self.results([waiting.popleft()])[0]

    def compute(self, delayed: Sequence[Any]) -> list[Any]:
        with self._explain():
            return self.results(self.client.compute(delayed))

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
        """Raise MovierecError unless workers have this version and code, and see this folder."""
        CHECKPOINTS.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=CHECKPOINTS, prefix="seen-") as file, self._explain():
            path = Path(file.name).absolute()
            found = self.client.run(_surroundings, path, workers=list(homes), on_error="ignore")
        ours = manifests.versions() | {"code": CODE}
        for address, (theirs, sees) in found.items():
            if theirs != ours:
                name = next(name for name in ours if theirs.get(name) != ours[name])
                if name == "code":
                    raise MovierecError(
                        f"engine.scheduler: the worker at {address} began with other code than this"
                        " project's: start it again"
                    )
                raise MovierecError(
                    f"engine.scheduler: the worker at {address} has {name} {theirs.get(name)}, not"
                    f" {ours[name]}: install what requirements.lock says there"
                )
            if not sees:
                raise MovierecError(
                    f"engine.scheduler: the worker at {address} does not see {Path.cwd()}: run the"
                    " project in a folder that all workers share, under the same path"
                )

    @contextmanager
    def _explain(self) -> Iterator[None]:
        """Turn what Dask raises when it gives up into one line."""
        try:
            yield
        except KilledWorker as error:
            raise MovierecError(
                f"engine: {error.allowed_failures + 1} workers in a row died of the same work, for"
                " want of memory most likely: give each more (engine.memory_limit), or make blocks"
                " smaller (engine.block_ratings)"
            ) from None
        except GIVEN_UP:
            raise MovierecError(
                f"engine: the scheduler, or all workers, are lost; start them again, then {AGAIN}"
            ) from None


@contextmanager
def opened(params: EngineParams) -> Iterator[DaskEngine]:
    """The engine by a cluster of this machine, or by the one at engine.scheduler."""
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


def _local_cluster(params: EngineParams, folder: Path) -> Any:
    """Workers of one core each in processes of this machine; folder: for what they spill."""
    try:
        return LocalCluster(
            n_workers=params.n_workers,
            threads_per_worker=1,
            host=params.host,
            memory_limit=params.memory_limit or 0,
            dashboard_address=f"{params.host}:{8787 if params.dashboard else 0}",
            scheduler_kwargs={"dashboard": params.dashboard},
            env={"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
            local_directory=str(folder),
            silence_logs=logging.WARNING if log.is_debug() else logging.CRITICAL,
        )
    except RuntimeError as error:
        raise MovierecError(f"engine: workers did not start: {error}") from None


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    try:
        asyncio.run(_greet(address))
        client = distributed.Client(address, timeout=PATIENCE)
    except Exception as error:  # of many kinds, by what answers that is no scheduler
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
    """Shake hands with the scheduler, within a time: Dask's client would wait for ever."""
    arguments = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=PATIENCE, **arguments), PATIENCE)
    await comm.close()


def _reason(address: str, error: Exception) -> str:
    """Why there is no connection, and what to do."""
    if "ssl_context" in str(error):
        return (
            f"{address} needs certificates: name them in Dask's configuration"
            " (DASK_DISTRIBUTED__COMM__TLS__CA_FILE and so on, see docs/scale.md)"
        )
    if isinstance(error, CommClosedError):
        return (
            f"{address} hangs up: both ends need tls://, and certificates of the same authority,"
            " or both tcp:// (see docs/scale.md)"
        )
    if isinstance(error, OSError):  # TimeoutError is one
        return (
            f"nobody answers at {address}: start one there with dask scheduler, or set it to local"
        )
    return f"what answers at {address} is no Dask scheduler: start one, or set it to local"


# --- In a worker

_ONE = threading.Lock()  # a worker's threads are all Numba's, so that work is done one by one


def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call it on a worker, with as many threads as that has."""
    import numba
    import pyarrow as pa

    n_threads = distributed.get_worker().state.nthreads
    with _ONE:
        numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
        pa.set_cpu_count(n_threads)
        return function(*arguments)


def _sent(dask_worker: Any) -> int:
    return int(dask_worker.transfer_outgoing_bytes_total)


def _surroundings(path: Path) -> tuple[dict[str, str], bool]:
    return manifests.versions() | {"code": CODE}, path.exists()
