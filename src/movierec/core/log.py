"""Logging to stderr: slow steps, and for debugging each file read or written."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from movierec.core import console
from movierec.core.text import printable

VARIABLE = "MOVIEREC_LOG"  # the environment variable that turns debug messages on
LOGGER = logging.getLogger("movierec")
logger = logging.getLogger(__name__)


class StderrHandler(logging.Handler):
    """Print on stderr, above any progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        console.notes(*self.format(record).split("\n"))


class CleanFormatter(logging.Formatter):
    """Only printable text: a message is one line; a traceback below it has more."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return printable(super().formatMessage(record))

    def formatException(self, info: Any) -> str:  # noqa: N802
        return "\n".join(map(printable, super().formatException(info).split("\n")))


def configure(is_debug: bool) -> None:
    """Log plain lines to stderr; with debug messages on a terminal, in rich's format."""
    LOGGER.setLevel(logging.DEBUG if is_debug else logging.INFO)
    LOGGER.propagate = not is_debug
    handler: logging.Handler = StderrHandler()
    form = "%(message)s"
    if is_debug and sys.stderr.isatty():
        from rich.logging import RichHandler

        err = console.err()
        handler = RichHandler(console=err, show_time=False, show_path=False, highlighter=None)
    elif is_debug:
        form = "%(levelname)-8s %(message)s"
    handler.setFormatter(CleanFormatter(form))
    LOGGER.handlers = [handler]


def is_debug() -> bool:
    return LOGGER.isEnabledFor(logging.DEBUG)


@contextmanager
def timed(action: str, path: Path, stored_at: Path | None = None) -> Iterator[None]:
    """Log an action on a file or folder, with its size and duration.

    stored_at: its location during the action, if it is not yet at `path`.
    """
    start = time.perf_counter()
    yield
    if is_debug():
        from rich.filesize import decimal

        seconds, size = time.perf_counter() - start, decimal(size_of(stored_at or path))
        logger.debug("%-7s %s  %s in %.3f s", action, path, size, seconds)


def size_of(path: Path) -> int:
    """The size in bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def max_memory() -> int:
    """The peak resident memory of this process, in bytes.

    Without /proc it comes from getrusage, which also counts the program that started this one.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        import resource

        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return size if sys.platform == "darwin" else size * 1024
