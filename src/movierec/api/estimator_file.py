"""Files of fitted estimators: safetensors, with parameters and text ids as JSON in the metadata.

Arrays are read into memory and compared with their recorded hashes before they are used, so neither
damage nor a file that is replaced later changes a loaded model.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict

import movierec
from movierec.api.estimator import Estimator
from movierec.api.rating_table import RatingTable
from movierec.core import array_files
from movierec.core.array_files import Array, ArrayFile
from movierec.core.errors import MovierecError
from movierec.core.params import validated
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Ratings, check_index
from movierec.model import model_file

FORMAT, FORMAT_VERSION = "movierec.estimator", 2  # raise it when the content changes
IDS = ("user_ids", "item_ids")
RATINGS = {
    "user_index": np.int32,
    "item_index": np.int32,
    "rating": np.float32,
    "timestamp": np.int64,
}
Kind = Literal["ALS", "GibbsMF", "ImplicitALS", "Popularity", "ItemKNN", "ItemRegression", "Blend"]


class _StrictContent(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Description(_StrictContent):
    """An estimator: its class and the arguments of the constructor."""

    kind: Kind
    params: dict[str, Any]


class _Metadata(_StrictContent):
    """What a file contains besides arrays. ids: those that are text. sha256: of each array."""

    format: str
    format_version: int
    version: str
    rating_scale: list[float]
    estimator: _Description
    fitted: dict[str, Any]
    ids: dict[str, list[str]]
    sha256: dict[str, str]


def write(path: Path, estimator: Estimator) -> Path:
    """Write a fitted estimator atomically; the same one gives the same bytes.

    Raises TypeError for a class that `read` cannot create, such as a subclass of yours.
    """
    table, description = estimator.fitted, _describe(estimator)
    arrays, fitted = estimator._state()
    arrays |= vars(table.ratings)
    texts = {}
    for name in IDS:
        ids = getattr(table, name)
        if ids.dtype == np.int64:
            arrays[name] = ids
        else:
            texts[name] = ids.tolist()
    metadata = _Metadata(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        version=movierec.__version__,
        rating_scale=list(estimator.rating_scale_),
        estimator=description,
        fitted=fitted,
        ids=texts,
        sha256={name: array_files.hash_array(array) for name, array in arrays.items()},
    )
    return array_files.save(path, arrays, metadata.model_dump())


def read(path: Path) -> Estimator:
    """Read what `write` wrote; MovierecError if it is missing, damaged or something else."""
    try:
        file = ArrayFile(path, in_memory=True)
        metadata = _check_metadata(path, file.metadata)
        arrays = file.arrays()
        hashes = {name: array_files.hash_array(array) for name, array in arrays.items()}
        if hashes != metadata.sha256:
            raise ValueError("its arrays changed since it was saved")
        scale = Scale(*metadata.rating_scale)
        estimator = _create(metadata.estimator)._prepared()
        estimator.ratings_ = _table(arrays, metadata.ids, scale)
        estimator.rating_scale_ = scale
        estimator._restore(arrays, metadata.fitted)
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file") from None
    except MovierecError:
        raise
    except (OSError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise MovierecError(f"{path}: not a complete saved model ({error})") from None
    return estimator


def _check_metadata(path: Path, content: dict[str, Any]) -> _Metadata:
    if model_file.MODELS.keys() & content.keys():
        raise MovierecError(
            f"{path}: a model of the pipeline, without its movies; load the project's folder,"
            " or a file that the run was saved to"
        )
    if content.get("format") != FORMAT:
        raise ValueError("not a saved estimator")
    if content.get("format_version") != FORMAT_VERSION:
        raise MovierecError(
            f"{path}: saved by movierec {content.get('version')} in another version of the format;"
            f" load it there, or fit the model again with movierec {movierec.__version__}"
        )
    return validated(_Metadata, **content)


def _table(arrays: dict[str, Array], texts: dict[str, list[str]], scale: Scale) -> RatingTable:
    """Take ratings and ids out of the arrays, checked as far as models rely on them."""
    columns = {name: arrays.pop(name) for name in RATINGS}
    ids = {
        name: np.array(texts[name], object) if name in texts else arrays.pop(name) for name in IDS
    }
    for name, column in columns.items():
        if column.dtype != RATINGS[name] or column.shape != columns["rating"].shape:
            raise ValueError(f"{name}: {column.dtype} {column.shape}")
    for name, own in ids.items():
        if own.dtype not in (np.int64, object) or len(set(own.tolist())) != own.size:
            raise ValueError(f"{name}: not all are different")
    n_users, n_items = map(len, ids.values())
    ratings = Ratings(*columns.values())
    user_index = check_index(ratings.user_index, n_users, "user_index").astype(np.int64)
    pair = user_index * n_items + check_index(ratings.item_index, n_items, "item_index")
    if not len(pair) or (np.diff(pair) <= 0).any():
        raise ValueError("its ratings are not in order")
    low, high = scale
    if not (scale.is_exact and low <= ratings.rating.min() and ratings.rating.max() <= high):
        raise ValueError(f"its ratings are not from {low:g} to {high:g}")
    return RatingTable(ratings, **ids)


def _describe(estimator: Estimator) -> _Description:
    kind = type(estimator)
    if kind.__name__ not in get_args(Kind) or kind is not getattr(movierec, kind.__name__):
        raise TypeError(f"{kind.__name__}: not saved, since only movierec's own classes are loaded")
    params = (estimator.params_ | estimator._named_parts).items()
    return _Description(
        kind=kind.__name__, params={name: _as_json(value) for name, value in params}
    )


def _as_json(value: Any) -> Any:
    if isinstance(value, Estimator):
        return _describe(value).model_dump()
    return list(value) if isinstance(value, tuple) else value  # of params_: numbers of Python


def _create(description: _Description) -> Estimator:
    kind = getattr(movierec, description.kind)
    names = {part.name for part in dataclasses.fields(kind) if part.init}
    if names != description.params.keys():
        raise ValueError(f"its params are not those of {description.kind}")
    params = {name: _from_json(value) for name, value in description.params.items()}
    estimator: Estimator = kind(**params)
    return estimator


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return _create(validated(_Description, **value))
    return tuple(value) if isinstance(value, list) else value
