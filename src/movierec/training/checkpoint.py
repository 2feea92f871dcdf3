"""Training that was interrupted goes on from its last finished epoch.

DVC deletes a stage's outputs before it starts, so a checkpoint lies outside of them, in a folder
that git and DVC ignore. It holds the key of what was being trained; any other is not resumed.
Samples lie in files of their own, written once; the checkpoint says how many count.
"""

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from rich.filesize import decimal

from movierec.core import reporting
from movierec.core.atomic import atomic_file
from movierec.core.errors import MovierecError
from movierec.core.manifests import versions
from movierec.core.paths import CHECKPOINTS
from movierec.data.rating_arrays import Array
from movierec.metrics.measures import Errors
from movierec.model.biased_mf import Model
from movierec.training.als import RatingEpoch, TrainingState


def key_of(settings: object, files: Sequence[Path]) -> str:
    """What a checkpoint must have been made from: these settings, and files of these contents."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in files:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """A Fit on disk: `name` says which of a stage's fits, `key` what it is made from.

    kinds: of what its epochs are, and its validation. of_model: what its models are.
    """

    name: str
    key: str
    kinds: tuple[type[Any], type[Any]] = (RatingEpoch, Errors)
    of_model: Callable[..., Any] = Model

    @property
    def path(self) -> Path:
        return CHECKPOINTS / f"{self.name}.npz"

    @property
    def folder(self) -> Path:
        """For what training keeps in files of its own."""
        return CHECKPOINTS / f"{self.name}-{self.key}"

    def path_of_sample(self, number: int) -> Path:
        return CHECKPOINTS / f"{self.name}-{self.key}-{number}.npz"

    def save(self, fit: TrainingState) -> None:
        """Replace the checkpoint by this one, or leave the old one whole."""
        self._remove_others(but=self.key)
        for number, sample in enumerate(fit.samples):
            if not self.path_of_sample(number).exists():
                _write(self.path_of_sample(number), sample.arrays)
        state = {
            "key": self.key,
            "epochs": [asdict(epoch) for epoch in fit.epochs],
            "best_epoch": fit.best_epoch,
            "validation": asdict(fit.validation) if fit.validation else None,
            "global_mean": fit.last.global_mean,
            "n_samples": len(fit.samples),
        }
        arrays: dict[str, Any] = {f"last_{name}": array for name, array in fit.last.arrays.items()}
        if fit.model is not fit.last:
            arrays |= {f"best_{name}": array for name, array in fit.model.arrays.items()}
        _write(self.path, arrays | {"state": np.array(json.dumps(state))})

    def load(self) -> TrainingState | None:
        """The Fit to go on from, or None if there is none of this key."""
        if not self.path.exists():
            return None
        arrays = _read(self.path)
        state = json.loads(str(arrays.pop("state", "{}")))
        if state.get("key") != self.key:
            return None
        mean, paths = state["global_mean"], map(self.path_of_sample, range(state["n_samples"]))
        last = self._model(mean, arrays, "last_")
        best = "best_" if any(name.startswith("best_") for name in arrays) else None
        of_epoch, of_validation = self.kinds
        return TrainingState(
            model=self._model(mean, arrays, best) if best else last,
            last=last,
            epochs=tuple(of_epoch(**epoch) for epoch in state["epochs"]),
            best_epoch=state["best_epoch"],
            validation=of_validation(**state["validation"]) if state["validation"] else None,
            samples=tuple(self._model(mean, _read(path)) for path in paths),
        )

    def _model(self, global_mean: float, arrays: dict[str, Array], prefix: str = "") -> Any:
        named = {
            name.removeprefix(prefix): array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
        return self.of_model(global_mean, **named)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._remove_others()

    def _remove_others(self, but: str = "") -> None:
        """Delete this fit's samples and folder, but those of a key; those half written as well."""
        for pattern in (f"{self.name}-*", f".{self.name}-*"):
            for path in CHECKPOINTS.glob(pattern):
                if not but or but not in path.name:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    @contextmanager
    def following(
        self,
        phase: str,
        n_epochs: int,
        so_far: TrainingState | None,
        line: Callable[[Any], str],
        then: Callable[[TrainingState], None] = lambda fit: None,
        traffic: Callable[[], int] = lambda: 0,
    ) -> Iterator[Callable[[TrainingState], None]]:
        """What to do after each epoch: save it, print its line, dim where it is not the best so
        far, move the bar on a terminal. traffic: bytes that workers have sent so far."""
        done = len(so_far.epochs) if so_far else 0
        if done:
            reporting.say(f"going on after epoch {done}", phase)
        before = traffic()
        with reporting.progress(phase, n_epochs, done) as advance:

            def on_epoch(fit: TrainingState) -> None:
                nonlocal before
                self.save(fit)
                then(fit)
                epoch = fit.epochs[-1]
                text = f"epoch {epoch.epoch:3d}  objective {_number(epoch.objective)}{line(epoch)}"
                sent, before = before, traffic()
                if before > sent:
                    text += f"  {decimal(before - sent)} sent"
                is_best = fit.best_epoch == epoch.epoch
                reporting.say(text, phase, "" if is_best else "dim")
                advance()

            yield on_epoch


def _number(objective: float) -> str:
    """In as few columns as tell one epoch from the next."""
    return f"{objective:9,.1f}" if abs(objective) < 1e6 else f"{objective:9,.0f}"


def _write(path: Path, arrays: dict[str, Any]) -> None:
    with atomic_file(path) as partial, partial.open("wb") as stream:
        np.savez(stream, **arrays)


def _read(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:
        raise MovierecError(f"{path}: not whole ({error}); delete {CHECKPOINTS}/*.npz") from None


@contextmanager
def kept(
    names: Sequence[str],
    settings: Sequence[object],
    stage: Path,
    kinds: tuple[type[Any], type[Any]] = (RatingEpoch, Errors),
    of_model: Callable[..., Any] = Model,
) -> Iterator[list[Checkpoint]]:
    """The checkpoints of a stage's fits, which may be stopped; removed when all are through.

    settings: what they are made from, besides the code (the stage's file and src) and versions.
    """
    with stoppable():
        code = [stage, *sorted(Path("src").rglob("*.py"))]
        key = key_of([*settings, versions(), of_model.__name__], code)
        checkpoints = [Checkpoint(name, key, kinds, of_model) for name in names]
        yield checkpoints
        for checkpoint in checkpoints:
            checkpoint.remove()


@contextmanager
def stoppable(
    message: str = "stopped; the next dvc repro goes on after the last finished epoch",
) -> Iterator[None]:
    """On Ctrl-C or SIGTERM say how work can go on, and exit as the shell expects."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        os.write(sys.stderr.fileno(), f"{message}\n".encode())
        sys.exit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
