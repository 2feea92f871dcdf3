"""What made an output: its chain of stages, and whether the project here still matches it."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from movierec.core import manifests
from movierec.core.checksums import hash_file
from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest
from movierec.core.params import load_params
from movierec.core.paths import (
    EVALUATION_BY_USER,
    IMPLICIT_MODEL,
    INDEX,
    MODEL,
    RAW,
    RECOMMENDATIONS,
    SPLIT,
)
from movierec.data import parquet_tables
from movierec.model import model_file

PARAMS = Path("params.yaml")  # a folder with it is a project
PLACES = {
    "download": RAW,
    "index": INDEX,
    "split": SPLIT,
    "train": MODEL,
    "implicit": IMPLICIT_MODEL,
    "evaluate": EVALUATION_BY_USER,
    "recommend": RECOMMENDATIONS,
    "export": RECOMMENDATIONS.with_name("similar_items.parquet"),
}
INDENT = 12  # columns before a line's text
SHORT = 12  # digits of hashes, where a stage has several
HASH = re.compile("[0-9a-f]{64}")
BOUND = "\N{NO-BREAK SPACE}"  # between what one line should hold


@dataclass(frozen=True)
class Link:
    """A stage of the chain, its entry in the manifest, and what is no longer so.

    outdated: files and params. others: packages that are installed in other versions.
    """

    stage: str
    entry: dict[str, Any]
    outdated: list[str]
    others: list[str]

    @property
    def differences(self) -> list[str]:
        return self.outdated + self.others


def trace(path: Path) -> list[Link]:
    """The chain of an output; compared with the project here, if there is one."""
    chain = read_chain(path)
    last = list(chain)[-1]
    places = dict(PLACES) if in_project() else {}
    if path.suffix != ".json":  # metrics have no chain of their own
        places[last] = path
    params = _leaves(load_params().model_dump()) if in_project() else None
    return [
        Link(
            stage,
            entry,
            (_changes(places[stage], entry["sha256"]) if stage in places else [])
            + (_other_params(entry["params"], params) if params else []),
            _other_versions(entry["versions"]) if params else [],
        )
        for stage, entry in chain.items()
    ]


def in_project() -> bool:
    return PARAMS.is_file()


def read_chain(path: Path) -> Manifest:
    """The manifest that a folder, a model or an export comes with, or that metrics point to.

    Raises MovierecError, in one line, if there is none or it is damaged.
    """
    if not path.exists():
        raise MovierecError(f"{path}: no such file or folder; run dvc repro, or name an output")
    if (path / "manifest.json").is_file():
        manifest = manifests.parse_manifest((path / "manifest.json").read_bytes(), path)
    elif path.suffix == ".safetensors":
        manifest = model_file.read_model(path).manifest
    elif path.suffix == ".parquet":
        manifest = parquet_tables.read_provenance(path)
    elif path.suffix == ".json":
        manifest = _of_metrics(path)
    else:
        manifest = {}
    if not manifest or not manifest.keys() <= PLACES.keys():
        raise MovierecError(
            f"{path}: does not tell what made it; name a folder in data/, a model, an export or"
            " metrics/evaluate.json"
        )
    return manifest


def _of_metrics(path: Path) -> Manifest:
    """The manifest of the models here, if these metrics are of them."""
    try:
        [made_from] = json.loads(path.read_text(encoding="utf-8"))["made_from"]
    except (ValueError, KeyError, TypeError):
        return {}
    manifest = (
        model_file.read_model(MODEL).manifest | model_file.read_model(IMPLICIT_MODEL).manifest
    )
    if manifests.hash_manifest(manifest) != made_from:
        raise MovierecError(f"{path}: of other models than are here; run dvc repro")
    return manifest


def _changes(place: Path, sha256: Mapping[str, str]) -> list[str]:
    """How a folder or file differs from what was written."""
    if not place.exists():
        return [f"{place} is not there"]
    try:
        found = _hashes(place, sha256)
    except MovierecError as error:
        return [str(error)]
    changed = [name for name in sha256 if found.get(name) != sha256[name]]
    if place.is_dir():
        return [f"{place / name} is missing or changed" for name in changed]
    return [f"{place} is another: {', '.join(changed)}"] if changed else []


def _hashes(place: Path, names: Mapping[str, str]) -> dict[str, str]:
    if place.is_dir():
        files = [place / name for name in names if (place / name).is_file()]
        return {file.name: hash_file(file, "sha256") for file in files}
    if place.suffix == ".safetensors":
        return model_file.hash_arrays(model_file.read_model(place))
    return {"data": parquet_tables.data_hash(place)}


def _other_params(params: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} {value}, {PARAMS} says {here.get(key, 'nothing')}"
        for key, value in _leaves(params).items()
        if here.get(key) != value
    ]


def _other_versions(versions: Mapping[str, str]) -> list[str]:
    here = manifests.versions(())
    for name in versions.keys() - here.keys():
        try:
            here[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            here[name] = "none"
    return [
        f"{name} {version}, installed is {here[name]}"
        for name, version in versions.items()
        if here[name] != version
    ]


def _leaves(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The values of nested blocks, by their dotted keys."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        nested = isinstance(value, Mapping)
        leaves |= _leaves(value, f"{above}{key}.") if nested else {f"{above}{key}": value}
    return leaves


def lines(links: list[Link], width: int) -> Iterator[str]:
    """The chain for people: a block a stage."""
    for link, before in zip(links, [None, *links], strict=False):
        yield f"{_mark(link)} {link.stage}"
        for label, texts in _told(link, before):
            yield from _wrapped(", ".join(texts), width, f"  {label}".ljust(INDENT), " " * INDENT)
        for difference in link.differences:
            yield from _wrapped(difference, width, "  ✗ ", "    ")
        yield ""


def _mark(link: Link) -> str:
    if link.differences:
        return "✗"
    return "✓" if in_project() else " "


def _wrapped(text: str, width: int, first: str, then: str) -> list[str]:
    wrapper = textwrap.TextWrapper(width, first, then, break_long_words=False)
    wrapper.break_on_hyphens = False
    return [line.replace(BOUND, " ") for line in wrapper.wrap(text)]


def _told(link: Link, before: Link | None) -> Iterator[tuple[str, list[str]]]:
    """What is told of a stage, each with its label."""
    entry = link.entry
    if result := _leaves(entry["result"]):
        yield "result", [_pair(*item) for item in result.items()]
    if params := _leaves(entry["params"]):
        hashless = {key: value for key, value in params.items() if not HASH.fullmatch(str(value))}
        yield "params", [_pair(_without_block(key), value) for key, value in hashless.items()]
    same = before is not None and before.entry["versions"] == entry["versions"]
    versions = [_pair(*item) for item in entry["versions"].items()]
    yield "versions", ["the same"] if same else versions
    if len(entry["sha256"]) == 1:
        yield "sha256", [f"{name} {digest}" for name, digest in entry["sha256"].items()]
    else:
        yield "sha256", [_pair(name, digest[:SHORT]) for name, digest in entry["sha256"].items()]


def _pair(key: str, value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f"{key}{BOUND}{text}"


def _without_block(key: str) -> str:
    """The key of a param without the block, or data set, that it is of."""
    return key.split(".", 2 if key.startswith("datasets.") else 1)[-1]


def verdict(links: list[Link]) -> str:
    """Whether all is as it was, and if not what to do, in one line."""
    if any(link.outdated for link in links):
        return "does not match (✗): dvc repro makes it anew"
    if any(link.others for link in links):
        return (
            "other versions are installed (✗): make env installs the locked ones, dvc repro --force"
            " makes it anew with these"
        )
    if in_project():
        return "matches the project here: files, params, versions"
    return f"no {PARAMS} here: run this in a project's folder to compare with it"
