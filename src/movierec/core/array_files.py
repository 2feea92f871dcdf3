"""Arrays in a safetensors file, mapped into memory: no array is read before it is used.

The format (https://github.com/huggingface/safetensors) is eight bytes with the header's length, the
header as JSON, then the arrays. The library writes files and checks headers; arrays are mapped
here, since the library copies them.
"""

import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from movierec.core.atomic import atomic_file

Array = np.ndarray[Any, Any]
DTYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "BOOL": "?"}


def save(path: Path, arrays: Mapping[str, Array], metadata: str = "", shared: bool = False) -> Path:
    """Write arrays and a text, atomically: the same bytes for the same arrays.

    shared: whether other processes may write the same path at the same time.
    """
    from safetensors.numpy import save_file

    with atomic_file(path, shared) as partial:
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        shaped = {name: array.reshape(arrays[name].shape) for name, array in contiguous.items()}
        save_file(shaped, partial, {"movierec": metadata})
    return path


class ArrayFile:
    """An open file: its metadata, and its arrays by name.

    Raises FileNotFoundError, and ValueError where the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "np") as file:
                self.metadata = (file.metadata() or {}).get("movierec", "")
        except SafetensorError as error:
            raise ValueError(str(error)) from None
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            self._header = json.loads(stream.read(size))
            self._header.pop("__metadata__", None)
            self._start = 8 + size
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)

    @property
    def names(self) -> list[str]:
        return list(self._header)

    def array(self, name: str) -> Array:
        """An array in the file's own memory; writing to it changes a copy, not the file."""
        entry = self._header[name]
        dtype = np.dtype(DTYPES[entry["dtype"]])
        begin, end = entry["data_offsets"]
        count = (end - begin) // dtype.itemsize
        return np.frombuffer(self._map, dtype, count, self._start + begin).reshape(entry["shape"])

    def arrays(self) -> dict[str, Array]:
        return {name: self.array(name) for name in self.names}


def load(path: Path) -> dict[str, Array]:
    """All arrays of a file."""
    return ArrayFile(path).arrays()
