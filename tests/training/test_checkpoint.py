"""Interrupted training resumes and gives the same result to the bit."""

import os
import runpy
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.generate import generate, write_zip
from movierec.core import paths, reporting
from movierec.core.errors import MovierecError
from movierec.training import als, checkpoint, early_stopping, rating_model, search
from movierec.training.checkpoint import Checkpoint
from movierec.training.early_stopping import TrainingState
from movierec.training.implicit_als import ImplicitTrainer
from movierec.training.in_memory import InMemoryData
from tests.helpers.archives import FOLDERS
from tests.helpers.clone import ROOT
from tests.helpers.random_data import (
    SCALE,
    implicit_params,
    random_csrs,
    random_ratings,
    train_params,
)
from tests.helpers.small_project import run_stage, write_params

STOPS = {"max_epochs": 40, "patience": 9, "min_improvement": 0.03}


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def als_trainer():
    params = train_params(**STOPS, dtype="float32")
    data = InMemoryData(*random_csrs(4), validation=random_ratings(5, n_ratings=12))
    return rating_model.make_trainer(data, params, 0, SCALE)


def implicit_trainer():
    params = implicit_params(max_epochs=8, patience=5, dtype="float32")
    data = InMemoryData(*random_csrs(4), validation=random_ratings(5, n_ratings=12))
    return ImplicitTrainer(data, params, 0, SCALE)


def gibbs_trainer():
    params = train_params(model="svdpp", method="gibbs", dtype="float32")
    validation = random_ratings(5, n_ratings=12)
    data = InMemoryData.from_params(*random_csrs(4), params, validation=validation)
    return rating_model.make_trainer(data, params, 0, SCALE)


@pytest.mark.parametrize("trainer", [als_trainer, implicit_trainer])
def test_a_saved_training_resumes_to_the_same_bits(somewhere: Path, trainer: Any) -> None:
    saved = Checkpoint("search", "key")
    contents = []

    def on_epoch(state: TrainingState) -> None:
        saved.save(state)
        contents.append(saved.path.read_bytes())

    full = early_stopping.fit(trainer(), on_epoch)
    assert full.best_epoch < len(full.epochs), "some checkpoints lie after the best epoch"
    for number, content in enumerate(contents, 1):
        saved.path.write_bytes(content)
        state = saved.load(trainer())
        assert state is not None
        assert len(state.epochs) == number
        resumed = early_stopping.fit(trainer(), state=state)
        assert resumed.epochs == full.epochs
        assert (resumed.best_epoch, resumed.validation) == (full.best_epoch, full.validation)
        np.testing.assert_array_equal(resumed.model.item_factors, full.model.item_factors)
        np.testing.assert_array_equal(resumed.model.user_biases, full.model.user_biases)


def test_saved_samples_resume_to_the_same_bits_and_are_written_once(somewhere: Path) -> None:
    saved, n_files = Checkpoint("search", "key"), []

    def stop_and_resume(state: TrainingState) -> None:
        before = {path: path.stat().st_ino for path in somewhere.rglob("search-*")}
        saved.save(state)
        after = {path: path.stat().st_ino for path in somewhere.rglob("search-*")}
        assert before.items() <= after.items()
        n_files.append(len(after))
        full, resumed = (
            early_stopping.fit(gibbs_trainer(), state=start)
            for start in (state, saved.load(gibbs_trainer()))
        )
        assert (resumed.epochs, resumed.validation) == (full.epochs, full.validation)
        assert set(resumed.model.arrays) == set(full.model.arrays)
        for name, array in full.model.arrays.items():
            np.testing.assert_array_equal(resumed.model.arrays[name], array)

    early_stopping.fit(gibbs_trainer(), stop_and_resume)
    assert n_files == [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4]  # three to burn in, then every second


def test_samples_of_another_key_are_not_taken_and_go(somewhere: Path) -> None:
    old, other, kept = (Checkpoint(*names) for names in NAMES)
    sampled = early_stopping.fit(gibbs_trainer())
    old.save(sampled)
    (paths.CHECKPOINTS / ".search-old-9.safetensors.partial").touch()
    kept.save(sampled)
    other.save(early_stopping.fit(als_trainer()))
    files = {path.name for path in paths.CHECKPOINTS.glob("*search*")}
    assert files == {"search.safetensors"}
    assert len(list(paths.CHECKPOINTS.glob("refit-*"))) == 4
    kept.remove()
    assert not list(paths.CHECKPOINTS.glob("*refit*"))


NAMES = ("search", "old"), ("search", "other"), ("refit", "old")


def test_a_damaged_or_missing_file_is_named(somewhere: Path) -> None:
    saved = Checkpoint("search", "key")
    saved.save(early_stopping.fit(gibbs_trainer()))
    for path in (saved.sample_path(2), saved.path):
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(MovierecError) as caught:
            saved.load(gibbs_trainer())
        line = str(caught.value)
        assert line.startswith(f"{path}: incomplete (")
        assert line.endswith("; delete .checkpoints/*.safetensors and run dvc repro")
    saved.save(early_stopping.fit(gibbs_trainer()))
    saved.sample_path(2).unlink()
    with pytest.raises(MovierecError, match="incomplete"):
        saved.load(gibbs_trainer())


def test_another_key_is_not_resumed_and_none_is_none(somewhere: Path) -> None:
    saved = Checkpoint("search", "key")
    assert saved.load(als_trainer()) is None
    saved.save(early_stopping.fit(als_trainer()))
    assert Checkpoint("search", "other").load(als_trainer()) is None
    saved.remove()
    assert saved.load(als_trainer()) is None


