"""Check what a program gets from its environment, before libraries that trust it are imported."""

import importlib
import os
import warnings
from pathlib import Path

from movierec.core.errors import MovierecError

THREADING_LAYERS = ("default", "safe", "forksafe", "threadsafe", "omp", "tbb", "workqueue")
LIBRARIES = {"tbb": "tbb", "safe": "tbb", "omp": "omp"}  # without which a layer does not load
MAX_THREADS = 1024  # far more of them crash


def check() -> None:
    """Raise MovierecError if the current folder was deleted or a variable has no usable value."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise MovierecError("the current folder was deleted; go to another one") from None
    threads = os.environ.get("NUMBA_NUM_THREADS", "")
    if threads and not _is_number(threads):
        raise MovierecError(
            f"NUMBA_NUM_THREADS is {threads!r}: set it to a number of threads, from 1 to"
            f" {MAX_THREADS}, or unset it"
        )
    layer = os.environ.get("NUMBA_THREADING_LAYER", "")
    if layer and layer not in THREADING_LAYERS:
        raise MovierecError(
            f"NUMBA_THREADING_LAYER is {layer!r}: set it to one of {', '.join(THREADING_LAYERS)},"
            " or unset it"
        )
    if layer in LIBRARIES and not _is_installed(LIBRARIES[layer]):
        raise MovierecError(
            f"NUMBA_THREADING_LAYER is {layer!r}, but Numba finds no {LIBRARIES[layer]} on this"
            " machine; install it, or unset the variable"
        )
    order = os.environ.get("NUMBA_THREADING_LAYER_PRIORITY", "")
    if order and sorted(order.split()) != ["omp", "tbb", "workqueue"]:
        raise MovierecError(
            f"NUMBA_THREADING_LAYER_PRIORITY is {order!r}: set it to omp, tbb and workqueue in any"
            " order, or unset it"
        )
    # Numba only warns about its other variables, with a traceback; program.run shows the first line
    warnings.filterwarnings("error", "Environment variable 'NUMBA_", RuntimeWarning)


def _is_installed(library: str) -> bool:
    try:
        importlib.import_module(f"numba.np.ufunc.{library}pool")
    except ImportError:
        return False
    return True


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= MAX_THREADS
