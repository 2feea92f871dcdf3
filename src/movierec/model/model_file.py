"""Model files: a safetensors file of the arrays, with the manifest as JSON in its metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from pydantic import BaseModel

from movierec.core import array_files, log
from movierec.core.array_files import Array, ArrayFile
from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest, check_same_origin, parse_manifest, read_value
from movierec.core.params import ImplicitParams, ItemRegressionParams, TrainParams
from movierec.core.paths import IMPLICIT_MODEL, ITEM_REGRESSION, MODEL
from movierec.core.rating_scale import Scale
from movierec.model.prediction_intervals import PredictionIntervals

if TYPE_CHECKING:
    from movierec.model.biased_mf import Model
    from movierec.model.item_regression import ItemWeights

P = TypeVar("P", bound=BaseModel)
USER_ARRAYS = ("user_factors", "user_biases", "sample_user_biases")  # with one row per user
OF_FACTORS = ("global_mean", "item_factors", "item_biases", *USER_ARRAYS[:2])
OF_REGRESSION = ("items", "others", "weights", "n_items")

MODELS = {  # by the stage that writes them
    "train": MODEL,
    "implicit": IMPLICIT_MODEL,
    "item_regression": ITEM_REGRESSION,
}


class Models(NamedTuple):
    """The models of a run, for ratings and for rankings."""

    rating: Model
    implicit: Model
    regression: ItemWeights

    @property
    def manifests(self) -> list[Manifest]:
        """Of each model, in the order of MODELS."""
        return [self.rating.manifest, self.implicit.manifest, self.regression.manifest]

    @property
    def manifest(self) -> Manifest:
        """The records of all stages up to these models."""
        return {name: record for origin in self.manifests for name, record in origin.items()}


class TrainResult(BaseModel):
    """What the train stage records of a model. validation: its errors, if it had such data."""

    validation: dict[str, float | None] | None
    refit: bool
    intervals: PredictionIntervals


def named_arrays(model: Model | ItemWeights) -> dict[str, Array]:
    """The arrays of a model by name, and its number, as they are saved."""
    from movierec.model.item_regression import ItemWeights

    if isinstance(model, ItemWeights):
        return model.arrays | {"n_items": np.array(model.n_items, np.int64)}
    return model.arrays | {"global_mean": np.array(model.global_mean, np.float64)}


def from_arrays(arrays: Mapping[str, Array], manifest: Manifest | None = None) -> Model:
    """The model of named arrays; TypeError or ValueError if these are not those of a model."""
    from movierec.model.biased_mf import Model

    named: dict[str, Any] = dict(arrays)
    return Model(float(named.pop("global_mean")), **named, manifest=manifest or {})


def regression_from_arrays(
    arrays: Mapping[str, Array], manifest: Manifest | None = None
) -> ItemWeights:
    """The item regression of named arrays; TypeError or ValueError if these are others."""
    from movierec.model.item_regression import ItemWeights

    named: dict[str, Any] = dict(arrays)
    return ItemWeights(n_items=int(named.pop("n_items")), **named, manifest=manifest or {})


def hash_arrays(model: Model | ItemWeights) -> dict[str, str]:
    """The sha256 of each array's dtype, shape and bytes, by name."""
    return {name: array_files.hash_array(array) for name, array in named_arrays(model).items()}


def write_model(path: Path, model: Model | ItemWeights) -> None:
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


def regression_trained_with(regression: ItemWeights) -> ItemRegressionParams:
    """The params that the item regression was fitted with."""
    return _params_of(regression, "item_regression", ItemRegressionParams)


def _params_of(model: Model | ItemWeights, stage: str, kind: type[P]) -> P:
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


def read_regression(path: Path = ITEM_REGRESSION, in_memory: bool = False) -> ItemWeights:
    """Read the item regression and verify the hashes of its arrays. in_memory: as in ArrayFile."""
    arrays, manifest = read_arrays(path, in_memory=in_memory, required=OF_REGRESSION)
    try:
        return regression_from_arrays(arrays, manifest)
    except (TypeError, ValueError) as error:
        raise _incomplete(path, error) from None


def read_any(path: Path) -> Model | ItemWeights:
    """Read a model of any kind and verify the hashes of its arrays."""
    arrays, manifest = read_arrays(path, required=())
    read = regression_from_arrays if "others" in arrays else from_arrays
    try:
        return read(arrays, manifest)
    except (KeyError, TypeError, ValueError) as error:
        raise _incomplete(path, error) from None


def map_regression(path: Path) -> ItemWeights:
    """As map_model."""
    return _map_regression(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _map_regression(path: Path, modified: int) -> ItemWeights:
    return regression_from_arrays(array_files.load(path))


def read_arrays(
    path: Path,
    left_out: Iterable[str] = (),
    only: Iterable[str] | None = None,
    in_memory: bool = False,
    required: Iterable[str] = OF_FACTORS,
) -> tuple[dict[str, Array], Manifest]:
    """Read arrays of a model by name, with verified hashes, and its manifest.

    Arrays in left_out, or not in `only`, are not read. required: those that the file must have.
    Raises MovierecError for a missing, damaged or changed file.
    """
    try:
        file = ArrayFile(path, in_memory)
        if missing := [name for name in required if name not in file.names]:
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
) -> Models:
    """Read the models of a run, and check that they continue a manifest.

    users, in_memory: as in read_model. folder: of the project.
    """
    models = Models(
        read_model(folder / MODEL, users, in_memory),
        read_model(folder / IMPLICIT_MODEL, users, in_memory),
        read_regression(folder / ITEM_REGRESSION, in_memory),
    )
    for (stage, path), origin in zip(MODELS.items(), models.manifests, strict=True):
        check_same_origin(origin, manifest, folder / path)
        if stage not in origin:
            raise MovierecError(f"{folder / path}: not written by the {stage} stage; run dvc repro")
    return models
