"""Movies as rows, and rows as a table for people, CSV or JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from movierec.core import console
from movierec.core.text import printable
from movierec.data.titles import display_title

if TYPE_CHECKING:
    from rich.table import Table

    from movierec.serving.catalogue import Catalogue

Rows = list[dict[str, Any]]
HEADS = {"predicted rating": ["predicted", "rating"]}  # of columns with two lines
COLUMNS = ("rank", "movie_id", "title", "genres", "n_ratings")
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
    columns: Sequence[str] = (),
    why_none: Callable[[], str] = lambda: "no movies",
) -> None:
    """Print rows as JSON, as CSV, or as a table below the line `about`.

    JSON and CSV have titles as in MovieLens, for programs. columns: those after COLUMNS, for the
    header of a CSV without rows. why_none: called to print for people why there are no rows.
    """
    if form == "json":
        console.print_json(rows)
    elif form == "csv":
        console.print_csv([*COLUMNS, *columns], map(_flat, rows))
    elif not rows:
        console.lines(why_none())
    else:
        if about:
            console.lines(about)
        show_table(rows)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row as cells of CSV."""
    if "because" not in row:
        return row
    reasons = (f"{reason['title']} {reason['score']:+.4f}" for reason in _reasons(row))
    return row | {"because": "; ".join(reasons)}


def _reasons(row: dict[str, Any]) -> Rows:
    """The ratings that contributed most to a score."""
    return list(row.get("because", [])[:N_REASONS])


def show_table(rows: Rows) -> None:
    terminal = console.out()
    terminal.print(movie_table(rows, terminal.width))


def movie_table(rows: Rows, width: int) -> Table:
    """One line for each movie, where its title allows; genres that do not fit are cut off."""
    from rich.cells import cell_len

    cells = [_cells(row) for row in rows]
    lines = {name: [printable(line) for row in cells for line in row[name]] for name in cells[0]}
    longest = {name: max(map(cell_len, lines[name])) for name in lines}
    numeric = [name for name in lines if name not in ("title", "genres")]
    rest = width - sum(
        2 + max(longest[name], *map(len, HEADS.get(name, [name]))) for name in numeric
    )
    for_genres = max(1, rest - min(longest["title"], rest * 2 // 3) - 2)
    table = console.table()
    for name in lines:
        table.add_column(
            console.cell(*HEADS.get(name, [name])),
            justify="right" if name in numeric else "left",
            no_wrap=name != "title",
            max_width=for_genres if name == "genres" else None,
        )
    for row in cells:
        table.add_row(*(console.cell(*texts) for texts in row.values()))
    return table


def _cells(row: dict[str, Any]) -> dict[str, list[str]]:
    """The lines of a row's cells, by column."""
    reasons = (
        f"  {reason['score']:+.2f}  {display_title(reason['title'])}" for reason in _reasons(row)
    )
    cells = {
        "rank": [str(row["rank"])],
        "title": [display_title(row["title"]), *reasons],
        "genres": [row["genres"].replace("|", ", ")],
        "ratings": [str(row["n_ratings"])],
    }
    if "predicted_rating" in row:
        stars = f"{row['predicted_rating']:.2f} ± {row['deviation']:.2f}"
        cells["predicted rating"] = [stars]
    if "similarity" in row:
        cells["similarity"] = [f"{row['similarity']:.2f}"]
    return cells
