"""What is told beside the results when MOVIEREC_LOG is debug: on stderr, a line each."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.filesize import decimal

from movierec.core.errors import is_debug


def tell(text: str) -> None:
    if is_debug():
        print(f"{'debug':<10} {text}", file=sys.stderr)


@contextmanager
def timed(did: str, path: Path, lies_at: Path | None = None) -> Iterator[None]:
    """Tell what was done with a file or folder, how large it is, and how long that took.

    lies_at: where it is now, if not yet at `path`.
    """
    began = time.perf_counter()
    yield
    if is_debug():
        seconds = time.perf_counter() - began
        tell(f"{did:<7} {path}  {decimal(size_of(lies_at or path))} in {seconds:.3f} s")


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def most_memory() -> int:
    """The most bytes that this process ever held. Where the system keeps no such mark of a program
    (getrusage's is also of the one that started it), what getrusage says."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
