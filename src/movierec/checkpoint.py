"""Training that was interrupted goes on from its last finished epoch.

DVC deletes a stage's outputs before it starts, so a checkpoint lies outside of them, in a folder
that git and DVC ignore. It holds the key of what was being trained; any other is not resumed.
"""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from movierec.als import Epoch, Fit
from movierec.errors import MovierecError
from movierec.metrics import Errors
from movierec.model import Model
from movierec.outputs import output_file
from movierec.sparse import Array

FOLDER = Path(".checkpoints")


def key_of(settings: object, files: Sequence[Path]) -> str:
    """What a checkpoint must have been made from: these settings, and files of these contents."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in files:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """A Fit on disk: `name` says which of a stage's fits, `key` what it is made from."""

    name: str
    key: str

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.npz"

    def save(self, fit: Fit) -> None:
        """Replace the checkpoint by this one, or leave the old one whole."""
        state = {
            "key": self.key,
            "epochs": [asdict(epoch) for epoch in fit.epochs],
            "best_epoch": fit.best_epoch,
            "validation": asdict(fit.validation) if fit.validation else None,
            "global_mean": fit.last.global_mean,
        }
        arrays: dict[str, Any] = {f"last_{name}": array for name, array in fit.last.arrays.items()}
        if fit.model is not fit.last:
            arrays |= {f"best_{name}": array for name, array in fit.model.arrays.items()}
        with output_file(self.path) as partial, partial.open("wb") as stream:
            np.savez(stream, state=np.array(json.dumps(state)), **arrays)

    def load(self) -> Fit | None:
        """The Fit to go on from, or None if there is none of this key."""
        try:
            with np.load(self.path, allow_pickle=False) as file:
                state = json.loads(str(file["state"]))
                if state["key"] != self.key:
                    return None
                arrays = {name: file[name] for name in file.files if name != "state"}
        except FileNotFoundError:
            return None
        except Exception as error:
            raise MovierecError(f"{self.path}: not whole ({error}); delete it") from None
        last = _model(state["global_mean"], arrays, "last_")
        best = "best_" if "best_user_factors" in arrays else None
        return Fit(
            model=_model(state["global_mean"], arrays, best) if best else last,
            last=last,
            epochs=tuple(Epoch(**epoch) for epoch in state["epochs"]),
            best_epoch=state["best_epoch"],
            validation=Errors(**state["validation"]) if state["validation"] else None,
        )

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def _model(global_mean: float, arrays: dict[str, Array], prefix: str) -> Model:
    named: dict[str, Any] = {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    return Model(global_mean, **named)


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
