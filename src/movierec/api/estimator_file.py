"""Files of fitted estimators: safetensors, with parameters and text ids as JSON in the metadata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import movierec
from movierec.api.blend import Blend
from movierec.api.estimator import Estimator
from movierec.api.ranking_models import ItemKNN
from movierec.api.rating_table import RatingTable
from movierec.core import array_files
from movierec.core.array_files import Array, ArrayFile
from movierec.core.errors import MovierecError
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Ratings

FORMAT = "movierec.estimator"
KINDS = ("ALS", "GibbsMF", "ImplicitALS", "Popularity", "ItemKNN", "Blend")
KNN_ARRAYS = ("neighbours_", "cosines_")


def write(path: Path, estimator: Estimator) -> Path:
    """Write a fitted estimator atomically; the same one gives the same bytes."""
    table = estimator.fitted
    arrays: dict[str, Array] = dict(vars(table.ratings))
    metadata: dict[str, Any] = {
        "format": FORMAT,
        "version": movierec.__version__,
        "rating_scale": list(estimator.rating_scale_),
        "estimator": _describe(estimator),
        "ids": {},
    }
    for name in ("user_ids", "item_ids"):
        ids = getattr(table, name)
        if ids.dtype == np.int64:
            arrays[name] = ids
        else:
            metadata["ids"][name] = ids.tolist()
    arrays |= dict(_arrays_of(estimator))
    return array_files.save(path, arrays, metadata)


def read(path: Path) -> Estimator:
    """Read what `write` wrote; MovierecError if it is missing, damaged or something else."""
    try:
        file = ArrayFile(path)
        arrays, metadata = file.arrays(), file.metadata
        if {"train", "implicit"} & metadata.keys():
            raise MovierecError(
                f"{path}: a model of the pipeline, without its movies; load the project's folder,"
                " or a file that the run was saved to"
            )
        if metadata.get("format") != FORMAT:
            raise ValueError("not a saved estimator")
        ids = {
            name: np.array(metadata["ids"][name], object)
            if name in metadata["ids"]
            else np.array(arrays[name])
            for name in ("user_ids", "item_ids")
        }
        ratings = Ratings(*(arrays[name] for name in Ratings.__dataclass_fields__))
        estimator = _create(metadata["estimator"])
        low, high = map(float, metadata["rating_scale"])
        _fill(estimator, RatingTable(ratings, **ids), Scale(low, high), arrays, "")
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise MovierecError(f"{path}: not a complete saved model ({error})") from None
    return estimator


def _describe(estimator: Estimator) -> dict[str, Any]:
    params = {
        name: _describe(value) if isinstance(value, Estimator) else value
        for name, value in estimator.get_params(deep=False).items()
    }
    return {"kind": type(estimator).__name__, "params": params}


def _create(description: dict[str, Any]) -> Estimator:
    kind = description["kind"]
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}")
    params = {
        name: _create(value) if isinstance(value, dict) else _as_param(value)
        for name, value in description["params"].items()
    }
    return getattr(movierec, kind)(**params)


def _as_param(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _parts(estimator: Estimator) -> dict[str, Estimator]:
    if isinstance(estimator, Blend):
        return {"watched": estimator.watched, "rated": estimator.rated}
    return {}


def _arrays_of(estimator: Estimator, prefix: str = "") -> Iterator[tuple[str, Array]]:
    """The arrays of a model and of its parts, by prefixed names."""
    for name, part in _parts(estimator).items():
        yield from _arrays_of(part, f"{prefix}{name}.")
    if isinstance(estimator, ItemKNN):
        for name in KNN_ARRAYS:
            yield f"{prefix}{name}", getattr(estimator, name)
    elif not isinstance(estimator, Blend):
        model = estimator.model_  # type: ignore[attr-defined]
        yield f"{prefix}global_mean", np.array(model.global_mean, np.float64)
        for name, array in model.arrays.items():
            yield f"{prefix}{name}", array


def _fill(
    estimator: Estimator,
    table: RatingTable,
    scale: Scale,
    arrays: dict[str, Array],
    prefix: str,
) -> None:
    """Set the fitted attributes."""
    from movierec.model.biased_mf import Model

    estimator.ratings_, estimator.rating_scale_ = table, scale
    parts = _parts(estimator)
    for name, part in parts.items():
        _fill(part, table, scale, arrays, f"{prefix}{name}.")
    own = {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix) and "." not in name.removeprefix(prefix)
    }
    if isinstance(estimator, ItemKNN):
        for name in KNN_ARRAYS:
            setattr(estimator, name, own[name])
    elif not parts:
        named: dict[str, Any] = {
            name: own[name] for name in Model.__dataclass_fields__ if name in own
        }
        mean = float(named.pop("global_mean"))
        estimator.model_ = Model(mean, **named)  # type: ignore[attr-defined]
