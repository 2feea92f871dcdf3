"""Checkpoints: an interrupted training resumes after its last finished epoch.

DVC deletes a stage's outputs before the stage starts, so checkpoints are in another folder, which
Git ignores and DVC does not track. A checkpoint contains a key of everything that the training
depends on, and is only resumed for the same key. Samples are separate files, written once; the
checkpoint contains their number.
"""

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Generic

from movierec.core import array_files, yaml_file
from movierec.core.array_files import Array, ArrayFile
from movierec.core.errors import MovierecError
from movierec.core.paths import CHECKPOINTS
from movierec.core.stage import PIPELINE
from movierec.training.early_stopping import E, Q, Trainer, TrainingState
from movierec.training.training_data import M


def code_files(stage: str) -> list[Path]:
    """The source files that a stage depends on, from its deps in dvc.yaml."""
    deps = yaml_file.read(PIPELINE)["stages"][stage]["deps"]
    paths = [PIPELINE.parent / dep for dep in deps if dep.startswith(("src/", "stages/"))]
    files = (path.rglob("*.py") if path.is_dir() else [path] for path in paths)
    return sorted(path for group in files for path in group)


def make_key(settings: object, files: Iterable[Path]) -> str:
    """The hash of settings, as JSON, and of the contents of files."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in files:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


@dataclass(frozen=True)
class Checkpoint(Generic[M, E, Q]):
    """A TrainingState on disk.

    name: of the training, such as train_search. key: the hash of what the training depends on.
    """

    name: str
    key: str

    @property
    def path(self) -> Path:
        return CHECKPOINTS / f"{self.name}.safetensors"

    @property
    def folder(self) -> Path:
        """The folder for files that training itself stores."""
        return CHECKPOINTS / f"{self.name}-{self.key}"

    def sample_path(self, number: int) -> Path:
        return CHECKPOINTS / f"{self.name}-{self.key}-{number}.safetensors"

    def save(self, state: TrainingState[M, E, Q]) -> None:
        """Replace the checkpoint atomically."""
        self._remove_others(but=self.key)
        for number, sample in enumerate(state.samples):
            if not self.sample_path(number).exists():
                array_files.save(self.sample_path(number), sample.arrays, {})
        summary = {
            "key": self.key,
            "epochs": [asdict(epoch) for epoch in state.epochs],
            "best_epoch": state.best_epoch,
            "validation": asdict(state.validation) if state.validation else None,
            "global_mean": state.last.global_mean,
            "n_samples": len(state.samples),
        }
        arrays = {f"last_{name}": array for name, array in state.last.arrays.items()}
        if state.model is not state.last:
            arrays |= {f"best_{name}": array for name, array in state.model.arrays.items()}
        array_files.save(self.path, arrays, summary)

    def load(self, trainer: Trainer[M, E, Q]) -> TrainingState[M, E, Q] | None:
        """The state to resume from, None if there is no checkpoint with this key."""
        if not self.path.exists():
            return None
        file = _open(self.path)
        summary = file.metadata
        if summary.get("key") != self.key:
            return None

        def model(arrays: dict[str, Array], prefix: str = "") -> M:
            named: dict[str, Any] = {
                name.removeprefix(prefix): array
                for name, array in arrays.items()
                if name.startswith(prefix)
            }
            return trainer.data.model_type(summary["global_mean"], **named)  # type: ignore[call-arg]

        arrays, quality = file.arrays(), summary["validation"]
        last = model(arrays, "last_")
        has_best = any(name.startswith("best_") for name in arrays)
        samples = map(self.sample_path, range(summary["n_samples"]))
        return TrainingState(
            model=model(arrays, "best_") if has_best else last,
            last=last,
            epochs=tuple(trainer.epoch_type(**epoch) for epoch in summary["epochs"]),
            best_epoch=summary["best_epoch"],
            validation=trainer.quality_type(**quality) if quality else None,
            samples=tuple(model(_open(path).arrays()) for path in samples),
        )

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._remove_others()

    def _remove_others(self, but: str = "") -> None:
        """Delete samples and folders of this training with other keys, partial files included."""
        for pattern in (f"{self.name}-*", f".{self.name}-*"):
            for path in CHECKPOINTS.glob(pattern):
                if not but or but not in path.name:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _open(path: Path) -> ArrayFile:
    try:
        return ArrayFile(path)
    except (OSError, ValueError) as error:
        raise MovierecError(
            f"{path}: incomplete ({error}); delete {CHECKPOINTS}/*.safetensors and run dvc repro"
        ) from None


@contextmanager
def stoppable(
    message: str = "stopped; the next dvc repro resumes after the last finished epoch",
) -> Iterator[None]:
    """On Ctrl-C or SIGTERM, print how to resume and exit with the status that shells expect."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        os.write(sys.stderr.fileno(), f"{message}\n".encode())
        sys.exit(128 + number)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
