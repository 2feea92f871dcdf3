"""A clone of the project in a temporary folder, to run the real pipeline in."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import ROOT, copy_project
from movierec.kernels.compilation import COMPILING

STAGES = (
    "download", "index", "split", "train", "implicit", "item_regression", "evaluate", "recommend",
    "export", "draw",
)  # fmt: skip
__all__ = ["ROOT", "STAGES", "Workspace", "make_once", "make_workspace", "stages_run"]


@dataclass(frozen=True)
class Workspace:
    path: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
        return kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": sys.prefix,
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.path.parent / "site_cache"),
            "MOVIEREC_CACHE": str(self.path.parent / "cache"),
            "GIT_AUTHOR_NAME": "test",
            "GIT_AUTHOR_EMAIL": "test@example.org",
            "GIT_COMMITTER_NAME": "test",
            "GIT_COMMITTER_EMAIL": "test@example.org",
            "NUMBA_NUM_THREADS": "1",  # see conftest.py
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }

    def run(self, *command: str, fails: bool = False, **environment: str) -> str:
        """Run a command here and return its output; it must succeed, or fail, as expected.

        The line about compiling kernels is removed, because it depends on earlier tests.
        """
        done = subprocess.run(
            command,
            cwd=self.path,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout.replace(f"{COMPILING}\n", "")

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "--allow-empty", "-m", message)

    def committed_errors(self) -> dict[str, float]:
        """The errors on test at the last commit."""
        errors = json.loads(self.run("git", "show", "HEAD:metrics/test.json"))
        assert isinstance(errors, dict)
        return errors

    def copied(self, folder: Path) -> "Workspace":
        """A copy of a workspace in another folder, with its own cache of archives."""
        for path in (self.path, self.path.parent / "cache"):
            shutil.copytree(path, folder / path.name, symlinks=True)
        return Workspace(folder / self.path.name)


def stages_run(output: str) -> list[str]:
    """The stages that dvc repro or dvc exp run says it ran, in order."""
    return re.findall(r"Running stage '(\w+)'", output)


def make_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """A folder that the first process of pytest-xdist fills, and the others read."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            make(folder)
            (folder / "complete").touch()
    return folder


def make_workspace(path: Path) -> Workspace:
    """Copy the project, including uncommitted changes, and commit it."""
    copy_project(path)
    workspace = Workspace(path)
    workspace.run("git", "init", "-q", "-b", "main")
    workspace.commit("first")
    return workspace
