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
from movierec.outputs import (
    IMPLICIT,
    MODEL,
    Manifest,
    check_same_origin,
    output_file,
    parse_manifest,
)
from movierec.params import TrainParams
from movierec.sparse import Array

MODELS = {"train": MODEL, "implicit": IMPLICIT}  # by the stage that writes it


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


def trained_with(model: Model) -> TrainParams:
    """The params that a model of the train stage was trained with."""
    found = model.manifest["train"]["params"]["train"]
    missing = [key for key in TrainParams.model_fields if key not in found]
    if missing:
        raise MovierecError(f"{MODEL}: trained by another version; run dvc repro")
    return TrainParams.model_validate({key: found[key] for key in TrainParams.model_fields})


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
    made_by = [manifest[stage] for stage in MODELS if stage in manifest]
    if any(entry["sha256"] != hashes_of(model) for entry in made_by):
        raise MovierecError(
            f"{path}: changed since it was trained; restore it with dvc checkout --force"
        )
    return replace(model, manifest=manifest)


def read_models(manifest: Manifest) -> tuple[Model, Model]:
    """The models of the train and the implicit stage, known to go on from this manifest."""
    train, implicit = (_model_of(stage, path, manifest) for stage, path in MODELS.items())
    return train, implicit


def _model_of(stage: str, path: Path, manifest: Manifest) -> Model:
    model = read_model(path)
    check_same_origin(model.manifest, manifest, path)
    if stage not in model.manifest:
        raise MovierecError(f"{path}: not what the {stage} stage wrote; run dvc repro")
    return model
