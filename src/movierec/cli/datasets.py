"""Commands about data sets: dataset add."""

from __future__ import annotations

import re
from pathlib import Path

import click

from movierec.cli.project import Location, ProjectCommand
from movierec.core.errors import MovierecError

DATA_SETS = Path("datasets.yaml")
SEPARATORS = {",": ",", ";": ";", "|": "|", "tab": "\t"}


@click.group(short_help="Train on your own ratings.")
def dataset() -> None:
    """Describe files of ratings in datasets.yaml."""


@dataset.command(cls=ProjectCommand, short_help="Add a file of ratings to datasets.yaml.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the data set. Default: the file's name.")
@click.option("--scale", help="Lowest and highest possible rating, such as 0.5-5.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=NAME",
    help="Name of a column in the file, such as user_id=member; repeatable.",
)
@click.option("--separator", help="Between the fields of a CSV: , ; | or tab.")
@click.option("--licence", default="your own", help="One line for the model card.")
@click.option("--replace", is_flag=True, help="Replace a data set of this name.")
@click.pass_obj
def add(
    location: Location,
    file: Path,
    name: str | None,
    scale: str | None,
    columns: tuple[str, ...],
    separator: str | None,
    licence: str,
    replace: bool,
) -> None:
    """Add FILE to datasets.yaml, with its sha256, so that you can train on it.

    FILE is a CSV or Parquet file with a row for each rating, or a zip with the files of a
    MovieLens archive. Its columns, separator and scale are found in it, as far as they are clear.

    \b
    Examples:
      movierec dataset add own.csv
      movierec dataset add own.csv --scale 1-10 --column user_id=member
    """
    from movierec.datasets import data_set_file, recognition

    path = location.named(file.expanduser())
    name = data_set_file.name_for(path) if name is None else name
    found = recognition.describe(
        path,
        licence,
        _scale(scale) if scale else None,
        dict(map(_column, columns)),
        _separator(separator) if separator else None,
    )
    data_set_file.add(DATA_SETS, name, found.block, replace)
    click.echo(f"added {name} to {location.seen(DATA_SETS)}")
    for label, text in found.texts.items():
        click.echo(f"  {label:<9} {text}")
    click.echo(f"next: dvc exp run -S dataset={name}")


def _scale(text: str) -> tuple[float, float]:
    number = r"-?\d{1,9}(?:\.\d{1,9})?"
    match = re.fullmatch(rf"\s*({number})\s*(?:-|to|:|,)\s*({number})\s*", text)
    if not match or float(match[1]) >= float(match[2]):
        raise MovierecError(
            f"--scale {text}: should be the lowest and the highest rating, such as 0.5-5"
        )
    return float(match[1]), float(match[2])


def _separator(text: str) -> str:
    if text not in SEPARATORS:
        raise MovierecError(f"--separator {text}: should be {', '.join(SEPARATORS)}")
    return SEPARATORS[text]


def _column(text: str) -> tuple[str, str]:
    column, _, name = text.partition("=")
    if column not in ("user_id", "movie_id", "rating", "timestamp") or not name:
        raise MovierecError(
            f"--column {text}: should be user_id, movie_id, rating or timestamp, =, and the file's"
            " name for it"
        )
    return column, name
