"""movierec itself, with the committed params, and its baselines."""

import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks import ours
from benchmarks.quality.protocol import Known, Settings, Trained
from movierec.core.params import TrainParams
from movierec.data import parquet_tables
from movierec.model import baselines, model_file
from movierec.model.biased_mf import Model


def train(known: Known, settings: Settings) -> Trained:
    """settings: what differs from the `train` params; validation sets the number of epochs."""
    params = TrainParams(**known.params.train.model_dump() | settings)
    genres = parquet_tables.read_genres() if params.model == "genre_mf" else None
    times = known.ratings.timestamp if params.days else None
    options = (known.params.seed, known.scale, genres, known.validation, times)
    with known.clock.timed():
        state = ours.fit_ratings(known.by_user, known.n_items, params, *options)
    stops = known.validation and params.method == "als"
    found = {"max_epochs": state.best_epoch} if stops else {}
    return replace(to_trained(state.model), found=found, by_time=params.days)


def damped_biases(known: Known, settings: Settings) -> Trained:
    by_item = known.by_user.transpose(known.n_items)
    with known.clock.timed():
        model = baselines.damped_biases(known.by_user, by_item, settings["damping"])
    return to_trained(model)


def popularity(known: Known, settings: Settings) -> Trained:
    by_item = known.by_user.transpose(known.n_items)
    with known.clock.timed():
        model = baselines.popularity(known.by_user, by_item)
    return to_trained(model)


def to_trained(model: Model) -> Trained:
    """The predictor of a model, and the size of its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model_file.write_model(path, model)
        return Trained(model.predict, size=path.stat().st_size)
