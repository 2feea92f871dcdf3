"""A file that datasets.yaml pins: its size and its hash, and whether there is room for it."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from movierec.core.errors import MovierecError


@dataclass(frozen=True)
class Pin:
    """What a file must be: so many bytes, of this hash (an algorithm's name, hex digits)."""

    size: int
    algorithm: str
    digest: str

    def check(self, path: Path) -> None:
        """Raise MovierecError unless a file is the pinned one."""
        size = path.stat().st_size
        if size != self.size:
            raise MovierecError(
                f"{path}: {size} bytes, not the {self.size} of datasets.yaml: cut short or another"
                " file"
            )
        found = hash_file(path, self.algorithm)
        if found != self.digest:
            raise MovierecError(
                f"{path}: its {self.algorithm} is {found}, not {self.digest} as pinned in"
                " datasets.yaml: damaged or another file"
            )


def hash_file(path: Path, algorithm: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def check_room(folder: Path, needed: int) -> None:
    """Raise MovierecError unless so many bytes are free where a folder lies."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise MovierecError(
            f"{folder}: {needed / 1e6:,.1f} MB needed, {free / 1e6:,.1f} MB free: make room there"
        )
