"""The model on disk: arrays and a manifest as JSON in one .npz, without pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from movierec.core import log, npz
from movierec.core.atomic import atomic_file
from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest, check_same_origin, parse_manifest
from movierec.core.npz import Array, Npz
from movierec.core.params import ImplicitParams, TrainParams
from movierec.core.paths import IMPLICIT_MODEL, MODEL

if TYPE_CHECKING:
    from movierec.model.biased_mf import Model

OF_USERS = ("user_factors", "user_biases", "sample_user_biases")  # a row for each user
ALWAYS = ("global_mean", "item_factors", "item_biases", *OF_USERS[:2], "manifest")

MODELS = {"train": MODEL, "implicit": IMPLICIT_MODEL}  # by the stage that writes it


def hash_arrays(model: Model) -> dict[str, str]:
    """The sha256 of each array as it lies in the file: of its .npy member."""
    arrays = model.arrays | {"global_mean": np.array(model.global_mean, np.float64)}
    return {name: _npy_hash(array) for name, array in arrays.items()}


def _npy_hash(array: Array) -> str:
    digest = hashlib.sha256()
    written: Any = SimpleNamespace(write=digest.update)  # a file, as far as NumPy asks
    np.lib.format.write_array(written, array, allow_pickle=False)
    return digest.hexdigest()


def _hash(content: memoryview) -> str:
    return hashlib.sha256(content).hexdigest()


def write_model(path: Path, model: Model) -> None:
    named = {
        "global_mean": np.array(model.global_mean, np.float64),
        "manifest": np.array(json.dumps(model.manifest, ensure_ascii=False)),
        **model.arrays,
    }
    with atomic_file(path) as partial, partial.open("wb") as stream:
        npz.write(stream, named)


def trained_with(model: Model) -> TrainParams:
    """The params that a model of the train stage was trained with."""
    return TrainParams.model_validate(_params_of(model, "train", TrainParams))


def implicit_trained_with(model: Model) -> ImplicitParams:
    """The params that a model of the implicit stage was trained with."""
    return ImplicitParams.model_validate(_params_of(model, "implicit", ImplicitParams))


def _params_of(model: Model, stage: str, kind: type[BaseModel]) -> dict[str, Any]:
    found = model.manifest[stage]["params"][stage]
    if not kind.model_fields.keys() <= found.keys():
        raise MovierecError(f"{MODELS[stage]}: trained by another version; run dvc repro")
    return {key: found[key] for key in kind.model_fields}


def read_model(path: Path = MODEL, users: bool = True) -> Model:
    """The model, its arrays mapped from the file; each is compared with its hash in the manifest.

    users: whether the rows of the users are read, too; a new person needs none of them.
    """
    from movierec.model.biased_mf import Model

    arrays, manifest = read_arrays(path, () if users else OF_USERS)
    mean = float(arrays.pop("global_mean"))
    if not users:
        like = {name: name.replace("user", "item") for name in OF_USERS}
        arrays |= {name: arrays[its][:0] for name, its in like.items() if its in arrays}
    try:
        return Model(mean, **arrays, manifest=manifest)
    except TypeError as error:
        raise _not_whole(path, error) from None


def mapped(path: Path) -> Model:
    """The model of a file that has been read before: mapped once in a process, not compared."""
    return _mapped(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=len(MODELS))
def _mapped(path: Path, changed: int) -> Model:
    from movierec.model.biased_mf import Model

    arrays: dict[str, Any] = npz.mapped(path)
    del arrays["manifest"]
    return Model(float(arrays.pop("global_mean")), **arrays)


def read_arrays(
    path: Path, left_out: Iterable[str] = (), only: Iterable[str] | None = None
) -> tuple[dict[str, Array], Manifest]:
    """Arrays of a model by name, as they were trained, and its manifest. No other is read."""
    try:
        file = Npz(path)
        if missing := [name for name in ALWAYS if name not in file.names]:
            raise ValueError(f"no {', '.join(missing)} in it")
        text = str(file.array("manifest"))
        names = [name for name in only or file.names if name not in {"manifest", *left_out}]
        with log.timed("read", path):
            contents = {name: file.content(name) for name in names}
        arrays = {name: npz.array_of(content) for name, content in contents.items()}
        listed = set(file.names) - {"manifest"}
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run dvc repro") from None
    except Exception as error:
        raise _not_whole(path, error) from None
    manifest = parse_manifest(text, path)
    made_by = [manifest[stage]["sha256"] for stage in MODELS if stage in manifest]
    for known in made_by:
        if listed != set(known) or any(known[name] != _hash(contents[name]) for name in names):
            raise MovierecError(
                f"{path}: changed since it was trained; restore it with dvc checkout --force"
            )
    return arrays, manifest


def _not_whole(path: Path, error: Exception) -> MovierecError:
    return MovierecError(
        f"{path}: not a whole model ({error}); restore it with dvc checkout --force"
    )


def read_models(manifest: Manifest, users: bool = True) -> tuple[Model, Model]:
    """The models of the train and the implicit stage, known to go on from this manifest.

    users: as of read_model.
    """
    train, implicit = (_model_of(stage, path, manifest, users) for stage, path in MODELS.items())
    return train, implicit


def _model_of(stage: str, path: Path, manifest: Manifest, users: bool) -> Model:
    model = read_model(path, users)
    check_same_origin(model.manifest, manifest, path)
    if stage not in model.manifest:
        raise MovierecError(f"{path}: not what the {stage} stage wrote; run dvc repro")
    return model
