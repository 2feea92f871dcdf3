"""`movierec`: recommendations for one person, out of the model that the pipeline trained.

Libraries that are slow to load are imported by the commands that need them.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from movierec import errors
from movierec.errors import MovierecError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from movierec.compare_runs import Difference
    from movierec.model import Model
    from movierec.params import Params
    from movierec.sparse import Array

Rows = list[dict[str, Any]]
WIDE = 10_000  # columns, for tables that no terminal shows


def main() -> None:
    """The entry point: errors end in one line and status 1."""
    errors.run(cli)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="movierec")
def cli() -> None:
    """Recommend films with the model in models/, trained by `dvc repro`.

    Run it in the project's folder.
    """


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every command that prints a table takes."""
    for option in (
        click.option("--csv", "form", flag_value="csv", help="Print CSV, for programs."),
        click.option("--json", "form", flag_value="json", help="Print JSON, for programs."),
        click.option(
            "-n", "n", default=10, show_default=True, type=click.IntRange(1), help="How many."
        ),
    ):
        command = option(command)
    return command


@cli.command()
@click.option("--user-id", "--user_id", help="A user of the data set, by its own id.")
@click.option(
    "--like",
    multiple=True,
    metavar="TITLE[=RATING]",
    help="A film that a new person likes, best of ratings unless given. May be repeated.",
)
@click.option("--min-ratings", type=click.IntRange(0), help="Leave out films with fewer ratings.")
@output_options
def recommend(
    user_id: str | None, like: tuple[str, ...], min_ratings: int | None, n: int, form: str | None
) -> None:
    """Films for a user of the data set, or for a new person who likes some.

    \b
    movierec recommend --user-id 196
    movierec recommend --like "Star Wars" --like "Toy Story=4.5"
    """
    if (user_id is None) == (not like):
        raise MovierecError("give either --user-id ID or --like TITLE[=RATING]")
    of_user = () if user_id is None else ("users.parquet", "ratings_by_user.parquet")
    params, model, items = _project(*of_user)
    data = params.data
    if user_id is not None:
        user_index, seen = _user(user_id)
        factors, bias = model.user_factors[user_index], float(model.user_biases[user_index])
        about = f"For user {user_id}, who rated {len(seen):,} films"
    else:
        seen, ratings = _liked(like, items, data.rating_min, data.rating_max)
        from movierec import als, model_file

        factors, bias = als.fold_in(model, seen, ratings, model_file.trained_with(model))
        given = zip(items["title"].iloc[seen], ratings, strict=True)
        about = "For whoever rates " + ", ".join(f"{title} {stars:g}" for title, stars in given)
    predicted = model.global_mean + bias + model.item_biases + model.item_factors @ factors
    floor = params.recommend.min_ratings if min_ratings is None else min_ratings
    predicted[items["n_ratings"].to_numpy() < floor] = -float("inf")
    predicted[seen] = -float("inf")
    best = (-predicted).argsort(kind="stable")[:n]
    best = best[predicted[best] > -float("inf")]
    clipped = predicted.clip(data.rating_min, data.rating_max)
    _print(_rows(items, best, {"predicted_rating": clipped[best]}), form, about)


@cli.command()
@click.argument("title")
@output_options
def similar(title: str, n: int, form: str | None) -> None:
    """Films whose factors are most like one film's."""
    from movierec import recommend
    from movierec.titles import Catalogue

    params, model, items = _project()
    item = Catalogue(items["title"].tolist()).find(title)
    eligible = items["n_ratings"].to_numpy() >= params.recommend.min_ratings
    found, cosines = recommend.similar_items(model, item, n, eligible)
    name = items["title"].iloc[item]
    if not len(found):
        raise MovierecError(f"{name}: nobody rated it, or the model has no factors")
    _print(_rows(items, found, {"similarity": cosines}), form, f"Most like {name}")


@cli.command()
@click.argument("query")
@output_options
def search(query: str, n: int, form: str | None) -> None:
    """Films by the words of their titles, the most rated first."""
    from movierec import artifacts
    from movierec.titles import Catalogue

    items = artifacts.read_items()
    catalogue = Catalogue(items["title"].tolist())
    found = catalogue.search(query) or catalogue.similar(query)
    if not found:
        raise MovierecError(f"no film has a title like {query!r}; try fewer words")
    _print(_rows(items, found[:n], {}), form)


@cli.command()
def summary() -> None:
    """The result of the last run: test RMSE beside the baselines, and where the lists are."""
    from movierec import reports

    reports.summary()


@cli.command()
@click.argument("path", type=click.Path(path_type=Path), default="exports/recommendations.parquet")
def provenance(path: Path) -> None:
    """What made an output, stage by stage, and whether the project here still matches it.

    \b
    movierec provenance
    movierec provenance models/model.npz
    """
    from movierec import provenance

    links = provenance.trace(path)
    console = _console()
    for line in (f"{path}", "", *provenance.lines(links, console.width)):
        console.print(line, style="red" if "✗" in line else None, markup=False, soft_wrap=True)
    console.print(provenance.verdict(links), markup=False, soft_wrap=True)
    if any(link.differences for link in links):
        sys.exit(1)


