"""Named random streams from one root seed, so that no draw depends on the order of others."""

import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of the stream `name` (such as "split/test") under the root `seed`."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))


ROWS = 1024  # rows drawn from one stream


def normals(seed: int, name: str, n_rows: int, n_columns: int, dtype: Any) -> Array:
    """Standard normal numbers (n_rows, n_columns), each ROWS rows from a stream of their own.

    So the numbers of a row are the same whoever draws them, and with how many others.
    """
    drawn = np.empty((n_rows, n_columns), dtype)
    for first in range(0, n_rows, ROWS):
        rows = drawn[first : first + ROWS]
        draw = stream(seed, f"{name}/{first // ROWS}")
        rows[:] = draw.standard_normal(rows.shape, dtype=drawn.dtype)
    return drawn
