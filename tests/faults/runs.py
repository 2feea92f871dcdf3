"""A pipeline on small data that can be disturbed and compared with an undisturbed run."""

from __future__ import annotations

import hashlib
import json
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from _pytest.mark import ParameterSet

from benchmarks.generate import generate, write_zip
from tests.helpers.clone import STAGES, Workspace, make_workspace, stages_run

OUTS = ("data", "models", "exports", "metrics", "plots")
CURVES = ("plots/train/training.csv", "plots/implicit/implicit.csv")
TRAIN = {"n_factors": 16, "max_epochs": 40, "patience": 40}
# What DVC leaves beside an output when it is killed, or finds no room, while it makes a copy.
DVC_LEAVES = re.compile(r"\.[\w-]{22}\.tmp")  # secrets.token_urlsafe(16)


def write_archive(path: Path, seed: int = 0) -> str:
    """A zip of generated ratings in the csv layout; returns its sha256."""
    write_zip(generate(10_000, seed), path, name="mine")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def every_stage(*in_ci: str) -> list[ParameterSet]:
    """All stages as parameters of a test; `.ci/run` uses only these."""
    marks = {stage: () if stage in in_ci else pytest.mark.thorough for stage in STAGES}
    return [pytest.param(stage, marks=marks[stage]) for stage in STAGES]


