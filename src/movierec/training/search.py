"""Search and refit: find the best number of epochs on validation, then train on all but test.

The stages train and implicit share this code; a TrainingTask describes how they differ.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic

import numpy as np
import pandas as pd
from rich.filesize import decimal

from movierec.core import manifests, reporting, result_files
from movierec.core.manifests import Manifest
from movierec.core.params import ImplicitParams, Params
from movierec.core.paths import INDEX, SPLIT
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array
from movierec.engine import factory
from movierec.engine.local import Engine
from movierec.model import model_file
from movierec.model.biased_mf import Model
from movierec.model.prediction_intervals import PredictionIntervals
from movierec.training import early_stopping, loading
from movierec.training.checkpoint import Checkpoint, code_files, make_key, stoppable
from movierec.training.early_stopping import E, Q, Trainer, TrainingState
from movierec.training.loading import Settings
from movierec.training.training_data import M


@dataclass(frozen=True)
class TrainingTask(Generic[E, Q]):
    """What differs between the training stages.

    stage: the name. settings: the stage's params. inputs: what else the model depends on, besides
    code and seed, as JSON. make_trainer: called with data and settings. describe: returns the end
    of an epoch's line on the terminal. report: returns the metrics of a quality. path: the file of
    the model. curve: the CSV file with a row for each epoch of the search.
    """

    stage: str
    settings: Settings
    inputs: list[Any]
    make_trainer: Callable[[Any, Any], Trainer[Any, E, Q]]
    describe: Callable[[E], str]
    report: Callable[[Q], dict[str, float]]
    path: Path
    curve: Path


@dataclass(frozen=True)
class TrainedModel(Generic[E, Q]):
    """A trained model.

    validation: the quality of the best epoch, before the refit. last_epoch: the final model's.
    intervals: of predicted ratings, from before the refit.
    """

    model: Model
    best_epoch: int
    validation: Q | None
    refit: bool
    last_epoch: E
    intervals: PredictionIntervals | None

    @property
    def fitted_on(self) -> str:
        return "train and validation" if self.refit else "train"


def read_inputs(params: Params, *index_files: str) -> tuple[Manifest, list[str]]:
    """The manifest of the split, and the verified hashes of the files used for training."""
    manifest = manifests.read_manifest(SPLIT, params.dataset)
    names = parquet_tables.TRAINING_FILES
    manifests.check_files(SPLIT, manifest, "split", *names)
    hashes = [manifest["split"]["sha256"][name] for name in names]
    if index_files:
        manifests.check_files(INDEX, manifest, "index", *index_files)
        hashes += [manifest["index"]["sha256"][name] for name in index_files]
    return manifest, hashes


def search_and_refit(task: TrainingTask[E, Q], params: Params) -> TrainedModel[E, Q]:
    """Train until validation stops improving, then again on train and validation together."""
    in_memory = loading.fits_in_memory(params.engine, task.settings)
    key = make_key(
        [params.seed, task.settings.model_dump(), *task.inputs, manifests.versions(), in_memory],
        code_files(task.stage),
    )
    checkpoints = [Checkpoint[Any, E, Q](f"{task.stage}_{phase}", key) for phase in PHASES]
    with stoppable(), factory.opened(params.engine) as engine:
        result = _search_and_refit(task, engine, *checkpoints)
        for checkpoint in checkpoints:
            checkpoint.remove()
    return result


PHASES = ("search", "refit")


def write_model(
    task: TrainingTask[E, Q], trained: TrainedModel[E, Q], params: Params, manifest: Manifest
) -> None:
    """Write a model with the manifest of the split and the record of its training."""
    result = {
        "best_epoch": trained.best_epoch,
        "validation": trained.validation and task.report(trained.validation),
        "refit": trained.refit,
    }
    if trained.intervals:
        result["intervals"] = trained.intervals.model_dump(mode="json")
    made_with = params.model_dump(include={"seed", task.stage})
    record = manifests.make_record(made_with, model_file.hash_arrays(trained.model), result)
    manifest = {**manifest, task.stage: record}
    model_file.write_model(task.path, replace(trained.model, manifest=manifest))


def _search_and_refit(
    task: TrainingTask[E, Q],
    engine: Engine,
    search: Checkpoint[Any, E, Q],
    refit: Checkpoint[Any, E, Q],
) -> TrainedModel[E, Q]:
    def fit(settings: Settings, is_refit: bool, item_factors: Array | None) -> Fitted[E, Q]:
        checkpoint = refit if is_refit else search
        return _fit(task, settings, engine, checkpoint, is_refit, item_factors)

    return fit_twice(fit, task.settings)


Fitted = tuple[TrainingState[Any, E, Q], Trainer[Any, E, Q]]  # the last state, and its trainer


REFIT_EPOCHS = 2  # of the implicit model, from the best epoch's


def fit_twice(
    fit: Callable[[Settings, bool, Array | None], Fitted[E, Q]], settings: Settings
) -> TrainedModel[E, Q]:
    """Fit with early stopping, then, if settings.refit, on train and validation together.

    fit: trains with these settings; its other arguments are whether it is the refit, and the item
    factors to start from. The rating model starts again and runs for the best number of epochs,
    since more would overfit. The implicit model starts from that of the best epoch: a few epochs
    more give lists that are as good (docs/benchmarks.md).
    """
    state, trainer = fit(settings, False, None)
    best_epoch, validation = state.best_epoch, state.validation
    intervals = trainer.prediction_intervals(state)
    is_refit = settings.refit and validation is not None
    if is_refit:
        epochs, item_factors = best_epoch, None
        if isinstance(settings, ImplicitParams):
            epochs, item_factors = (
                REFIT_EPOCHS,
                np.array(trainer.data.finish(state.model).item_factors),
            )
        del state, trainer  # frees memory
        state, trainer = fit(settings.model_copy(update={"max_epochs": epochs}), True, item_factors)
    last_epoch = state.epochs[state.best_epoch - 1]
    model = trainer.final_model(state)
    return TrainedModel(model, best_epoch, validation, is_refit, last_epoch, intervals)


def _fit(
    task: TrainingTask[E, Q],
    settings: Settings,
    engine: Engine,
    checkpoint: Checkpoint[M, E, Q],
    is_refit: bool,
    item_factors: Array | None,
) -> Fitted[E, Q]:
    data: Any = loading.load(engine, settings, is_refit, checkpoint.folder)
    trainer = task.make_trainer(data, settings)
    trainer.item_factors = item_factors
    state = checkpoint.load(trainer)

    def store(state: TrainingState[M, E, Q]) -> None:
        data.keep_only(state.model, state.last, *state.samples)
        if not is_refit:
            rows = pd.DataFrame([asdict(epoch) for epoch in state.epochs])
            result_files.write_plot(task.curve, rows)

    if state:
        store(state)
    phase = "refit" if is_refit else task.stage
    with _reported(phase, trainer.max_epochs, state, task.describe, engine.traffic) as report:

        def on_epoch(state: TrainingState[M, E, Q]) -> None:
            checkpoint.save(state)
            store(state)
            report(state)

        return early_stopping.fit(trainer, on_epoch, state), trainer


@contextmanager
def _reported(
    phase: str,
    n_epochs: int,
    state: TrainingState[M, E, Q] | None,
    describe: Callable[[E], str],
    traffic: Callable[[], int],
) -> Iterator[Callable[[TrainingState[M, E, Q]], None]]:
    """Yield a function that prints a line for each epoch and moves the progress bar.

    Lines of epochs that are not the best so far are dim. traffic: returns the bytes sent so far.
    """
    done = len(state.epochs) if state else 0
    if done:
        reporting.say(f"resuming after epoch {done}", phase)
    sent = traffic()
    with reporting.progress(phase, n_epochs, done) as advance:

        def report(state: TrainingState[M, E, Q]) -> None:
            nonlocal sent
            epoch, is_best = state.epochs[-1], state.best_epoch == len(state.epochs)
            line = f"epoch {epoch.epoch:3d}  objective {_number(epoch.objective)}{describe(epoch)}"
            previous, sent = sent, traffic()
            if sent > previous:
                line += f"  {decimal(sent - previous)} sent"
            reporting.say(line, phase, "" if is_best else "dim")
            advance()

        yield report


def _number(objective: float) -> str:
    """Format an objective with enough decimals to distinguish epochs."""
    return f"{objective:9,.1f}" if abs(objective) < 1e6 else f"{objective:9,.0f}"
