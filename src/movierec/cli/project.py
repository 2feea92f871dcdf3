"""The project of a command: the one set by --project, or the nearest from this folder upwards.

The library's paths are relative to the project, so commands run inside its folder. Paths that the
user types are relative to the folder that the user is in.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from movierec.core.errors import MovierecError
from movierec.core.paths import PROJECT_FILES, expand, find_project, is_project

FILES = " and ".join(PROJECT_FILES)
SET = "--project or MOVIEREC_PROJECT"


@dataclass(frozen=True)
class Location:
    """root: the project's folder, as seen from `user`, the folder that the user is in.

    is_typed: whether the command line has --project.
    """

    root: Path
    user: Path
    is_typed: bool

    def seen(self, path: Path) -> Path:
        """The path of a file of the project for the user, who may be elsewhere."""
        return self.root / path

    def named(self, path: Path) -> Path:
        """A file that the user named: relative to the project if inside it, else absolute.

        Links are not followed: an output may be one into DVC's cache.
        """
        file, folder = (Path(os.path.normpath(self.user / part)) for part in (path, self.root))
        return file.relative_to(folder) if file.is_relative_to(folder) else file


def find(named: Path | None) -> Path | None:
    """The given folder, else the nearest project from this folder upwards, or None.

    Raises MovierecError if the given folder is not a project.
    """
    if named is not None:
        named = expand(named)
        if not is_project(named):
            raise MovierecError(
                f"{named}: not a movierec project (a folder with {FILES}); set {SET} to one"
            )
        return named
    here = Path.cwd()
    root = find_project(here)
    return root and Path(*[".."] * (len(here.parts) - len(root.parts)))


@contextlib.contextmanager
def entered(context: click.Context, is_needed: bool = True) -> Iterator[Location]:
    """Work in the project's folder, and return to where the user was.

    Raises MovierecError if there is no project, unless it is not needed: then stay here.
    """
    group, user = context.find_root(), Path.cwd()
    root = find(group.params["project"])
    if root is None and is_needed:
        raise MovierecError(
            f"{user}: no movierec project (a folder with {FILES}) here or above; go"
            f" to one, or set {SET} to one"
        )
    is_typed = group.get_parameter_source("project") is ParameterSource.COMMANDLINE
    location = Location(root or Path(), user, is_typed)
    with contextlib.chdir(location.root):
        try:
            yield location
        except MovierecError as error:
            if location.root == Path() or "dvc" not in str(error):
                raise
            # The command that the line gives has to run there.
            raise MovierecError(f"{error} (project: {location.root})", error.details) from error


class ProjectCommand(click.Command):
    """A command that runs inside the project's folder; `--help` works anywhere."""

    def invoke(self, context: click.Context) -> Any:
        with entered(context) as context.obj:
            return super().invoke(context)
