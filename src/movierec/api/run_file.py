"""Files of saved runs: a zip archive of what a trained run needs, and nothing else.

It contains no ratings. Members are stored, not compressed, since the large ones hardly shrink; so
an archive cannot expand to more than its own size.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from movierec.core import yaml_file
from movierec.core.atomic import atomic_file
from movierec.core.checksums import PIECE, check_room
from movierec.core.errors import MovierecError, reason_of
from movierec.core.manifests import MANIFEST
from movierec.core.paths import INDEX, METRICS
from movierec.core.result_files import HEADLINES
from movierec.datasets.zip_members import DAMAGE, SIGNATURES
from movierec.model import model_file

MEMBERS = (
    "params.yaml",
    "datasets.yaml",
    *((INDEX / name).as_posix() for name in (MANIFEST, "items.parquet", "users.parquet")),
    *(path.as_posix() for path in model_file.MODELS.values()),
    *((METRICS / f"{name}.json").as_posix() for name in HEADLINES),
)
CHECKSUMS = "checksums.json"  # the sha256 of each member


def write(path: Path, folder: Path, unchanged: AbstractContextManager[None]) -> Path:
    """Write the files of a run in this folder atomically; the same files give the same bytes.

    unchanged: raises an error if the files changed since they were checked.
    """
    hashes = {}
    with atomic_file(path) as partial, unchanged, zipfile.ZipFile(partial, "w") as archive:
        for name in MEMBERS:
            member = zipfile.ZipInfo(name)  # of 1980, so that times do not matter
            member.file_size = (folder / name).stat().st_size
            with _open(folder / name) as source, archive.open(member, "w") as target:
                hashes[name] = _copy(source, target)
        archive.writestr(zipfile.ZipInfo(CHECKSUMS), json.dumps(hashes, indent=2))
    return path


def _open(path: Path) -> IO[bytes]:
    """The content of a member. Of datasets.yaml only the block of the run's own data set.

    The others may contain paths on your machine. As JSON, the block is YAML, too.
    """
    if path.name != "datasets.yaml":
        return path.open("rb")
    dataset = yaml_file.read(path.with_name("params.yaml"))["dataset"]
    block = yaml_file.read(path)[dataset]
    return io.BytesIO(json.dumps({dataset: block}, indent=2, ensure_ascii=False).encode())


def is_run(path: Path) -> bool:
    """Whether a file begins as zip archives do."""
    try:
        with path.open("rb") as file:
            return file.read(4) in SIGNATURES
    except OSError:
        return False


def read(path: Path, folder: Path) -> None:
    """Copy the files of a saved run to an empty folder, with verified hashes.

    Raises MovierecError for a file that is damaged or no saved run.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path.stat().st_size)
            hashes = json.loads(archive.read(CHECKSUMS))
            if not isinstance(hashes, dict):
                raise ValueError(f"{CHECKSUMS} is damaged")
            check_room(folder, path.stat().st_size)
            for name in MEMBERS:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as source, (folder / name).open("xb") as target:
                    if _copy(source, target) != hashes.get(name):
                        raise ValueError(f"{name} changed since it was saved")
    except DAMAGE as error:
        reason = reason_of(error) if isinstance(error, OSError) else " ".join(str(error).split())
        raise MovierecError(f"{path}: not a complete saved run ({reason}); save it again") from None


def _check_members(archive: zipfile.ZipFile, size: int) -> None:
    """Raise ValueError unless an archive of this size has the members of a saved run."""
    members = {member.filename: member for member in archive.infolist()}
    for name in (*MEMBERS, CHECKSUMS):
        if name not in members:
            raise ValueError(f"it lacks {name}")
    if len(archive.infolist()) > len(MEMBERS) + 1:
        raise ValueError("it has other members")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
        raise ValueError("its members are compressed")
    if sum(member.file_size for member in members.values()) > size:
        raise ValueError("its members are larger than the file")


def _copy(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy a stream; returns the sha256 of the bytes that were copied."""
    digest = hashlib.sha256()
    while piece := source.read(PIECE):
        target.write(piece)
        digest.update(piece)
    return digest.hexdigest()
