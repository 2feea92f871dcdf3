"""Arrays in an .npz file that begin on lines of the cache, mapped into memory instead of read.

It is the file that np.savez writes and np.load reads, its members stored as they are, with room
before each so that it begins at a multiple of ALIGNMENT bytes. What is not asked for is not read.
"""

import io
import mmap
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from movierec.core.atomic import atomic_file

Array = np.ndarray[Any, Any]
ALIGNMENT = 64  # bytes
LOCAL_HEADER, ZIP64_SIZES = 30, 20  # bytes before a member's name, and of a large one's sizes
PADDING = 0xD935  # the id of room in a zip


def write(stream: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write arrays without pickle: the same bytes for the same arrays."""
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            member.file_size = array.nbytes  # a guess, by which zipfile chooses the kind of header
            is_large = member.file_size * 1.05 > zipfile.ZIP64_LIMIT
            taken = LOCAL_HEADER + len(member.filename.encode()) + 4 + is_large * ZIP64_SIZES
            room = -(stream.tell() + taken) % ALIGNMENT
            member.extra = struct.pack("<HH", PADDING, room) + bytes(room)
            with archive.open(member, "w") as out:
                np.lib.format.write_array(out, array, allow_pickle=False)


def save(path: Path, **arrays: Array) -> Path:
    """Write a file that is there whole or not at all, though two processes write it at once."""
    with atomic_file(path, shared=True) as partial, partial.open("wb") as stream:
        write(stream, arrays)
    return path


def mapped(path: Path) -> dict[str, Array]:
    """All arrays of a file that is known to be whole: none is read before it is used."""
    file = Npz(path, compare=False)
    return {name: file.array(name) for name in file.names}


class Npz:
    """The members of an .npz file. Raises what zipfile and NumPy raise on one that is not whole."""

    def __init__(self, path: Path, compare: bool = True) -> None:
        """compare: whether checksums are; not of a file that was read before."""
        self._compare = compare
        with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
            self._members = {info.filename.removesuffix(".npy"): info for info in archive.filelist}

    @property
    def names(self) -> list[str]:
        return list(self._members)

    def content(self, name: str) -> memoryview:
        """A member as it lies in the file."""
        info = self._members[name]
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed")
        name_and_extra = struct.unpack_from("<HH", self._map, info.header_offset + 26)
        start = info.header_offset + LOCAL_HEADER + sum(name_and_extra)
        content = memoryview(self._map)[start : start + info.file_size]
        is_bad = self._compare and zlib.crc32(content) != info.CRC
        if len(content) != info.file_size or is_bad:
            raise ValueError(f"Bad CRC-32 of {name}")
        return content

    def array(self, name: str) -> Array:
        return array_of(self.content(name))


def array_of(content: memoryview) -> Array:
    """A member as an array: the file's own memory, of which what is written to is copied."""
    head = io.BytesIO(content[:65536])
    if np.lib.format.read_magic(head) == (1, 0):
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(head)
    else:
        shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(head)
    if dtype.hasobject:
        raise ValueError("pickled, and allow_pickle=False")
    flat = np.frombuffer(content, dtype, offset=head.tell())
    array = flat.reshape(shape, order="F" if is_fortran else "C")
    return np.require(array, requirements=["A", "W"])
