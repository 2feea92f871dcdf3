"""Read and write safetensors files; mapped arrays that are not used are never read.

The format (https://github.com/huggingface/safetensors) is eight bytes with the header's length, the
header as JSON, then the arrays. The library writes files and checks headers. Arrays are mapped
here, because the library would copy them. The metadata is one JSON entry with its own hash.
"""

import hashlib
import json
import mmap
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from movierec.core.atomic import atomic_file
from movierec.core.errors import MovierecError

Array = np.ndarray[Any, Any]
KEY = "movierec"  # of our entry in the metadata
DTYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "BOOL": "?"}


def save(
    path: Path, arrays: Mapping[str, Array], metadata: Mapping[str, Any], shared: bool = False
) -> Path:
    """Write arrays and metadata (as JSON) atomically: the same bytes for the same content.

    shared: whether other processes may write the same path at the same time.
    Raises MovierecError if it cannot be written, or if a number is not finite.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    for name, array in arrays.items():
        check_finite(path, name, array)
    content = {"sha256": _hash(metadata), "content": metadata}
    contiguous = {
        name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()
    }
    with atomic_file(path, shared) as partial:
        try:
            save_file(contiguous, partial, {KEY: json.dumps(content, ensure_ascii=False)})
        except SafetensorError as error:  # such as "... No space left on device (os error 28)"
            if number := re.search(r"\(os error (\d+)\)", str(error)):
                code = int(number[1])
                raise OSError(code, os.strerror(code)) from None
            raise
    return path


def check_finite(path: Path, name: str, array: Array, nan_is_allowed: bool = False) -> None:
    """Raise MovierecError if an array that is to be written has infinite numbers or NaN."""
    if array.dtype.kind != "f" or not array.size:
        return
    ends = np.array([np.fmin.reduce(array, None), np.fmax.reduce(array, None)])
    if np.isinf(ends).any() or (not nan_is_allowed and np.isnan(array.min())):
        raise MovierecError(
            f"{path}: not written: {name} has numbers that are not finite; set params.yaml closer"
            " to the committed one"
        )


def _hash(metadata: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()


def hash_array(array: Array) -> str:
    """The sha256 of an array's dtype, shape and bytes."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


class ArrayFile:
    """An open file: its metadata, and its arrays by name.

    in_memory: read all arrays now, so that nothing that happens to the file changes them later. A
    mapped file that is shortened would end the process.
    Raises FileNotFoundError, and ValueError if the file is damaged.
    """

    def __init__(self, path: Path, in_memory: bool = False) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "np") as file:
                content = json.loads((file.metadata() or {})[KEY])
                self.metadata: dict[str, Any] = content["content"]
                if content["sha256"] != _hash(self.metadata):
                    raise ValueError("metadata changed")
        except (SafetensorError, KeyError, TypeError) as error:
            raise ValueError(str(error)) from None
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            self._header = json.loads(stream.read(size))
            self._header.pop("__metadata__", None)
            self._start = 8 + size
            self._content: bytearray | mmap.mmap
            if in_memory:
                stream.seek(0)
                self._content = bytearray(os.fstat(stream.fileno()).st_size)
                stream.readinto(self._content)
            else:
                self._content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)

    @property
    def names(self) -> list[str]:
        return list(self._header)

    def array(self, name: str) -> Array:
        """An array; writing to it does not change the file, since it is mapped copy-on-write."""
        entry = self._header[name]
        dtype = np.dtype(DTYPES[entry["dtype"]])
        begin, end = entry["data_offsets"]
        count = (end - begin) // dtype.itemsize
        return np.frombuffer(self._content, dtype, count, self._start + begin).reshape(
            entry["shape"]
        )

    def arrays(self) -> dict[str, Array]:
        return {name: self.array(name) for name in self.names}


def load(path: Path) -> dict[str, Array]:
    """All arrays of a file."""
    return ArrayFile(path).arrays()
