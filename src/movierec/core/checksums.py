"""Check files against known hashes so that what is used is what was hashed, and free space."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
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
        before = _state(stream.fileno())
        with log.timed("checked", path):
            if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
                raise changed
        stream.seek(0)
        try:
            yield stream
        finally:
            if _state(stream.fileno()) != before:
                raise changed


def unchanged(*paths: Path) -> AbstractContextManager[None]:
    """Raise MovierecError at the end if a file was written or replaced since this call.

    So what is read by name is what was hashed.
    """
    before = list(map(_state, paths))

    @contextmanager
    def checked() -> Iterator[None]:
        yield
        for path, state in zip(paths, before, strict=True):
            if _state(path) != state:
                raise MovierecError(f"{path}: changed while it was in use; run this again")

    return checked()


def _state(file: Path | int) -> tuple[int, ...]:
    """What differs if a file, or another one of its name, was written; empty if there is none."""
    try:
        status = file.stat() if isinstance(file, Path) else os.fstat(file)
    except FileNotFoundError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def check_room(folder: Path, needed: int) -> None:
    """Raise MovierecError unless `needed` bytes are free on the disk of a folder."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise MovierecError(
            f"{folder}: {needed / 1e6:,.1f} MB needed, {free / 1e6:,.1f} MB free; make room there"
        )
