"""Check files against known hashes so that what is used is what was hashed, and free space."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from movierec.core import log
from movierec.core.errors import MovierecError

PIECE = 1 << 20  # bytes copied at a time


class ArchiveError(MovierecError):
    """A file is not the pinned one."""


@dataclass(frozen=True)
class Pin:
    """The expected size (bytes) and hash (name of the algorithm, hexadecimal digest) of a file."""

    size: int
    algorithm: str
    digest: str

    def copy(self, source: Path, target: Path) -> None:
        """Copy a file, hashing the bytes that are written.

        Raises ArchiveError, and leaves no copy, if they are not of this size and hash.
        """
        digest, size = hashlib.new(self.algorithm), 0
        try:
            with source.open("rb") as reading, target.open("xb") as writing:
                self._check_size(source, os.fstat(reading.fileno()).st_size)
                while size <= self.size and (piece := reading.read(PIECE)):
                    writing.write(piece)
                    digest.update(piece)
                    size += len(piece)
            self._check_size(source, size)
            if digest.hexdigest() != self.digest:
                raise ArchiveError(
                    f"{source}: its {self.algorithm} is {digest.hexdigest()}, not {self.digest} as"
                    " pinned in datasets.yaml: damaged or a different file"
                )
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _check_size(self, path: Path, size: int) -> None:
        if size != self.size:
            raise ArchiveError(
                f"{path}: {size} bytes, not the {self.size} in datasets.yaml: truncated or"
                " a different file"
            )


def hash_file(path: Path, algorithm: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


@contextmanager
def opened_as_hashed(path: Path, sha256: str) -> Iterator[IO[bytes]]:
    """Open a file whose hash is known, for reading.

    The open file is what was hashed, even if another one takes its place meanwhile. Raises
    MovierecError if it has another hash, or changes before it is closed.
    """
    changed = MovierecError(f"{path}: changed since it was written; run dvc repro")
    with path.open("rb") as stream:
        before = os.fstat(stream.fileno())
        with log.timed("checked", path):
            if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
                raise changed
        stream.seek(0)
        try:
            yield stream
        finally:
            after = os.fstat(stream.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise changed


def check_room(folder: Path, needed: int) -> None:
    """Raise MovierecError unless `needed` bytes are free on the disk of a folder."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise MovierecError(
            f"{folder}: {needed / 1e6:,.1f} MB needed, {free / 1e6:,.1f} MB free; make room there"
        )
