"""Manifests: for each stage up to an output, its params, versions, results and hashes."""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from movierec import __version__
from movierec.core import log
from movierec.core.checksums import hash_file
from movierec.core.errors import MovierecError

# Outputs depend on the versions of these packages, besides Python and movierec.
PACKAGES = ("llvmlite", "numba", "numpy", "pandas", "pyarrow")

MANIFEST = "manifest.json"  # the file's name
T = TypeVar("T")
Manifest = dict[str, Any]  # a record of each stage, from download on


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    result: dict[str, Any]
    params: dict[str, Any]
    versions: dict[str, str]
    sha256: Annotated[dict[str, str], Field(min_length=1)]


_MANIFEST = TypeAdapter(dict[str, _Record])


def make_record(
    params: Mapping[str, Any],
    sha256: Mapping[str, str],
    result: Mapping[str, Any] | None = None,
    packages: Iterable[str] = PACKAGES,
) -> dict[str, Any]:
    """A manifest's record of one stage: its result, params, versions and hashes of its outputs.

    params: as in params.yaml. sha256: by the name of each file (or array) written.
    """
    return {
        "result": dict(result or {}),
        "params": dict(params),
        "versions": versions(packages),
        "sha256": dict(sha256),
    }


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """The versions of Python (major and minor), movierec and packages, by name."""
    python = ".".join(platform.python_version_tuple()[:2])
    installed = {name: metadata.version(name) for name in packages}
    return {"python": python, "movierec": __version__, **installed}


def hash_files(folder: Path) -> dict[str, str]:
    """The sha256 of each file in a folder except its manifest."""
    paths = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    return {path.name: hash_file(path, "sha256") for path in paths}


def check_files(folder: Path, manifest: Manifest, stage: str, *names: str) -> list[Path]:
    """The paths of the named files, or of all; MovierecError if one is missing or changed.

    stage: the stage that wrote the folder.
    """
    hashes = hashes_of(manifest, stage, folder)
    paths = [folder / name for name in names or hashes]
    for path in paths:
        if not path.is_file():
            raise MovierecError(f"{path}: no such file; run dvc repro")
        with log.timed("checked", path):
            sha256 = hash_file(path, "sha256")
        if sha256 != hashes.get(path.name):
            raise MovierecError(f"{path}: changed since it was written; run dvc repro")
    return paths


def hashes_of(manifest: Manifest, stage: str, folder: Path) -> dict[str, str]:
    """The sha256 of each file that a stage wrote to a folder; MovierecError without its record."""
    if stage not in manifest:
        raise MovierecError(
            f"{folder}: its manifest has no record of {stage}; run dvc repro --force"
        )
    return dict(manifest[stage]["sha256"])


def hash_manifest(manifest: Manifest) -> str:
    """The hash by which an output that cannot contain its manifest refers to it."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path, dataset: str) -> Manifest:
    """The manifest of a folder; MovierecError unless it is of this data set."""
    path = folder / MANIFEST
    try:
        manifest = parse_manifest(path.read_bytes(), path)
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run dvc repro") from None
    return check_dataset(manifest, dataset, folder)


def parse_manifest(text: str | bytes, where: Path) -> Manifest:
    """Parse a manifest; MovierecError if it is incomplete."""
    try:
        return _MANIFEST.dump_python(_MANIFEST.validate_json(text))
    except ValidationError:
        raise MovierecError(f"{where}: not a complete manifest; run dvc repro --force") from None


def read_value(manifest: Manifest, where: Path, kind: type[T], *keys: str) -> T:
    """A value of a manifest, such as read_value(manifest, MODEL, bool, "train", "result", "refit").

    Raises MovierecError if it is missing or of another type, as in a file of another version.
    """
    value: Any = manifest
    try:
        for key in keys:
            value = value[key]
        return TypeAdapter(kind).validate_python(value)
    except (LookupError, TypeError, ValidationError):
        raise MovierecError(
            f"{where}: written by another version of movierec ({'.'.join(keys)} in its manifest);"
            " run dvc repro --force"
        ) from None


def check_dataset(manifest: Manifest, dataset: str, where: Path) -> Manifest:
    recorded = manifest.get("download", {}).get("params", {}).get("dataset")
    if recorded != dataset:
        raise MovierecError(
            f"{where}: made from data set {recorded!r}, but params.yaml says {dataset!r};"
            " run dvc repro"
        )
    return manifest


def check_same_origin(manifest: Manifest, other: Manifest, where: Path) -> None:
    """Raise MovierecError unless a manifest contains all records of another one."""
    for stage in other:
        if manifest.get(stage) != other[stage]:
            raise MovierecError(
                f"{where}: made from another run of {stage} than the current data; run dvc repro"
            )
