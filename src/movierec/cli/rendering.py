"""Films as rows, and rows as a table for people, CSV or JSON for programs."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from movierec.serving.catalogue import Catalogue

Rows = list[dict[str, Any]]
WIDE = 10_000  # columns, for tables that no terminal shows
N_REASONS = 3  # own films named below a recommended one


def rows_of(films: Catalogue, chosen: Iterable[int], **columns: Any) -> Rows:
    """A row a film, ranked as they come; numbers of the columns rounded."""
    return [
        {
            "rank": rank,
            "movie_id": films.movie_ids[item],
            "title": films.titles[item],
            "genres": "|".join(films.genres(item)),
            "n_ratings": int(films.n_ratings[item]),
            **{name: round(float(values[rank - 1]), 4) for name, values in columns.items()},
        }
        for rank, item in enumerate(chosen, 1)
    ]


def show(rows: Rows, form: str | None, about: str = "", empty: str = "nothing found") -> None:
    """Print rows as asked for; the table, for people, says what it is about."""
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, rows[0] if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, **_reasons_in_csv(row)} for row in rows)
    elif not rows:
        click.echo(empty)
    else:
        terminal = console()
        if about:
            terminal.print(about, markup=False)
        terminal.print(table(rows, terminal.width))


def console() -> Console:
    """As wide as the terminal; elsewhere so wide that nothing wraps."""
    from rich.console import Console

    is_sized = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_sized else WIDE, highlight=False)


def _reasons_in_csv(row: dict[str, Any]) -> dict[str, str]:
    reasons = row.get("because", [])
    text = "; ".join(f"{each['score']:+.4f} {each['title']}" for each in reasons[:N_REASONS])
    return {"because": text} if "because" in row else {}


def table(rows: Rows, width: int) -> Table:
    """One line a film, where its title allows; what does not fit is cut off the genres."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells = [_cells(row) for row in rows]
    numeric = {name: name not in ("title", "genres") for name in cells[0]}
    lines = {name: [*name.split("\n"), *(row[name] for row in cells)] for name in cells[0]}
    taken = sum(2 + max(map(len, lines[name])) for name in cells[0] if numeric[name])
    longest = max(len(line) for title in lines["title"] for line in title.split("\n"))
    for_genres = max(1, width - taken - min(longest, (width - taken) * 2 // 3) - 2)
    found = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in cells[0]:
        found.add_column(
            name,
            justify="right" if numeric[name] else "left",
            no_wrap=numeric[name] or name == "genres",
            max_width=for_genres if name == "genres" else None,
        )
    for row in cells:
        found.add_row(*(Text(cell) for cell in row.values()))
    return found


def _cells(row: dict[str, Any]) -> dict[str, str]:
    """What people see of a row, by the columns' headers."""
    cells = {"rank": str(row["rank"]), "title": row["title"]}
    for each in row.get("because", [])[:N_REASONS]:
        cells["title"] += f"\n  {each['score']:+.2f}  {each['title']}"
    cells |= {"genres": row["genres"].replace("|", ", "), "n_ratings": str(row["n_ratings"])}
    if "predicted_rating" in row:
        stars = f"{row['predicted_rating']:.2f} ± {row['deviation']:.2f}"
        cells["predicted\nrating"] = stars
    if "similarity" in row:
        cells["similarity"] = f"{row['similarity']:.2f}"
    return cells
