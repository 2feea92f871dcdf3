"""Read members of a zip archive by name, without unpacking it to disk."""

import hashlib
import io
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from movierec.core.errors import MovierecError
from movierec.core.params import DataSet, PackageSource

MAX_SIZE = 20_000_000_000  # bytes of an uncompressed member
MAX_RATIO = 1000  # uncompressed bytes per compressed byte
ENCRYPTED = 0x1  # bit of a member's flags


@contextmanager
def open_member(
    path: Path, data: DataSet, name: str, file: IO[bytes] | None = None
) -> Iterator[IO[bytes]]:
    """Open a member of the data set's folder for reading, after checking its hash if one is pinned.

    file: the archive, if it is open. Raises MovierecError if the member is missing, there twice, a
    link, encrypted or a zip bomb.
    """
    member = f"{data.folder}/{name}" if data.folder else name
    with zipfile.ZipFile(file or path) as archive:
        _check_listed(path, member, archive.namelist())
        _check_harmless(path, archive.getinfo(member))
        with archive.open(member) as stream:
            if not isinstance(data, PackageSource):
                yield stream
                return
            content = stream.read()
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != data.members.get(name):
            raise MovierecError(
                f"{path}: {member} has sha256 {sha256}, not the one pinned in datasets.yaml;"
                " download it again"
            )
        yield io.BytesIO(content)


def _check_listed(path: Path, member: str, listed: list[str]) -> None:
    if listed.count(member) > 1:
        raise MovierecError(f"{path}: contains {listed.count(member)} files {member}; keep one")
    if member in listed:
        return
    name = member.rpartition("/")[2]
    elsewhere = [other for other in listed if other.endswith(f"/{name}") or other == name]
    if elsewhere:
        raise MovierecError(
            f"{path}: contains {elsewhere[0]}, not {member}; set the data set's folder in"
            " datasets.yaml"
        )
    raise MovierecError(f"{path}: contains no {member}; is it the archive of this data set?")


def _check_harmless(path: Path, member: zipfile.ZipInfo) -> None:
    """Raise MovierecError for a member that no archive of ratings contains.

    zipfile reads no more than the stated size, so checking that is enough.
    """
    if member.flag_bits & ENCRYPTED:
        problem = "is encrypted; decrypt it first"
    elif stat.S_ISLNK(member.external_attr >> 16):
        problem = "is a link; replace it by the file itself"
    elif member.file_size > MAX_SIZE:
        problem = f"is {member.file_size:,} bytes uncompressed, more than the {MAX_SIZE:,} allowed"
    elif member.file_size > MAX_RATIO * member.compress_size:
        problem = f"expands to more than {MAX_RATIO} times its size, like a zip bomb"
    else:
        return
    raise MovierecError(f"{path}: {member.filename} {problem}")
