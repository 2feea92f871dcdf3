"""Commands about data sets: dataset add."""

from __future__ import annotations

from pathlib import Path

import click

from movierec.cli.project import Location, ProjectCommand
from movierec.cli.values import SCALE, WORDS
from movierec.core import console
from movierec.core.errors import MovierecError

DATA_SETS = Path("datasets.yaml")
SEPARATORS = {",": ",", ";": ";", "|": "|", "tab": "\t"}


@click.group(short_help="Add your own ratings as a data set.")
def dataset() -> None:
    """Add your own ratings to datasets.yaml, so that you can train on them."""


@dataset.command(cls=ProjectCommand, short_help="Add a file of ratings to datasets.yaml.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", type=WORDS, help="Name of the data set. Default: the file's name.")
@click.option(
    "--scale",
    type=SCALE,
    metavar="MIN-MAX",
    help="Lowest and highest possible rating, such as 0.5-5. Default: guessed from the file.",
)
@click.option(
    "--column",
    "columns",
    type=WORDS,
    multiple=True,
    metavar="OURS=NAME",
    help="The file's name for user_id, movie_id, rating or timestamp, such as user_id=member."
    " timestamp= ignores times. Repeatable.",
)
@click.option(
    "--separator",
    type=click.Choice([*SEPARATORS]),
    metavar="TEXT",
    help="What separates the fields of a CSV: a comma, ;, | or the word tab. Default: found in the"
    " file.",
)
@click.option("--licence", type=WORDS, default="your own", help="One line for the model card.")
@click.option("--replace", is_flag=True, help="Replace the data set of this name.")
@click.pass_obj
def add(
    location: Location,
    file: Path,
    name: str | None,
    scale: tuple[float, float] | None,
    columns: tuple[str, ...],
    separator: str | None,
    licence: str,
    replace: bool,
) -> None:
    """Add FILE to datasets.yaml, with its sha256, so that you can train on it.

    FILE is a CSV or Parquet file with a row for each rating, a zip with the files of a MovieLens
    archive, or a folder with the files of a split: train, test and perhaps validation. Prints what
    was found in it and what was assumed.

    \b
    Examples:
      movierec dataset add own.csv
      movierec dataset add own.csv --scale 1-10 --column user_id=member
      movierec dataset add fold-0/ --name fold-0
    """
    from movierec.datasets import data_set_file, recognition

    path = location.named(file.expanduser())
    name = data_set_file.name_for(path) if name is None else name
    found = recognition.describe(
        path,
        licence,
        scale,
        dict(map(_column, columns)),
        SEPARATORS[separator] if separator else None,
    )
    data_set_file.add(DATA_SETS, name, found.block, replace)
    console.lines(f"added {name} to {location.seen(DATA_SETS)}")
    for label, text in found.texts.items():
        console.lines(f"  {label:<9} {text}")
    as_split = " -S split.protocol=given" if "parts" in found.block else ""
    console.lines(f"next: dvc exp run -S dataset={name}{as_split}")


def _column(text: str) -> tuple[str, str | None]:
    column, _, name = text.partition("=")
    if column not in ("user_id", "movie_id", "rating", "timestamp") or not (
        name or text == "timestamp="
    ):
        raise MovierecError(
            f"--column {text}: should be user_id, movie_id, rating or timestamp, =, and the file's"
            " name for it"
        )
    return column, name or None
