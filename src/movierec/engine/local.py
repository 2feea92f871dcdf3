"""The local engine, and the interface of every engine.

A task depends only on its arguments and on files that all workers share. Its result is the same to
the bit wherever and however often it runs, so the results of a lost worker are computed again.
"""

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from movierec.core.params import EngineParams
from movierec.core.paths import CHECKPOINTS
from movierec.engine import threads

HERE = "here"  # the name of this process as a worker

Handle = Any  # a result of any type, or a Dask future


class Engine:
    """Runs each task immediately, in this process."""

    def __init__(self, params: EngineParams) -> None:
        self.params = params

    @property
    def homes(self) -> Sequence[str]:
        """The names of the workers."""
        return (HERE,)

    @property
    def is_here(self) -> bool:
        """Whether tasks run in this process."""
        return self.params.kind == "local"

    def submit(
        self, function: Callable[..., Any], *arguments: Any, home: str | None = None
    ) -> Handle:
        """Call a function; returns a handle.

        Arguments may be handles. home: the preferred worker.
        """
        return function(*arguments)

    def results(self, handles: Sequence[Handle]) -> list[Any]:
        """The results of handles; MovierecError if they are lost."""
        return list(handles)

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        """Like the built-in map: yields results in order, and computes only a few ahead."""
        return map(function, *arguments)

    def map_in_threads(
        self, function: Callable[..., Any], *arguments: Iterable[Any]
    ) -> Iterator[Any]:
        """Like `map`, for tasks that use a single thread each: several run at a time."""
        return threads.map_in_threads(function, *arguments)

    def everywhere(self, function: Callable[[], Any]) -> None:
        """Call a function once in every worker's process."""
        function()

    def traffic(self) -> int:
        """Bytes that workers have sent since they started."""
        return 0

    def memory(self) -> dict[str, int]:
        """The peak memory of each worker, in bytes."""
        return {}

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """Yield the absolute path of an empty folder that all workers share; deleted afterwards."""
        path = (CHECKPOINTS / name).absolute()
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def memory_of_worker() -> int | None:
    """The memory limit of this process as a Dask worker, in bytes; None if there is none."""
    worker = _worker()
    limit = worker.memory_manager.memory_limit if worker else None
    return int(limit) if limit else None


def name_of_worker() -> str:
    """The name of this process in Engine.homes."""
    worker = _worker()
    return worker.address if worker else HERE


def _worker() -> Any:
    """The Dask worker that runs this task, or None."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_worker

    try:
        return get_worker()
    except ValueError:
        return None
