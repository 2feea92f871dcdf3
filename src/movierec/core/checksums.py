"""Check a file against the size and the hash in datasets.yaml, and the free space for it."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from movierec.core.errors import MovierecError


@dataclass(frozen=True)
class Pin:
    """The expected size (bytes) and hash (name of the algorithm, hexadecimal digest) of a file."""

    size: int
    algorithm: str
    digest: str

    def check(self, path: Path) -> None:
        """Raise MovierecError unless a file has this size and hash."""
        size = path.stat().st_size
        if size != self.size:
            raise MovierecError(
                f"{path}: {size} bytes, not the {self.size} in datasets.yaml: truncated or"
                " a different file"
            )
        digest = hash_file(path, self.algorithm)
        if digest != self.digest:
            raise MovierecError(
                f"{path}: its {self.algorithm} is {digest}, not {self.digest} as pinned in"
                " datasets.yaml: damaged or a different file"
            )


def hash_file(path: Path, algorithm: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def check_room(folder: Path, needed: int) -> None:
    """Raise MovierecError unless `needed` bytes are free on the disk of a folder."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise MovierecError(
            f"{folder}: {needed / 1e6:,.1f} MB needed, {free / 1e6:,.1f} MB free; make room there"
        )
