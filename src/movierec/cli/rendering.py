"""Movies as rows, and rows as a table for people, CSV or JSON for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from movierec.cli import explanations
from movierec.core import console
from movierec.core.text import printable
from movierec.data.titles import display_title
from movierec.serving.score_scale import ScoreScale

if TYPE_CHECKING:
    from rich.table import Table

    from movierec.serving.catalogue import Catalogue

Rows = list[dict[str, Any]]
HEADS = {"score": ["score", "0–100"], "predicted rating": ["predicted", "rating"]}  # of two lines
COLUMNS = ("rank", "movie_id", "title", "genres", "n_ratings")
MIN_GENRES = 8  # characters: below explanations, a narrower column is left out


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
    about: Sequence[str] = (),
    columns: Sequence[str] = (),
    why_none: Callable[[], str] = lambda: "no movies",
    scale: ScoreScale | None = None,
) -> None:
    """Print rows as JSON, as CSV, or as a table below the lines `about`.

    JSON and CSV have titles as in MovieLens, for programs, and scores as they are. columns: those
    after COLUMNS, for the header of a CSV without rows. why_none: called to print for people why
    there are no rows. scale: of the scores that the table shows.
    """
    if form == "json":
        console.print_json(rows)
    elif form == "csv":
        console.print_csv([*COLUMNS, *columns], map(_flat, rows))
    elif not rows:
        console.lines(why_none())
    else:
        console.lines(*about)
        show_table(rows, scale)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row as cells of CSV."""
    if "because" in row:
        row = row | {"because": explanations.cell(row)}
    if "people" in row:
        people = (f"{person['name']} {person['score']}" for person in row["people"])
        row = row | {"people": "; ".join(people)}
    return row


def show_table(rows: Rows, scale: ScoreScale | None = None) -> None:
    terminal = console.out()
    terminal.print(movie_table(rows, terminal.width, scale))


def movie_table(rows: Rows, width: int, scale: ScoreScale | None = None) -> Table:
    """One line for each movie, where its title allows; genres that do not fit are cut off, or left
    out below explanations."""
    from rich.cells import cell_len

    cells = [_cells(row, scale) for row in rows]
    lines = {name: [printable(line) for row in cells for line in row[name]] for name in cells[0]}
    longest = {name: max(map(cell_len, lines[name])) for name in lines}
    numeric = [name for name in lines if name not in ("title", "genres")]
    rest = width - sum(
        2 + max(longest[name], *map(len, HEADS.get(name, [name]))) for name in numeric
    )
    is_explained = any(len(row["title"]) > 1 for row in cells)
    for_titles = longest["title"] if is_explained else min(longest["title"], rest * 2 // 3)
    for_genres = max(1, rest - for_titles - 2)
    if is_explained and for_genres < min(MIN_GENRES, longest["genres"]):
        del lines["genres"]
        for row in cells:
            title, *reasons = row["title"]
            row["title"] = [title, *(part for line in reasons for part in _wrapped(line, rest))]
    table = console.table()
    for name in lines:
        table.add_column(
            console.cell(*HEADS.get(name, [name])),
            justify="right" if name in numeric else "left",
            no_wrap=name != "title",
            max_width=for_genres if name == "genres" else None,
        )
    for row in cells:
        table.add_row(*(console.cell(*row[name]) for name in lines))
    return table


def _wrapped(line: str, width: int) -> list[str]:
    """A line below a movie, wrapped so that its text is aligned right of the number."""
    return textwrap.wrap(printable(line), width, subsequent_indent=" " * explanations.INDENT)


def _cells(row: dict[str, Any], scale: ScoreScale | None) -> dict[str, list[str]]:
    """The lines of a row's cells, by column. Without a scale, scores are not shown."""
    cells = {
        "rank": [str(row["rank"])],
        "title": [display_title(row["title"])],
        "genres": [row["genres"].replace("|", ", ")],
        "ratings": [str(row["n_ratings"])],
    }
    if scale is not None:
        cells["score"] = [str(explanations.percent(row["score"], scale))]
        cells["title"] += explanations.lines(row, scale)
    if "predicted_rating" in row:
        deviation = f" ± {row['deviation']:.2f}" if "deviation" in row else ""
        cells["predicted rating"] = [f"{row['predicted_rating']:.2f}{deviation}"]
    if "similarity" in row:
        cells["similarity"] = [f"{row['similarity']:.2f}"]
    return cells
