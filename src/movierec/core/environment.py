"""Check what a program gets from its environment, before libraries that trust it are imported."""

import os
from pathlib import Path

from movierec.core.errors import MovierecError

THREADING_LAYERS = ("default", "safe", "forksafe", "threadsafe", "omp", "tbb", "workqueue")


def check() -> None:
    """Raise MovierecError if the current folder was deleted or a variable has no usable value."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise MovierecError("the current folder was deleted; go to another one") from None
    threads = os.environ.get("NUMBA_NUM_THREADS", "")
    if threads and not _is_number(threads):
        raise MovierecError(
            f"NUMBA_NUM_THREADS is {threads!r}: set it to a number of threads, from 1, or unset it"
        )
    layer = os.environ.get("NUMBA_THREADING_LAYER", "")
    if layer and layer not in THREADING_LAYERS:
        raise MovierecError(
            f"NUMBA_THREADING_LAYER is {layer!r}: set it to one of {', '.join(THREADING_LAYERS)},"
            " or unset it"
        )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text[:6]) < 100_000
