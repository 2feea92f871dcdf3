"""How a stage runs: alone, and no longer than the dvc that started it."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import zc.lockfile

from movierec import errors
from movierec.errors import MovierecError

LOCKS = Path(".checkpoints")
PARENT = "MOVIEREC_PARENT"  # the environment variable that tells dvc's process, see dvc.yaml


def run(name: str, main: Callable[[], None]) -> None:
    """Run a stage's `main`, alone in this project; bad input ends in one line and status 1."""

    def alone() -> None:
        with only_one(name):
            main()

    if parent := os.environ.pop(PARENT, ""):
        threading.Thread(target=end_with, args=[int(parent)], daemon=True).start()
    errors.run(alone)


def end_with(parent: int) -> None:
    """Kill this process when it is no longer the child of `parent`: of a dvc that was killed, no
    stage is left that still writes."""
    while os.getppid() == parent:
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Hold a lock, so that of two runs at the same time the second says who holds it."""
    LOCKS.mkdir(exist_ok=True)
    path = LOCKS / f"{name}.lock"
    try:
        lock = zc.lockfile.LockFile(str(path), content_template="{pid}")
    except zc.lockfile.LockError:
        holder = path.read_text(encoding="utf-8").strip()
        raise MovierecError(
            f"{name} is already running here, as process {holder}: wait for it, or stop it"
        ) from None
    try:
        yield
    finally:
        lock.close()
