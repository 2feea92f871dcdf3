"""Check what a program gets from its environment, before libraries that trust it are imported."""

import os
from pathlib import Path

from movierec.core.errors import MovierecError

MIN_WIDTH = 10  # columns
THREADING_LAYERS = ("default", "safe", "forksafe", "threadsafe", "omp", "tbb", "workqueue")


def check() -> None:
    """Raise MovierecError if the current folder was deleted or a variable has no usable value.

    COLUMNS and LINES, which shells set to 0 where there is no terminal, are ignored instead.
    """
    try:
        Path.cwd()
    except FileNotFoundError:
        raise MovierecError("the current folder was deleted; go to another one") from None
    for name, least in (("COLUMNS", MIN_WIDTH), ("LINES", 1)):
        if not _is_number(os.environ.get(name, ""), least):
            os.environ.pop(name, None)
    threads = os.environ.get("NUMBA_NUM_THREADS", "")
    if threads and not _is_number(threads, 1):
        raise MovierecError(
            f"NUMBA_NUM_THREADS is {threads!r}: set it to a number of threads, from 1, or unset it"
        )
    layer = os.environ.get("NUMBA_THREADING_LAYER", "")
    if layer and layer not in THREADING_LAYERS:
        raise MovierecError(
            f"NUMBA_THREADING_LAYER is {layer!r}: set it to one of {', '.join(THREADING_LAYERS)},"
            " or unset it"
        )


def _is_number(text: str, least: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and int(text) >= least
