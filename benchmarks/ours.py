"""Train movierec for the benchmarks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks import harness
from movierec import RatingTable
from movierec.core.params import ImplicitParams, Params, TrainParams
from movierec.core.paths import INDEX
from movierec.core.rating_scale import Scale
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr, Ratings, RatingsInParts
from movierec.model import item_regression, top_n_lists
from movierec.model.biased_mf import Model
from movierec.model.item_regression import Cells, ItemWeights
from movierec.model.model_file import Models
from movierec.training import als, early_stopping, implicit_als, rating_model, search
from movierec.training.implicit_als import ImplicitTrainer
from movierec.training.in_memory import InMemoryData


def read_index(folder: Path = INDEX) -> tuple[Ratings, int, int]:
    """Read all ratings, by user and item, and the numbers of users and items."""
    path = folder / "ratings_by_user.parquet"
    by_user = parquet_tables.read_csr(path, folder / "users.parquet")
    (timestamp,) = parquet_tables.read_columns(path, ["timestamp"])
    n_items = parquet_tables.n_rows(folder / "items.parquet")
    columns = by_user.row_index, by_user.indices, by_user.values, timestamp
    if "part" in pq.read_schema(path).names:
        (part,) = parquet_tables.read_columns(path, ["part"])
        return RatingsInParts(*columns, part), by_user.n_rows, n_items
    return Ratings(*columns), by_user.n_rows, n_items


def read_frame() -> pd.DataFrame:
    """Read all ratings with their ids: user_id, item_id, rating and timestamp."""
    ratings, _, _ = read_index()
    ids = parquet_tables.read_users()["user_id"], parquet_tables.read_items()["movie_id"]
    return RatingTable(ratings, *(column.to_numpy() for column in ids)).to_pandas()


def fit_ratings(
    by_user: Csr,
    n_items: int,
    params: TrainParams,
    seed: int,
    scale: Scale,
    genres: Csr | None = None,
    validation: Ratings | None = None,
    timestamp: Array | None = None,
) -> als.RatingState[Model]:
    """Train the rating model, with early stopping if there are validation ratings.

    timestamp: of each rating in by_user, for a model with days.
    """
    by_item = by_user.transpose(n_items)
    data = InMemoryData.from_params(by_user, by_item, params, genres, validation, timestamp)
    return rating_model.fit(data, params, seed, scale)


def fit_implicit(
    by_user: Csr,
    n_items: int,
    params: ImplicitParams,
    seed: int,
    scale: Scale,
    validation: Ratings | None = None,
) -> implicit_als.ImplicitState[Model]:
    """Train the implicit model; arguments as in fit_ratings."""
    data = InMemoryData(by_user, by_user.transpose(n_items), validation=validation)
    return implicit_als.fit(data, params, seed, scale)


def fit_regression(by_user: Csr, n_items: int, params: Params) -> ItemWeights:
    """Fit the item regression."""
    settings = params.item_regression
    cells = Cells.from_params(settings, params.data.scale)
    return item_regression.fit_in_memory(by_user, n_items, cells, settings)


def fit_all(
    train: Csr, n_items: int, params: Params, genres: Csr | None, validation: Ratings
) -> Models:
    """Train all models with early stopping, then refit on validation too, as the stages do."""
    both, scale = train.insert(validation), params.data.scale
    make_trainer: dict[str, Any] = {"train": rating_model.make_trainer, "implicit": ImplicitTrainer}

    def trained(stage: str) -> Model:
        def fit(settings: Any, is_refit: bool, item_factors: Array | None) -> Any:
            by_user, held_out = (both, None) if is_refit else (train, validation)
            sides = by_user, by_user.transpose(n_items)
            data = InMemoryData(*sides, validation=held_out)
            if stage == "train":
                data = InMemoryData.from_params(*sides, settings, genres, held_out)
            trainer = make_trainer[stage](data, settings, params.seed, scale)
            trainer.item_factors = item_factors
            return early_stopping.fit(trainer), trainer

        return search.fit_twice(fit, getattr(params, stage)).model

    return Models(trained("train"), trained("implicit"), fit_regression(both, n_items, params))


def time_epochs(by_user: Csr, n_items: int, params: TrainParams, n: int) -> list[float]:
    data = InMemoryData(by_user, by_user.transpose(n_items))
    model = als.initial_model(data, params, seed=0)

    def steps() -> Iterator[None]:
        nonlocal model
        while True:
            model = als.run_epoch(model, data, params)
            yield

    return harness.time_steps(steps(), n)


def time_lists(by_user: Csr, factors: tuple[Array, Array], n: int) -> list[float]:
    user_biases, item_biases = (np.zeros(len(rows), np.float32) for rows in factors)
    model = Model(0.0, *factors, user_biases, item_biases)

    def steps() -> Iterator[None]:
        while True:
            top_n_lists.top_n(model, by_user, 20)
            yield

    return harness.time_steps(steps(), n)
