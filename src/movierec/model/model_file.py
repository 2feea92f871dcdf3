"""Model files: a safetensors file of the arrays, with the manifest as JSON in its metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import BaseModel

from movierec.core import array_files, log
from movierec.core.array_files import Array, ArrayFile
from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest, check_same_origin, parse_manifest, read_value
from movierec.core.params import ImplicitParams, TrainParams
from movierec.core.paths import IMPLICIT_MODEL, MODEL
from movierec.core.rating_scale import Scale

if TYPE_CHECKING:
    from movierec.model.biased_mf import Model

P = TypeVar("P", bound=BaseModel)
USER_ARRAYS = ("user_factors", "user_biases", "sample_user_biases")  # with one row per user
REQUIRED = ("global_mean", "item_factors", "item_biases", *USER_ARRAYS[:2])

MODELS = {"train": MODEL, "implicit": IMPLICIT_MODEL}  # by the stage that writes them


class TrainResult(BaseModel):
    """What the train stage records of a model. validation: its errors, if it had such data."""

    validation: dict[str, float | None] | None
    refit: bool


def named_arrays(model: Model) -> dict[str, Array]:
    """The arrays of a model by name, and its mean, as they are saved."""
    return model.arrays | {"global_mean": np.array(model.global_mean, np.float64)}


def from_arrays(arrays: Mapping[str, Array], manifest: Manifest | None = None) -> Model:
    """The model of named arrays; TypeError or ValueError if these are not those of a model."""
    from movierec.model.biased_mf import Model

    named: dict[str, Any] = dict(arrays)
    return Model(float(named.pop("global_mean")), **named, manifest=manifest or {})


def hash_arrays(model: Model) -> dict[str, str]:
    """The sha256 of each array's dtype, shape and bytes, by name."""
    return {name: array_files.hash_array(array) for name, array in named_arrays(model).items()}


def write_model(path: Path, model: Model) -> None:
    """Write a model; the same model gives the same bytes."""
    array_files.save(path, named_arrays(model), model.manifest)


def trained_with(model: Model) -> TrainParams:
    """The params that a model of the train stage was trained with, on the scale of its ratings."""
    low, high = (
        read_value(model.manifest, MODEL, float, "download", "params", "data", f"rating_{end}")
        for end in ("min", "max")
    )
    return train_params(model).on_scale(Scale(low, high))


def train_params(model: Model) -> TrainParams:
    """The same in stars, as params.yaml has them."""
    return _params_of(model, "train", TrainParams)


def train_result(model: Model) -> TrainResult:
    """The result that the train stage recorded of its model."""
    return read_value(model.manifest, MODEL, TrainResult, "train", "result")


def implicit_trained_with(model: Model) -> ImplicitParams:
    """The params that a model of the implicit stage was trained with."""
    return _params_of(model, "implicit", ImplicitParams)


def _params_of(model: Model, stage: str, kind: type[P]) -> P:
    return read_value(model.manifest, MODELS[stage], kind, stage, "params", stage)


def read_model(path: Path = MODEL, users: bool = True, in_memory: bool = False) -> Model:
    """Read a model and verify the hashes of its arrays.

    users: whether to read the users' rows; scores of a new user do not need them. in_memory: as in
    ArrayFile; otherwise arrays are memory-mapped.
    """
    arrays, manifest = read_arrays(path, () if users else USER_ARRAYS, in_memory=in_memory)
    if not users:
        counterparts = {name: name.replace("user", "item") for name in USER_ARRAYS}
        arrays |= {name: arrays[item][:0] for name, item in counterparts.items() if item in arrays}
    try:
        return from_arrays(arrays, manifest)
    except (TypeError, ValueError) as error:
        raise _incomplete(path, error) from None


def map_model(path: Path) -> Model:
    """Map a model file that was verified before, without comparing hashes; once per process."""
    return _map_model(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=len(MODELS))
def _map_model(path: Path, modified: int) -> Model:
    return from_arrays(array_files.load(path))


def read_arrays(
    path: Path,
    left_out: Iterable[str] = (),
    only: Iterable[str] | None = None,
    in_memory: bool = False,
) -> tuple[dict[str, Array], Manifest]:
    """Read arrays of a model by name, with verified hashes, and its manifest.

    Arrays in left_out, or not in `only`, are not read. Raises MovierecError for a missing, damaged
    or changed file.
    """
    try:
        file = ArrayFile(path, in_memory)
        if missing := [name for name in REQUIRED if name not in file.names]:
            raise ValueError(f"it lacks {', '.join(missing)}")
        names = [name for name in only or file.names if name not in left_out]
        arrays = {name: file.array(name) for name in names}
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run dvc repro") from None
    except (OSError, ValueError, KeyError) as error:
        raise _incomplete(path, error) from None
    manifest = parse_manifest(json.dumps(file.metadata), path)
    with log.timed("read", path):
        hashes = {name: array_files.hash_array(array) for name, array in arrays.items()}
    for recorded in (manifest[stage]["sha256"] for stage in MODELS if stage in manifest):
        is_complete = set(file.names) == set(recorded)
        if not is_complete or any(recorded[name] != hashes[name] for name in names):
            raise MovierecError(
                f"{path}: changed since it was trained; restore it with dvc checkout --force"
            )
    return arrays, manifest


def _incomplete(path: Path, error: Exception) -> MovierecError:
    return MovierecError(
        f"{path}: not a complete model ({error}); restore it with dvc checkout --force"
    )


def read_models(
    manifest: Manifest, users: bool = True, folder: Path = Path(), in_memory: bool = False
) -> tuple[Model, Model]:
    """Read the models of the train and implicit stages, and check that they continue a manifest.

    users, in_memory: as in read_model. folder: of the project.
    """
    train, implicit = (
        _model_of(stage, folder / path, manifest, users, in_memory)
        for stage, path in MODELS.items()
    )
    return train, implicit


def _model_of(stage: str, path: Path, manifest: Manifest, users: bool, in_memory: bool) -> Model:
    model = read_model(path, users, in_memory)
    check_same_origin(model.manifest, manifest, path)
    if stage not in model.manifest:
        raise MovierecError(f"{path}: not written by the {stage} stage; run dvc repro")
    return model