@dataclass
class Run:
    """A workspace in which the pipeline ran undisturbed, with its results and durations."""

    workspace: Workspace
    files: dict[str, str] = field(default_factory=dict)
    curves: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.workspace.path

    def copied(self, folder: Path) -> Run:
        """A copy in another folder, with its own cache of archives."""
        return replace(self, workspace=self.workspace.copied(folder))

    def found(self, folder: Path | None = None) -> dict[str, str]:
        """The hash of each existing output, including hidden files, and of dvc.lock."""
        folder = folder or self.path
        paths = [path for name in OUTS for path in sorted((folder / name).rglob("*"))]
        contents = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in paths
            if path.is_file() and path.name != ".gitignore" and not DVC_LEAVES.fullmatch(path.name)
        }
        if (folder / "dvc.lock").exists():  # the order of its stages may differ
            contents["dvc.lock"] = json.dumps(lock_in(folder), sort_keys=True).encode()
        return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}

    def assert_whole(self, folder: Path | None = None) -> None:
        """Check that existing outputs are complete; curves consist of complete lines."""
        folder = folder or self.path
        visible = {name: found for name, found in self.found(folder).items() if "/." not in name}
        for name in visible.keys() - {"dvc.lock", *CURVES}:
            assert visible[name] == self.files[name], f"{name} looks whole and is not"
        for name in visible.keys() & set(CURVES):
            curve = (folder / name).read_text("utf-8")
            assert self.curves[name].startswith(curve)
            assert curve.endswith("\n")

    def outs_of(
        self, stage: str, kinds: Sequence[str] = ("outs", "metrics", "plots")
    ) -> list[Path]:
        """The outputs of a stage; DVC can restore those of the kind `outs`."""
        entry = yaml.safe_load((self.path / "dvc.yaml").read_text("utf-8"))["stages"][stage]
        outs = [out for kind in kinds for out in entry.get(kind, [])]
        return [self.path / (out if isinstance(out, str) else next(iter(out))) for out in outs]

    def delete(self, *paths: Path) -> None:
        for path in paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def forget(self, stage: str, keep_outputs: bool) -> None:
        """Reset a stage to where it has never run, although later stages have."""
        lock = lock_in(self.path)
        for out in lock["stages"].pop(stage)["outs"]:
            self._drop_from_cache(out["md5"])
        (self.path / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False), "utf-8")
        shutil.rmtree(self.path / ".dvc/cache/runs", ignore_errors=True)
        shutil.rmtree(self.path.parent / "cache", ignore_errors=True)
        if not keep_outputs:
            self.delete(*self.outs_of(stage))

    def _drop_from_cache(self, md5: str) -> None:
        path = self.path / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
        if path.exists():
            for entry in json.loads(path.read_text("utf-8")) if path.suffix == ".dir" else []:
                self._drop_from_cache(entry["md5"])
            path.unlink()

    def start(self) -> subprocess.Popen:
        """dvc repro, in a process group of its own."""
        return subprocess.Popen(
            ["dvc", "repro"],
            cwd=self.path,
            env=self.workspace.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def by_hand(
        self, stage: str, *through: str, limit: int = resource.RLIM_INFINITY
    ) -> subprocess.CompletedProcess[str]:
        """Run a stage without DVC, through a command; no file may grow beyond a limit in bytes."""
        return subprocess.run(
            [*through, "python", f"stages/{stage}.py"],
            cwd=self.path,
            env=self.workspace.environment | {"PYTHONPATH": "src"},
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )

    def refusal(self, stage: str, *through: str, limit: int = resource.RLIM_INFINITY) -> str:
        """The error line of a stage that cannot write; its outputs must stay complete."""
        done = self.by_hand(stage, *through, limit=limit)
        assert done.returncode == 1, done.stdout + done.stderr
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1, done.stderr
        self.assert_whole()
        assert not [name for name in self.found() if "partial" in name]
        return done.stderr.strip()

    def repro(self) -> str:
        return self.workspace.run("dvc", "repro")

    def repair_locks(self) -> None:
        """Follow docs/troubleshooting.md for a dvc that was killed while it wrote a lock."""
        lock = self.path / ".dvc/tmp/rwlock"
        try:
            json.loads(lock.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            lock.unlink(missing_ok=True)
        (self.path / ".git/index.lock").unlink(missing_ok=True)
        try:
            whole = lock_in(self.path).keys() >= {"schema", "stages"}
        except (yaml.YAMLError, AttributeError):
            whole = False
        if not whole:
            self.workspace.run("git", "checkout", "-q", "dvc.lock")

    def processes(self) -> list[psutil.Process]:
        """The processes that still run in this workspace."""
        return [process for process in psutil.process_iter() if _works_in(process, self.path)]


def lock_in(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "dvc.lock").read_text("utf-8"))


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(folder)
    except psutil.Error:
        return False


def stages_of(process: subprocess.Popen) -> Iterator[str]:
    """Yield the stages of a run as they begin."""
    assert process.stdout is not None
    for line in process.stdout:
        yield from stages_run(line)


def prepare(folder: Path, source: dict[str, object]) -> Run:
    """A workspace with the data set `local` from this source, the pipeline run twice in it."""
    run = Run(make_workspace(folder / "clone"))
    params = yaml.safe_load((run.path / "params.yaml").read_text("utf-8"))
    shared = {"layout": "csv", "folder": "mine", "rating_min": 0.5, "rating_max": 5.0}
    shared["licence"] = "none"
    other = {"source": "path", "path": str(folder / "second.zip")}
    other["sha256"] = write_archive(folder / "second.zip", seed=1)
    datasets = {"local": source | shared, "second": other | shared}
    (run.path / "datasets.yaml").write_text(yaml.safe_dump(datasets, sort_keys=False), "utf-8")
    params["train"] |= TRAIN
    params["recommend"]["min_ratings"] = 1
    params["dataset"] = "local"
    (run.path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), "utf-8")
    run.repro()  # compiles the kernels
    run.files = run.found()
    run.curves = {name: (run.path / name).read_text("utf-8") for name in CURVES}
    shutil.rmtree(run.path / ".dvc/cache")
    (run.path / "dvc.lock").unlink()
    begun = {}
    process = run.start()
    for stage in stages_of(process):
        begun[stage] = time.monotonic()
    assert process.wait() == 0
    ends = [*list(begun.values())[1:], time.monotonic()]
    run.seconds = {stage: end - begun[stage] for stage, end in zip(begun, ends, strict=True)}
    assert tuple(run.seconds) == STAGES
    assert run.found() == run.files
    return run
