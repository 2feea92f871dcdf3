"""Named random streams from one root seed, so that no draw depends on the order of others."""

import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of the stream `name` (such as "split/test") under the root `seed`."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))


def stream_at(seed: int, name: str, n_drawn: int) -> np.random.Generator:
    """The stream after so many draws of 32 bits, each half of what PCG64 makes at a time.

    A float32, and an integer below a power of two, take one such draw.
    """
    draw = stream(seed, name)
    draw.bit_generator.advance(n_drawn // 2)  # type: ignore[attr-defined]
    draw.random(n_drawn % 2, dtype=np.float32)
    return draw


ROWS = 1024  # rows drawn from one stream


def normals(seed: int, name: str, n_rows: int, n_columns: int, dtype: Any, first: int = 0) -> Array:
    """Standard normal numbers (n_rows, n_columns) of the rows from `first` on.

    Each ROWS rows are of a stream of their own, so that the numbers of a row are the same whoever
    draws them, and with how many others.
    """
    drawn, stop = np.empty((n_rows, n_columns), dtype), first + n_rows
    for begin in range(first - first % ROWS, stop, ROWS):
        draw = stream(seed, f"{name}/{begin // ROWS}")
        rows = draw.standard_normal((min(stop, begin + ROWS) - begin, n_columns), drawn.dtype)
        some = rows[max(0, first - begin) :]
        drawn[max(0, begin - first) :][: len(some)] = some
    return drawn
