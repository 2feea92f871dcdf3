"""The provenance of an output: a record of each stage, and whether the project still matches it."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from movierec.core import manifests, result_files
from movierec.core.checksums import hash_file
from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest
from movierec.core.params import load_params
from movierec.core.paths import (
    EVALUATION_BY_USER,
    IMPLICIT_MODEL,
    INDEX,
    ITEM_REGRESSION,
    MODEL,
    RAW,
    RECOMMENDATIONS,
    SPLIT,
    details,
)
from movierec.core.result_files import changes, leaves
from movierec.data import parquet_tables
from movierec.model import model_file

PARAMS = Path("params.yaml")  # a folder with this file is a project
PLACES = {
    "download": RAW,
    "index": INDEX,
    "split": SPLIT,
    "train": MODEL,
    "implicit": IMPLICIT_MODEL,
    "item_regression": ITEM_REGRESSION,
    "evaluate": EVALUATION_BY_USER,
    "recommend": RECOMMENDATIONS,
    "export": RECOMMENDATIONS.with_name("similar_items.parquet"),
}
INDENT = 12  # columns before a line's text
SHORT = 12  # digits of hashes, where a stage has several
HASH = re.compile("[0-9a-f]{64}")
BOUND = "\N{NO-BREAK SPACE}"  # between words that belong on one line


@dataclass(frozen=True)
class StageRecord:
    """What a manifest records of a stage, and how the project here differs from it.

    outdated: files and params. other_versions: packages that are installed in other versions.
    """

    stage: str
    content: dict[str, Any]
    outdated: list[str]
    other_versions: list[str]

    @property
    def differences(self) -> list[str]:
        return self.outdated + self.other_versions


def trace(path: Path) -> list[StageRecord]:
    """The provenance of an output, compared with the project here if there is one."""
    provenance = read_provenance(path)
    places = dict(PLACES) if in_project() else {}
    if path.suffix != ".json":  # metrics have no provenance of their own
        places[list(provenance)[-1]] = path
    params = load_params() if in_project() else None
    records = []
    for stage, content in provenance.items():
        outdated = _changes(places[stage], content["sha256"]) if stage in places else []
        if params is not None:
            outdated += changes(content["params"], params).values()
        other_versions = _other_versions(content["versions"]) if params is not None else []
        records.append(StageRecord(stage, content, outdated, other_versions))
    return records


def in_project() -> bool:
    return PARAMS.is_file()


def read_provenance(path: Path) -> Manifest:
    """The manifest that a folder, a model or an export comes with, or that metrics point to.

    Raises MovierecError, in one line, if there is none or it is damaged.
    """
    if not path.exists():
        raise MovierecError(
            f"{path}: no such file or folder; run dvc repro, or name another output"
        )
    if (path / "manifest.json").is_file():
        manifest = manifests.parse_manifest((path / "manifest.json").read_bytes(), path)
    elif path.suffix == ".safetensors":
        manifest = model_file.read_any(path).manifest
    elif path.suffix == ".parquet":
        manifest = parquet_tables.read_provenance(path)
    elif path.suffix == ".json":
        manifest = _read_models_of(path)
    else:
        manifest = {}
    if not manifest or not manifest.keys() <= PLACES.keys():
        raise MovierecError(
            f"{path}: has no provenance; give a folder in data/, a model, an export or"
            f" {details('evaluate')}"
        )
    return manifest


def _read_models_of(path: Path) -> Manifest:
    """The manifest of the models here, if these metrics are of them."""
    match result_files.read_json(path):
        case [{"made_from": made_from}]:
            pass
        case _:
            return {}
    manifest: Manifest = {}
    for model in model_file.MODELS.values():
        manifest |= model_file.read_any(model).manifest
    if manifests.hash_manifest(manifest) != made_from:
        raise MovierecError(f"{path}: belongs to other models than those in models/; run dvc repro")
    return manifest


def _changes(place: Path, sha256: Mapping[str, str]) -> list[str]:
    """How a folder or file differs from what was written."""
    if not place.exists():
        return [f"{place} is missing"]
    try:
        hashes = _hashes(place, sha256)
    except MovierecError as error:
        return [str(error)]
    changed = [name for name in sha256 if hashes.get(name) != sha256[name]]
    if place.is_dir():
        return [f"{place / name} is missing or changed" for name in changed]
    return [f"{place} has changed: {', '.join(changed)}"] if changed else []


def _hashes(place: Path, names: Mapping[str, str]) -> dict[str, str]:
    if place.is_dir():
        files = [place / name for name in names if (place / name).is_file()]
        return {file.name: hash_file(file, "sha256") for file in files}
    if place.suffix == ".safetensors":
        return model_file.hash_arrays(model_file.read_any(place))
    return {"data": parquet_tables.data_hash(place)}


def _other_versions(versions: Mapping[str, str]) -> list[str]:
    installed = {name: _installed(name) for name in versions} | manifests.versions(())
    return [
        f"{name} was {version}, but {installed[name]} is installed"
        for name, version in versions.items()
        if installed[name] != version
    ]


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def lines(records: list[StageRecord], width: int) -> Iterator[str]:
    """The provenance as text: a block for each stage."""
    versions: dict[str, str] = {}
    for record in records:
        mark = "✗" if record.differences else "✓" if in_project() else " "
        yield f"{mark} {record.stage}"
        for label, text in _describe(record, versions):
            yield from _wrap(text, width, f"  {label}".ljust(INDENT), " " * INDENT)
        for difference in record.differences:
            yield from _wrap(difference, width, "  ✗ ", "    ")
        yield ""
        versions = record.content["versions"]


def _wrap(text: str, width: int, first: str, then: str) -> list[str]:
    wrapper = textwrap.TextWrapper(width, first, then, break_long_words=False)
    wrapper.break_on_hyphens = False
    return [line.replace(BOUND, " ") for line in wrapper.wrap(text)]


def _describe(record: StageRecord, versions_before: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The label and text of each line about a stage."""
    content = record.content
    params = {
        key.split(".", 1)[-1]: value
        for key, value in leaves(content["params"]).items()
        if not HASH.fullmatch(str(value))
    }
    versions, hashes = content["versions"], content["sha256"]
    sha256 = [f"{name}{BOUND}{digest[:SHORT]}" for name, digest in hashes.items()]
    if len(hashes) == 1:
        sha256 = [f"{name} {digest}" for name, digest in hashes.items()]
    yield "result", _pairs(leaves(content["result"]))
    yield "params", _pairs(params)
    yield "versions", "as above" if versions == versions_before else _pairs(versions)
    yield "sha256", ", ".join(sha256)


def _pairs(values: Mapping[str, Any]) -> str:
    texts = {
        key: f"{value:.6g}" if isinstance(value, float) else value for key, value in values.items()
    }
    return ", ".join(f"{key}{BOUND}{text}" for key, text in texts.items())


def verdict(records: list[StageRecord]) -> str:
    """Whether the project matches all records, and otherwise what to do, in one line."""
    if any(record.outdated for record in records):
        return "out of date (✗); run dvc repro"
    if any(record.other_versions for record in records):
        return (
            "made with other package versions (✗); run make env to install the locked ones, or dvc"
            " repro --force to use the installed ones"
        )
    if in_project():
        return "up to date: files, params and versions match the project"
    return "not compared with a project: there is none here or above; set --project"
