"""Read members of a zip archive by name, without unpacking it to disk."""

import hashlib
import io
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from movierec.core.errors import MovierecError
from movierec.core.params import DataSet, PackageSource

MAX_SIZE = 20_000_000_000  # bytes of an uncompressed member
MAX_RATIO = 1000  # uncompressed bytes per compressed byte
ENCRYPTED = 0x1  # bit of a member's flags
SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")  # that a zip begins with
# What zipfile raises on a damaged archive in memory, by place and kind of the damage.
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(RuntimeError, ValueError, KeyError, IndexError, OverflowError, OSError),
)


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


def read_only_member(path: Path, content: bytes, name: str, max_size: int) -> bytes:
    """Read the only member of this name in an archive of any folders, or else its only CSV file.

    content: of the archive at this path.
    Raises MovierecError if there is none or more than one, or if it is damaged, a link, encrypted,
    larger than max_size bytes or a zip bomb.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = _only_member(path, name, archive.infolist())
            _check_harmless(path, member, max_size)
            return archive.read(member)
    except DAMAGE as error:
        raise MovierecError(
            f"{path}: not a complete zip archive ({error}); export it again"
        ) from None


def _only_member(path: Path, name: str, members: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    """The member of this name in the fewest folders; macOS adds hidden ones beside each."""
    places = [(member.filename.replace("\\", "/").split("/"), member) for member in members]
    shown = [
        (place, member)
        for place, member in places
        if not member.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in place)
    ]
    called = [(place, member) for place, member in shown if place[-1].casefold() == name]
    depth = min((len(place) for place, _ in called), default=0)
    found = [member for place, member in called if len(place) == depth]
    found = found or [member for place, member in shown if place[-1].casefold().endswith(".csv")]
    if not found:
        raise MovierecError(f"{path}: contains no {name}; use a zip exported by Letterboxd")
    if len(found) > 1:
        both = " and ".join(member.filename for member in found[:2])
        raise MovierecError(f"{path}: contains {both}; give the file to read")
    return found[0]


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


def _check_harmless(path: Path, member: zipfile.ZipInfo, max_size: int | None = None) -> None:
    """Raise MovierecError for a member that no archive of ratings contains.

    zipfile reads no more than the stated size, so checking that is enough.
    """
    max_size = max_size or MAX_SIZE
    if member.flag_bits & ENCRYPTED:
        problem = "is encrypted; decrypt it first"
    elif stat.S_ISLNK(member.external_attr >> 16):
        problem = "is a link; replace it by the file itself"
    elif member.file_size > max_size:
        problem = f"is {member.file_size:,} bytes uncompressed, more than the {max_size:,} allowed"
    elif member.file_size > MAX_RATIO * member.compress_size:
        problem = f"expands to more than {MAX_RATIO} times its size, like a zip bomb"
    else:
        return
    raise MovierecError(f"{path}: {member.filename} {problem}")
