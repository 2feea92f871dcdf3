"""Options of commands that list movies, and the files that they name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from movierec.cli.values import SHARE, WORDS, YEARS, Number
from movierec.core import console
from movierec.serving import lists
from movierec.serving.lists import ListOptions

if TYPE_CHECKING:
    from movierec.serving.own_ratings import ListedMovies
    from movierec.serving.workspace import Project

FILE = click.Path(path_type=Path)


def options(*decorators: Callable[..., Any]) -> Callable[..., Any]:
    """Several options as one decorator, in this order in the help."""
    return lambda command: reduce(lambda inner, add: add(inner), reversed(decorators), command)


output = options(
    click.option(
        "-n",
        "n",
        default=10,
        show_default=True,
        type=Number(1),
        metavar="N",
        help="Number of movies.",
    ),
    click.option(
        "--json", "form", flag_value="json", help="Print JSON, with titles as in MovieLens."
    ),
    click.option(
        "--csv",
        "form",
        flag_value="csv",
        help="Print CSV, with titles as in MovieLens.",
    ),
)
filters = options(
    click.option(
        "--genre",
        multiple=True,
        type=WORDS,
        metavar="GENRE",
        help="Only movies of this genre. Repeat it to allow several genres.",
    ),
    click.option(
        "--not-genre",
        multiple=True,
        type=WORDS,
        metavar="GENRE",
        help="No movies of this genre. Repeat it to exclude several genres.",
    ),
    click.option(
        "--year",
        type=YEARS,
        metavar="YEARS",
        help="Only movies from these years: 1994, 1990-1999, 1990- (or later), -1999 (or earlier)"
        " or 1990s.",
    ),
    click.option(
        "--known",
        is_flag=False,
        flag_value=lists.KNOWN,
        type=SHARE,
        metavar="[SHARE]",
        help="Only well-known movies: the most rated ones, which together have this SHARE of all"
        f" ratings, from 0 to 1; without it, {lists.KNOWN}.",
    ),
    click.option(
        "--obscure",
        is_flag=False,
        flag_value=lists.OBSCURE,
        type=SHARE,
        metavar="[SHARE]",
        help="Only little-known movies: the least rated ones, which together have at most this"
        f" SHARE of all ratings; without it, {lists.OBSCURE}.",
    ),
    click.option(
        "--min-ratings",
        type=Number(0),
        metavar="N",
        help="Only movies with at least N ratings. Default: recommend.min_ratings in params.yaml.",
    ),
    click.option(
        "--only",
        multiple=True,
        type=FILE,
        metavar="FILE",
        help="Only movies in this file: a watchlist or list of Letterboxd, IMDb, Trakt, …, or a"
        " title or movie ID on each line. Repeat it to allow several files.",
    ),
    click.option(
        "--not",
        "not_",
        multiple=True,
        type=FILE,
        metavar="FILE",
        help="No movies in this file, such as those you have seen. Repeatable.",
    ),
)


def list_options(
    project: Project,
    folder: Path,
    only: tuple[Path, ...] = (),
    not_: tuple[Path, ...] = (),
    **listing: Any,
) -> ListOptions:
    """The options, with the files read, whose paths are relative to a folder."""

    def read(path: Path, member: str) -> ListedMovies:
        from movierec.serving import own_ratings

        with contextlib.chdir(folder):
            movies = own_ratings.read_list(path, project.movies, member)
        console.notes(*movies.notes)
        return movies

    return ListOptions(
        only=tuple(read(path, lists.ONLY) for path in only),
        not_=tuple(read(path, lists.NOT) for path in not_),
        **listing,
    )
