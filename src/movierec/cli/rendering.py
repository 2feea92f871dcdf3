"""Movies as rows, and rows as a table for people, CSV or JSON for programs."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from movierec.data.titles import display_title

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from movierec.serving.catalogue import Catalogue

Rows = list[dict[str, Any]]
WIDE = 10_000  # columns, for tables that no terminal shows
N_REASONS = 3  # ratings of the user listed under a recommended movie


def rows_of(movies: Catalogue, items: Iterable[int], **columns: Any) -> Rows:
    """A row for each movie in this order, with its title as in MovieLens and rounded numbers."""
    return [
        {
            "rank": rank,
            "movie_id": movies.movie_ids[item],
            "title": movies.titles[item],
            "genres": "|".join(movies.genres(item)),
            "n_ratings": int(movies.n_ratings[item]),
            **{name: round(float(values[rank - 1]), 4) for name, values in columns.items()},
        }
        for rank, item in enumerate(items, 1)
    ]


def show(
    rows: Rows,
    form: str | None,
    about: str = "",
    empty: str = "no movies found; lower --min-ratings or remove filters",
) -> None:
    """Print rows as JSON, as CSV, or as a table below the line `about`.

    JSON and CSV have titles as in MovieLens, for programs.
    """
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, rows[0] if rows else [], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            if "because" in row:
                reasons = (f"{reason['score']:+.4f} {reason['title']}" for reason in _reasons(row))
                row = row | {"because": "; ".join(reasons)}
            writer.writerow(row)
    elif not rows:
        click.echo(empty)
    else:
        terminal = console()
        if about:
            terminal.print(about, markup=False)
        terminal.print(movie_table(rows, terminal.width))


def _reasons(row: dict[str, Any]) -> Rows:
    """The ratings that contributed most to a score."""
    return list(row.get("because", [])[:N_REASONS])


def console() -> Console:
    """As wide as the terminal; elsewhere so wide that nothing wraps."""
    from rich.console import Console

    is_sized = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_sized else WIDE, highlight=False)


def plain_table() -> Table:
    """A table without columns yet, whose only line is below its header."""
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))


def movie_table(rows: Rows, width: int) -> Table:
    """One line for each movie, where its title allows; genres that do not fit are cut off."""
    from rich.text import Text

    cells = [_cells(row) for row in rows]
    lines = {name: "\n".join(row[name] for row in cells).split("\n") for name in cells[0]}
    longest = {name: max(map(len, lines[name])) for name in lines}
    numeric = [name for name in lines if name not in ("title", "genres")]
    rest = width - sum(2 + max(longest[name], *map(len, name.split("\n"))) for name in numeric)
    for_genres = max(1, rest - min(longest["title"], rest * 2 // 3) - 2)
    table = plain_table()
    for name in lines:
        table.add_column(
            name,
            justify="right" if name in numeric else "left",
            no_wrap=name != "title",
            max_width=for_genres if name == "genres" else None,
        )
    for row in cells:
        table.add_row(*map(Text, row.values()))
    return table


def _cells(row: dict[str, Any]) -> dict[str, str]:
    """The cells of a row, by the columns' headers."""
    reasons = (
        f"  {reason['score']:+.2f}  {display_title(reason['title'])}" for reason in _reasons(row)
    )
    cells = {
        "rank": str(row["rank"]),
        "title": "\n".join([display_title(row["title"]), *reasons]),
        "genres": row["genres"].replace("|", ", "),
        "ratings": str(row["n_ratings"]),
    }
    if "predicted_rating" in row:
        stars = f"{row['predicted_rating']:.2f} ± {row['deviation']:.2f}"
        cells["predicted\nrating"] = stars
    if "similarity" in row:
        cells["similarity"] = f"{row['similarity']:.2f}"
    return cells
