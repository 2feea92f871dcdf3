"""A clone of the project in a temporary folder, to run the real pipeline in."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import ROOT, copy_project

__all__ = ["ROOT", "Workspace", "make_workspace"]


@dataclass(frozen=True)
class Workspace:
    path: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
        return kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
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
        """Run a command here and return all that it printed; it must succeed, or must fail."""
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
        return done.stdout

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "--allow-empty", "-m", message)


def make_workspace(path: Path) -> Workspace:
    """Copy the project, the uncommitted state included, and commit it."""
    copy_project(path)
    workspace = Workspace(path)
    workspace.run("git", "init", "-q", "-b", "main")
    workspace.commit("first")
    return workspace
