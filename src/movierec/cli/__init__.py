"""`movierec`: recommendations for one user, from the models that the pipeline trained.

May import every other room. Libraries that are slow to load are imported by the commands that need
them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from movierec.cli import datasets, movies, project, runs
from movierec.core import console, program


def main() -> None:
    """The entry point: errors end in one line, and status 1, or 2 for a wrong command line."""
    program.run_command(cli, "movierec")


@click.group(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda name: name.replace("_", "-"),  # --user_id is --user-id
    },
    invoke_without_command=True,
)
@click.version_option(package_name="movierec")
@click.option(
    "--project",
    type=click.Path(path_type=Path),
    metavar="DIR",
    envvar="MOVIEREC_PROJECT",
    show_envvar=True,
    help="Project folder. Default: this folder, or the nearest one above it with a project.",
)
@click.pass_context
def cli(context: click.Context, **_: Path | None) -> None:
    """Recommend movies with the models in models/, which `dvc repro` trains.

    Without a command, start an interactive session: rate a few movies, get recommendations.
    """
    if context.invoked_subcommand is None:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            console.lines(*context.get_help().split("\n"))
            return
        from movierec.cli import interactive

        with project.entered(context):
            interactive.run()


for command in (
    movies.recommend,
    movies.similar,
    movies.search,
    runs.summary,
    runs.report,
    runs.compare_runs,
    runs.provenance,
    datasets.dataset,
):
    cli.add_command(command)
