"""Load training data: in memory if it fits, otherwise in blocks."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from movierec.core.errors import MovierecError
from movierec.core.params import EngineParams, ImplicitParams, TrainParams
from movierec.core.paths import INDEX, SPLIT
from movierec.data import parquet_tables
from movierec.data.parquet_tables import GIVEN
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.data.stored_ratings import StoredRatings
from movierec.engine.local import Engine
from movierec.training.blocks.block_ratings import BlockSource
from movierec.training.blocks.blocked_data import BlockedData
from movierec.training.in_memory import InMemoryData

# Memory of training, in bytes: constant, per rating, and as a multiple of the size of all rows.
BASE, PER_RATING, ROW_COPIES = 300_000_000, 40, 4
PER_DATED = 30  # per rating in a model with days
PER_RUNNING_SUM = 8  # per rating in Gibbs sampling, for the sum of the samples' predictions

Settings = TrainParams | ImplicitParams


def fits_in_memory(engine: EngineParams, settings: Settings) -> bool:
    """Whether training runs in this process, with all data in memory."""
    limit = engine.memory_limit
    return engine.kind == "local" and (limit is None or estimate_memory(SPLIT, settings) <= limit)


def load(
    engine: Engine, settings: Settings, refit: bool, folder: Path
) -> InMemoryData | BlockedData:
    """Load the training data of the split.

    refit: add the validation ratings to the training ratings. folder: for the files of blocks.
    """
    if fits_in_memory(engine.params, settings):
        return load_in_memory(settings, refit)
    model = settings.model if isinstance(settings, TrainParams) else "mf"
    has_days = isinstance(settings, TrainParams) and settings.days
    if has_days or model == "damped_biases":
        what = "days: true" if has_days else f"model: {model}"
        raise MovierecError(
            f"train.{what} is trained in memory only: set engine.kind to local, and"
            " engine.memory_limit to null"
        )
    memory = engine.params.memory_limit if engine.is_here else None
    source = BlockSource(
        split=SPLIT.absolute(),
        index=INDEX.absolute(),
        folder=folder.absolute(),
        refit=refit,
        model=model,
        memory=memory,
    )
    return BlockedData(engine, source)


def load_in_memory(settings: Settings, refit: bool) -> InMemoryData:
    """Load the training data of the split in memory; refit: as in `load`."""
    by_user = StoredRatings.train("user", with_validation=refit).read_all()
    if refit:
        by_item = by_user.transpose(parquet_tables.n_rows(SPLIT / "train_items.parquet"))
    else:
        by_item = StoredRatings.train("item", with_validation=False).read_all()
    needs_genres = isinstance(settings, TrainParams) and settings.model == "genre_mf"
    genres = parquet_tables.read_genres() if needs_genres else None
    validation = None if refit else parquet_tables.read_ratings(SPLIT / "validation.parquet")
    given = _given(by_user.n_rows, refit)
    has_days = isinstance(settings, TrainParams) and settings.days
    times = (_times(refit), _times(refit, given)) if has_days else ()
    return assemble(by_user, by_item, validation, given, settings, genres, *times)


def assemble(
    by_user: Csr,
    by_item: Csr,
    validation: Ratings | None,
    given: Csr,
    settings: Settings,
    genres: Csr | None = None,
    timestamp: Array | None = None,
    given_timestamp: Array | None = None,
) -> InMemoryData:
    """The training data of a split in memory. given: of held-out users, by all users.

    timestamp, given_timestamp: of each rating in by_user and in given, for a model with days.
    """

    def data(
        by_user: Csr,
        by_item: Csr,
        validation: Ratings | None,
        timestamp: Array | None,
        days: Array | None = None,
    ) -> InMemoryData:
        if isinstance(settings, ImplicitParams):
            return InMemoryData(by_user, by_item, validation=validation)
        sides = by_user, by_item, settings, genres, validation
        return InMemoryData.from_params(*sides, timestamp, days)

    if not len(given.values):
        return data(by_user, by_item, validation, timestamp)
    trained = data(by_user, by_item, None, timestamp)
    days = trained.days.days if trained.days else None
    of_given = given, given.transpose(by_item.n_rows), validation, given_timestamp, days
    return replace(trained, given=data(*of_given))


def _given(n_users: int, refit: bool) -> Csr:
    """The given ratings of held-out users, by all users; those for validation not in a refit."""
    for_validation, for_test = (
        parquet_tables.read_ratings(SPLIT / f"{name}.parquet") for name in GIVEN
    )
    given = for_test.by_user(n_users)
    return given if refit else given.insert(for_validation)


def _times(refit: bool, given: Csr | None = None) -> Array:
    """The time of each training rating, ordered as load_in_memory does, or of each given one."""
    parts: tuple[str, ...]
    if given is not None:
        parts = GIVEN[1:] if refit else GIVEN
        times = Csr(np.zeros(given.n_rows + 1, int), *np.zeros((2, 0), np.int64))
    else:
        parts = ("validation", "validation_given") if refit else ()
        by_user = parquet_tables.read_train_by_user()
        (timestamp,) = parquet_tables.read_columns(SPLIT / "train_by_user.parquet", ["timestamp"])
        times = Csr(by_user.indptr, by_user.indices, timestamp)
    for part in parts:
        more = parquet_tables.read_ratings(SPLIT / f"{part}.parquet")
        times = times.insert(replace(more, rating=more.timestamp))
    return times.values


def estimate_memory(split: Path, settings: Settings) -> int:
    """Estimate the peak memory of training in memory, in bytes (docs/scaling.md)."""
    n_users, n_items, n_ratings = (
        parquet_tables.n_rows(split / f"train_{name}.parquet")
        for name in ("users", "items", "by_user")
    )
    row_bytes = np.dtype(settings.dtype).itemsize * (n_users + n_items) * (settings.n_factors + 1)
    n_bytes = BASE + PER_RATING * n_ratings + ROW_COPIES * row_bytes
    if isinstance(settings, TrainParams) and settings.days:
        n_bytes += PER_DATED * n_ratings
    if isinstance(settings, TrainParams) and settings.method == "gibbs":
        if settings.model == "svdpp":  # a sample also has the users' weights, one row for each item
            row_bytes += row_bytes * n_items // (n_users + n_items)
        n_bytes += PER_RUNNING_SUM * n_ratings + 2 * settings.gibbs.samples * row_bytes
    return n_bytes
