"""Named random streams from one root seed, so that draws do not depend on each other's order."""

import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of the stream `name` (such as "split/test") for the root `seed`."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))


def stream_at(seed: int, name: str, n_drawn: int) -> np.random.Generator:
    """The generator of a stream after n_drawn draws of 32 bits, half of what PCG64 makes at a time.

    A float32, and an integer below a power of two, take one such draw.
    """
    rng = stream(seed, name)
    rng.bit_generator.advance(n_drawn // 2)  # type: ignore[attr-defined]
    rng.random(n_drawn % 2, dtype=np.float32)
    return rng


ROWS = 1024  # rows of normals that share a stream


def normals(seed: int, name: str, n_rows: int, n_columns: int, dtype: Any, first: int = 0) -> Array:
    """Standard normal numbers (n_rows, n_columns) for the rows from `first` on.

    Every ROWS rows have their own stream, so the numbers of a row do not depend on the process
    that draws them or on the other rows.
    """
    numbers, stop = np.empty((n_rows, n_columns), dtype), first + n_rows
    for begin in range(first - first % ROWS, stop, ROWS):
        rng = stream(seed, f"{name}/{begin // ROWS}")
        rows = rng.standard_normal((min(stop, begin + ROWS) - begin, n_columns), numbers.dtype)
        wanted = rows[max(0, first - begin) :]
        numbers[max(0, begin - first) :][: len(wanted)] = wanted
    return numbers