@cli.command()
@click.argument("a", default="HEAD")
@click.argument("b", default="workspace")
@click.option("--json", "form", flag_value="json", help="Print JSON, for programs.")
def compare_runs(a: str, b: str, form: str | None) -> None:
    """Whether run B is better than run A by more than chance.

    A run is a Git revision, the name of an experiment, or "workspace". Both must have been judged
    on the same test ratings. Intervals (95 %) are bootstrapped over users; p is of a paired t-test.

    \b
    movierec compare-runs
    movierec compare-runs HEAD my-experiment
    """
    from dataclasses import asdict

    from movierec import compare_runs, reports

    found = compare_runs.compare(compare_runs.read_run(a), compare_runs.read_run(b))
    if form:
        rows = [asdict(each) | {"verdict": each.verdict} for each in found]
        click.echo(json.dumps(reports.rounded({"runs": [a, b], "metrics": rows}), indent=2))
    else:
        _console().print(_differences(found, a, b))


def _differences(found: list[Difference], a: str, b: str) -> Table:
    """A line a metric, B's difference to A last."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("", a, b, "difference", "95 % interval", "p", f"{b} is"):
        table.add_column(Text(title), justify="right" if title else "left", no_wrap=True)
    for each in found:
        interval = f"{each.low:+.4f} to {each.high:+.4f}"
        p = "< 0.001" if each.p_value < 0.001 else f"{each.p_value:.3f}"
        numbers = f"{each.a:.4f}", f"{each.b:.4f}", f"{each.b - each.a:+.4f}"
        table.add_row(each.metric, *numbers, interval, p, each.verdict)
    return table


def _project(*names: str) -> tuple[Params, Model, pd.DataFrame]:
    """The params, model and movies in this folder, known to belong together, as do the files of
    these names in the index."""
    from movierec import artifacts, model_file, outputs
    from movierec.params import load_params

    params, model = load_params(), model_file.read_model()
    manifest = outputs.read_manifest(outputs.INDEX, params.dataset)
    outputs.check_same_origin(model.manifest, manifest, outputs.MODEL)
    outputs.check_files(outputs.INDEX, manifest, "index", "items.parquet", *names)
    return params, model, artifacts.read_items()


def _user(user_id: str) -> tuple[int, Array]:
    from movierec import artifacts

    users = artifacts.read_users()
    ids = users["user_id"]
    found = (ids.astype(str) == user_id).to_numpy().nonzero()[0]
    if not len(found):
        raise MovierecError(
            f"no user {user_id} in the data: {len(ids):,} users, with ids from {ids.min()} to"
            f" {ids.max()}"
        )
    return int(found[0]), artifacts.read_seen(int(found[0]))


def _liked(
    like: tuple[str, ...], items: pd.DataFrame, low: float, high: float
) -> tuple[Array, Array]:
    """Item indices and ratings out of TITLE[=RATING]; a film named twice counts as last said."""
    import numpy as np

    from movierec.titles import Catalogue

    catalogue = Catalogue(items["title"].tolist())
    ratings = {}
    for text in like:
        title, given = _title_and_rating(text)
        rating = high if given is None else given
        if not low <= rating <= high:
            raise MovierecError(f"--like {text!r}: a rating is from {low:g} to {high:g}")
        ratings[catalogue.find(title)] = rating
    return np.array(list(ratings), np.int32), np.array(list(ratings.values()), np.float32)


def _title_and_rating(text: str) -> tuple[str, float | None]:
    title, equals, number = text.rpartition("=")
    try:
        return (title, float(number)) if equals else (text, None)
    except ValueError:
        return text, None


def _rows(items: pd.DataFrame, chosen: Any, columns: dict[str, Any]) -> Rows:
    ids = items["movie_id"].iloc[chosen].tolist()
    return [
        {
            "rank": rank,
            "movie_id": movie_id,
            "title": str(items["title"].iloc[item]),
            "genres": "|".join(items["genres"].iloc[item]),
            "n_ratings": int(items["n_ratings"].iloc[item]),
            **{name: round(float(values[rank - 1]), 4) for name, values in columns.items()},
        }
        for rank, (item, movie_id) in enumerate(zip(chosen, ids, strict=True), 1)
    ]


def _print(rows: Rows, form: str | None, about: str | None = None) -> None:
    """Print rows as asked for; the table, for people, says what it is about."""
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, rows[0] if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    elif not rows:
        click.echo("nothing left to recommend: lower --min-ratings")
    else:
        console = _console()
        if about:
            console.print(about, markup=False)
        console.print(_table(rows, console.width))


def _console() -> Console:
    """As wide as the terminal; elsewhere so wide that nothing wraps."""
    from rich.console import Console

    is_sized = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_sized else WIDE, highlight=False)


def _table(rows: Rows, width: int) -> Table:
    """One line a film, where its title allows; what does not fit is cut off the genres."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells = {name: [_cell(row[name]) for row in rows] for name in rows[0] if name != "movie_id"}
    headers = {name: name.replace("predicted_", "predicted\n") for name in cells}
    numeric = {name: not isinstance(rows[0][name], str) for name in cells}
    taken = sum(2 + max(map(len, headers[name].split("\n"))) for name in cells if numeric[name])
    longest = max(len(title) for title in cells["title"])
    for_genres = max(1, width - taken - min(longest, (width - taken) * 2 // 3) - 2)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name, header in headers.items():
        table.add_column(
            header,
            justify="right" if numeric[name] else "left",
            no_wrap=numeric[name] or name == "genres",
            max_width=for_genres if name == "genres" else None,
        )
    for row in zip(*cells.values(), strict=True):
        table.add_row(*(Text(cell) for cell in row))
    return table


def _cell(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value).replace("|", ", ")
