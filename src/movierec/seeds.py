"""Named random streams from one root seed, so that no draw depends on the order of others."""

import zlib

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of the stream `name` (such as "split/test") under the root `seed`."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
