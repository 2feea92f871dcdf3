"""What an engine trains on: data in memory where they fit, blocks of them where they do not."""

from pathlib import Path
from typing import Any

import numpy as np

from movierec.core import paths
from movierec.core.errors import MovierecError
from movierec.core.params import EngineParams, ImplicitParams, TrainParams
from movierec.data import parquet_tables
from movierec.engine.local import Engine
from movierec.model.biased_mf import Model
from movierec.training.blocks.block_ratings import BlockSource
from movierec.training.blocks.block_rows import BlockedModel
from movierec.training.blocks.blocked_data import BlockedData
from movierec.training.in_memory import InMemoryData

# Bytes that training in memory holds: whatever the data, of a rating, and how many times the rows.
BASE, OF_RATING, OF_ROWS = 300_000_000, 40, 4
OF_TOTAL = 8  # of a rating, by Gibbs sampling: the sum of the samples' predictions


def fits_here(engine: EngineParams, settings: TrainParams | ImplicitParams) -> bool:
    """Whether training is done in this process, in memory."""
    limit = engine.memory_limit
    return engine.kind == "local" and (limit is None or in_memory(paths.SPLIT, settings) <= limit)


def model_of(
    engine: EngineParams, settings: TrainParams | ImplicitParams
) -> type[Model] | type[BlockedModel]:
    """What models are while training by this engine."""
    return Model if fits_here(engine, settings) else BlockedModel


def data_for(
    engine: Engine, settings: TrainParams | ImplicitParams, refit: bool, folder: Path
) -> tuple[Any, Any]:
    """What the engine trains on, and the validation ratings, None if there are none: data.Data and
    Ratings if it fits here, else Blocked and what that has for them.

    refit: train on validation ratings as well. folder: for what lies in files.
    """
    split, index, limit = paths.SPLIT, paths.INDEX, engine.params.memory_limit
    kind = settings.model if isinstance(settings, TrainParams) else "mf"
    if fits_here(engine.params, settings):
        held_out = None
        if refit:
            by_user = parquet_tables.read_train_and_validation()
            csrs = by_user, by_user.transpose(parquet_tables.n_rows(split / "train_items.parquet"))
        else:
            csrs = parquet_tables.read_train()
            held_out = parquet_tables.read_ratings(split / "validation.parquet")
        if not isinstance(settings, TrainParams):
            return InMemoryData(*csrs), held_out or None
        genres = parquet_tables.read_genres() if kind == "genre_mf" else None
        return InMemoryData.of(*csrs, settings, genres), held_out or None
    if kind in ("svdpp", "damped_biases"):
        raise MovierecError(
            f"train.model: {kind} is trained in memory only: set engine.kind to local, and"
            " engine.memory_limit to null"
        )
    memory = limit if engine.is_here else None
    folders = split.absolute(), index.absolute(), folder.absolute()
    data = BlockedData(
        engine, BlockSource(*folders, refit, has_genres=kind == "genre_mf", memory=memory)
    )
    return data, data.held_out if len(data.held_out) else None


def in_memory(split: Path, settings: TrainParams | ImplicitParams) -> int:
    """About as many bytes as training in memory holds at most (docs/scale.md)."""
    n_users, n_items, n_ratings = (
        parquet_tables.n_rows(split / f"train_{name}.parquet")
        for name in ("users", "items", "by_user")
    )
    rows = np.dtype(settings.dtype).itemsize * (n_users + n_items) * (settings.n_factors + 1)
    held = BASE + OF_RATING * n_ratings + OF_ROWS * rows
    if isinstance(settings, TrainParams) and settings.method == "gibbs":
        held += OF_TOTAL * n_ratings + 2 * settings.gibbs.samples * rows  # and their mean
    return held
