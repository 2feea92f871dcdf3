"""The model on disk: arrays and a manifest as JSON in one .npz, without pickle."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from movierec.errors import MovierecError
from movierec.model import Model
from movierec.outputs import MODEL, output_file

MODEL_ARRAYS = ("user_factors", "item_factors", "user_biases", "item_biases")


def write_model(path: Path, model: Model) -> None:
    arrays = {name: getattr(model, name) for name in MODEL_ARRAYS}
    manifest = np.array(json.dumps(model.manifest, ensure_ascii=False))
    with output_file(path) as partial, partial.open("wb") as stream:
        np.savez(stream, global_mean=np.float64(model.global_mean), manifest=manifest, **arrays)


def read_model(path: Path = MODEL) -> Model:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in MODEL_ARRAYS}
            model = Model(float(file["global_mean"]), **arrays)
            return replace(model, manifest=json.loads(str(file["manifest"])))
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run dvc repro") from None
    except Exception as error:
        raise MovierecError(
            f"{path}: not a whole model ({error}); restore it with dvc checkout --force"
        ) from None
