"""The model on disk: arrays and a manifest as JSON in one .npz, without pickle."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from movierec.errors import MovierecError
from movierec.model import Model
from movierec.outputs import MODEL, output_file, parse_manifest
from movierec.sparse import Array


def hashes_of(model: Model) -> dict[str, str]:
    """The sha256 of each array as it lies in the file: of its .npy member."""
    arrays = model.arrays | {"global_mean": np.array(model.global_mean, np.float64)}
    return {name: _npy_hash(array) for name, array in arrays.items()}


def _npy_hash(array: Array) -> str:
    digest = hashlib.sha256()
    written: Any = SimpleNamespace(write=digest.update)  # a file, as far as NumPy asks
    np.lib.format.write_array(written, array, allow_pickle=False)
    return digest.hexdigest()


def write_model(path: Path, model: Model) -> None:
    named: dict[str, Any] = {
        "global_mean": np.float64(model.global_mean),
        "manifest": np.array(json.dumps(model.manifest, ensure_ascii=False)),
        **model.arrays,
    }
    with output_file(path) as partial, partial.open("wb") as stream:
        np.savez(stream, **named)


def read_model(path: Path = MODEL) -> Model:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        text, mean = str(arrays.pop("manifest", "")), float(arrays.pop("global_mean", np.nan))
        model = Model(mean, **arrays)
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run dvc repro") from None
    except Exception as error:
        raise MovierecError(
            f"{path}: not a whole model ({error}); restore it with dvc checkout --force"
        ) from None
    manifest = parse_manifest(text, path)
    if "train" in manifest and manifest["train"]["sha256"] != hashes_of(model):
        raise MovierecError(
            f"{path}: changed since it was trained; restore it with dvc checkout --force"
        )
    return replace(model, manifest=manifest)
