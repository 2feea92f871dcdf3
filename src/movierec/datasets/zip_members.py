"""Members of a zip archive, read by fixed names straight out of it; nothing is unpacked."""

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

LARGEST = 20_000_000_000  # bytes of a member, unpacked
MOST_PACKED = 1000  # bytes unpacked for each packed one
ENCRYPTED = 0x1  # bit of a member's flags


@contextmanager
def open_member(path: Path, data: DataSet, name: str) -> Iterator[IO[bytes]]:
    """Open a member of the data set's folder for reading, after checking its hash if one is pinned.

    Raises MovierecError if it is not there, or if it is a link, encrypted or a bomb.
    """
    member = f"{data.folder}/{name}" if data.folder else name
    with zipfile.ZipFile(path) as archive:
        _check_listed(path, member, archive.namelist())
        _check_harmless(path, archive.getinfo(member))
        with archive.open(member) as stream:
            if not isinstance(data, PackageSource):
                yield stream
                return
            content = stream.read()
        found = hashlib.sha256(content).hexdigest()
        if found != data.members.get(name):
            raise MovierecError(
                f"{path}: {member} has sha256 {found}, not the one in datasets.yaml"
            )
        yield io.BytesIO(content)


def _check_listed(path: Path, member: str, listed: list[str]) -> None:
    if member in listed:
        return
    name = member.rpartition("/")[2]
    elsewhere = [there for there in listed if there.endswith(f"/{name}") or there == name]
    if elsewhere:
        raise MovierecError(
            f"{path}: no {member} in it, but {elsewhere[0]}; set the data set's folder in"
            " datasets.yaml"
        )
    raise MovierecError(f"{path}: no {member} in it; is it the archive of this data set?")


def _check_harmless(path: Path, member: zipfile.ZipInfo) -> None:
    """Refuse what no archive of ratings holds. What is read never exceeds the stated size."""
    if member.flag_bits & ENCRYPTED:
        refused = "is encrypted; decrypt it first"
    elif stat.S_ISLNK(member.external_attr >> 16):
        refused = "is a link; put the file itself there"
    elif member.file_size > LARGEST:
        refused = f"unpacks to {member.file_size:,} bytes; at most {LARGEST:,} are read"
    elif member.file_size > MOST_PACKED * member.compress_size:
        refused = f"unpacks to more than {MOST_PACKED} times its size, as only zip bombs do"
    else:
        return
    raise MovierecError(f"{path}: {member.filename} {refused}")