def test_a_line_an_epoch_fits_a_terminal(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns, also at ml-25m's size; epochs that are not the best so far are dim."""
    lines: list[tuple[str, str]] = []

    def say(text: str, title: str, style: str) -> None:
        lines.append((f"{title:<10} {text}", style))

    monkeypatch.setattr(reporting, "say", say)
    describe = runpy.run_path(str(ROOT / "stages/train.py"))["describe"]
    state = early_stopping.fit(als_trainer())
    with search._reported("train", 100, None, describe, lambda: 0) as report:
        epochs = (
            als.RatingEpoch(1, 12_345_678.9, 0.81, 0.91, 1.0),
            als.RatingEpoch(2, 31_952.44, 0.8, 0.925, 1.0),
        )
        for number in (1, 2):
            report(replace(state, epochs=epochs[:number], best_epoch=1))
    assert lines == [
        ("train      epoch   1  objective 12,345,679  RMSE 0.8100 train, 0.9100 validation", ""),
        ("train      epoch   2  objective  31,952.4  RMSE 0.8000 train, 0.9250 validation", "dim"),
    ]
    assert max(len(text) for text, _ in lines) <= 80


def test_the_key_depends_on_settings_and_contents(somewhere: Path) -> None:
    path = somewhere / "data"
    path.write_text("a")
    keys = {checkpoint.make_key({"n": 1}, [path]), checkpoint.make_key({"n": 2}, [path])}
    path.write_text("b")
    keys.add(checkpoint.make_key({"n": 1}, [path]))
    assert len(keys) == 3


@pytest.mark.parametrize("stage", ["train", "implicit"])
def test_a_key_covers_the_code_that_training_depends_on_and_no_other(stage: str) -> None:
    """So a comment in the code of the CLI or of plots leaves checkpoints valid."""
    files = checkpoint.code_files(stage)
    assert ROOT / f"stages/{stage}.py" in files
    rooms = {
        path.relative_to(ROOT / "src/movierec").parts[0] for path in files if "src" in path.parts
    }
    assert rooms == {"core", "kernels", "data", "model", "metrics", "training"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has been split, ready to train for many short epochs."""
    folder = tmp_path_factory.mktemp("interrupted")
    write_zip(generate(20_000), folder / "mine.zip", name=FOLDERS["csv"])
    train = {"max_epochs": 150, "patience": 150, "min_improvement": 0.0, "n_factors": 24}
    write_params(folder, folder / "mine.zip", train=train)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for stage in ("download", "index", "split"):
            run_stage(stage)
        Path("data/split/test.parquet").unlink()  # training must not read it
    finally:
        os.chdir(before)
    return folder


def start_training(project: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "stages" / "train.py")],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "NUMBA_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def train(project: Path) -> tuple[str, bytes]:
    """Train to the end; returns the output and the model."""
    process = start_training(project)
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return said, (project / "models/model.safetensors").read_bytes()


def read_until(process: subprocess.Popen, text: str) -> None:
    assert process.stdout is not None
    assert any(text in line for line in process.stdout)


@pytest.fixture(scope="module")
def undisturbed(project: Path) -> bytes:
    said, model = train(project)
    assert "going on" not in said
    return model


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_a_killed_training_goes_on(
    project: Path, undisturbed: bytes, number: signal.Signals, status: int
) -> None:
    (project / "models/model.safetensors").unlink()
    process = start_training(project)
    read_until(process, "train      epoch   3 ")
    process.send_signal(number)
    said, _ = process.communicate()
    assert process.returncode == status
    assert ("the next dvc repro resumes" in said) == (number != signal.SIGKILL)
    assert not (project / "models/model.safetensors").exists()
    resumed, model = train(project)
    assert "train      resuming after epoch" in resumed
    assert model == undisturbed
    assert not list((project / ".checkpoints").glob("*.safetensors"))


def test_a_training_killed_in_its_refit_goes_on(project: Path, undisturbed: bytes) -> None:
    process = start_training(project)
    read_until(process, "refit      epoch   1 ")
    process.kill()
    process.communicate()
    resumed, model = train(project)
    assert "epoch   1 " not in resumed.partition("refit")[0], "the search was not repeated"
    assert model == undisturbed


def test_a_second_training_says_who_holds_the_lock(project: Path, undisturbed: bytes) -> None:
    first = start_training(project)
    read_until(first, "epoch   1 ")
    os.kill(first.pid, signal.SIGSTOP)
    second = start_training(project)
    said, _ = second.communicate()
    assert second.returncode == 1
    assert f"as process {first.pid}" in said
    os.kill(first.pid, signal.SIGCONT)
    first.communicate()
    assert first.returncode == 0
    assert (project / "models/model.safetensors").read_bytes() == undisturbed


def test_a_fit_leaves_alone_what_another_of_like_name_keeps(tmp_path, monkeypatch):
    """Names may contain each other, such as search and implicit_search."""
    monkeypatch.chdir(tmp_path)
    others = [Checkpoint(f"implicit_{name}", "key").folder for name in ("search", "refit")]
    for folder in others:
        folder.mkdir(parents=True)
    for name in ("search", "refit"):
        saved = Checkpoint(name, "key")
        saved.folder.mkdir()
        saved.remove()
        assert not saved.folder.exists()
    assert all(folder.exists() for folder in others)
