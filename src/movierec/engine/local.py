"""Where work is done: in this process, or by the workers of a Dask cluster.

Work is a function of its arguments and of files that all workers see, and leaves the same bits
wherever, and however often, it is done. So whatever is lost with a worker is made again.
"""

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from movierec.core.params import EngineParams
from movierec.core.paths import CHECKPOINTS

HERE = "here"  # the home that is this process

Handle = Any  # of a result: the result itself, or where Dask keeps it


class Engine:
    """Work is done here, at once: the local engine.

    memory_limit: bytes that a process may hold, or None. homes: where work can be sent.
    """

    def __init__(self, params: EngineParams) -> None:
        self.params = params

    @property
    def homes(self) -> Sequence[str]:
        return (HERE,)

    @property
    def is_here(self) -> bool:
        """Whether work is done in this process."""
        return self.params.kind == "local"

    def submit(
        self, function: Callable[..., Any], *arguments: Any, home: str | None = None
    ) -> Handle:
        """Have it called; arguments may be handles. home: where it is best done."""
        return function(*arguments)

    def results(self, handles: Sequence[Handle]) -> list[Any]:
        """What handles stand for; MovierecError if it cannot be had."""
        return list(handles)

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        """As the built-in one: results in order, as they are asked for, few of them ahead."""
        return map(function, *arguments)

    def compute(self, delayed: Sequence[Any]) -> list[Any]:
        """What comes of Dask's delayed calls, as one graph."""
        raise NotImplementedError("the local engine has no graphs")

    def everywhere(self, function: Callable[[], Any]) -> None:
        """Have it called once in every process that works."""
        function()

    def traffic(self) -> int:
        """Bytes that workers have sent so far."""
        return 0

    def memory(self) -> dict[str, int]:
        """The most bytes that each worker ever held."""
        return {}

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """A folder that all workers see, by its absolute path; emptied before and after."""
        path = (CHECKPOINTS / name).absolute()
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def memory_of_worker() -> int | None:
    """Bytes that the Dask worker, if this is one, may hold; None if there is no limit."""
    worker = _worker()
    limit = worker.memory_manager.memory_limit if worker else None
    return int(limit) if limit else None


def name_of_worker() -> str:
    """The home that this process is, as Engine.homes has it."""
    worker = _worker()
    return worker.address if worker else HERE


def _worker() -> Any:
    """The Dask worker that runs this, or None."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_worker

    try:
        return get_worker()
    except ValueError:
        return None
