"""What stages leave behind: whole folders and files or none, each with a manifest of its origin."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from movierec.errors import MovierecError

RAW, INDEX, SPLIT = Path("data/raw"), Path("data/index"), Path("data/split")
MODEL, EXPORT = Path("models/model.npz"), Path("exports/recommendations.parquet")

Manifest = dict[str, Any]


@contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `path` when all went well, else vanishes."""
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        shutil.rmtree(path, ignore_errors=True)
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """A file to write, which takes the place of `path` when all went well, else vanishes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path, dataset: str) -> Manifest:
    """The manifest of a folder; MovierecError unless it is of the data set that params name."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MovierecError(f"{folder}/manifest.json: no such file; run dvc repro") from None
    except ValueError:
        raise MovierecError(f"{folder}/manifest.json: not JSON; run dvc repro --force") from None
    return check_dataset(manifest, dataset, folder)


def check_dataset(manifest: Manifest, dataset: str, where: Path) -> Manifest:
    if manifest.get("dataset") != dataset:
        raise MovierecError(
            f"{where}: made from data set {manifest.get('dataset')!r}, but params.yaml says"
            f" {dataset!r}; run dvc repro"
        )
    return manifest


def check_same_origin(manifest: Manifest, other: Manifest, where: Path) -> None:
    """Raise MovierecError unless two manifests go back to the same archive and index."""
    for key in ("dataset", "archive", "index"):
        if manifest.get(key) != other.get(key):
            raise MovierecError(
                f"{where}: its {key} is not that of the data beside it; run dvc repro"
            )
