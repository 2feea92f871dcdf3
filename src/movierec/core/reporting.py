"""Report a run on the terminal: lines, tables and progress bars."""

from __future__ import annotations

import html
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from movierec.core import console

TITLE, LABEL = 10, 10  # widths of the left columns, in characters
DELAY, BETWEEN = 1.0, 0.1  # seconds before a notebook shows a bar, and between its changes
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def say(text: str, title: str = "", style: str = "") -> None:
    """Print a line after its title; on a terminal, above any progress bar."""
    console.styled((f"{title:<{TITLE}} " if title else "", "bold cyan"), (text, style))


def keep_on_one_line(text: str) -> str:
    """Return a text that print_summary does not wrap."""
    return text.replace(" ", NO_BREAK_SPACE)


def print_summary(title: str, *groups: Mapping[str, str]) -> None:
    """Print groups of labelled texts: in columns on a terminal, elsewhere one line per group.

    On a terminal, all groups but the first are dim.
    """
    for number, group in enumerate(groups):
        if console.out().is_terminal:
            for label, text in group.items():
                _columns(title, label, text, "dim" if number else "")
                title = ""
        else:
            line = "; ".join(f"{label} {text}" for label, text in group.items())
            say(line.replace(NO_BREAK_SPACE, " "), title)


def _columns(title: str, label: str, text: str, style: str) -> None:
    width = max(1, console.out().width - TITLE - LABEL - 2)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    for line in lines:
        head = (f"{title:<{TITLE}} ", "bold cyan"), (f"{label:<{LABEL}} ", "dim")
        console.styled(*head, (line.replace(NO_BREAK_SPACE, " "), style))
        title = label = ""


def words(name: str) -> str:
    """The name of a model or a ranking for people."""
    return name.replace("_", " ").replace("knn", "kNN")


def summary(metrics: Mapping[str, Any]) -> None:
    """Print the result of a run. metrics: details.json of the evaluate stage."""
    rmses = {name: entry["rmse"] for name, entry in metrics["baseline"].items()}
    table = console.table(padding=(0, 1))
    ranking = metrics["ranking"]
    at_n = next(iter(next(iter(ranking.values()))))
    for title in ("", "test RMSE", f"test {at_n.upper()}"):
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    for name in dict.fromkeys([*rmses, "model", *reversed(ranking)]):
        rmse = metrics["test"]["rmse"] if name == "model" else rmses.get(name)
        quality = ranking.get(name, {}).get(at_n)
        cells = ("" if value is None else f"{value:.4f}" for value in (rmse, quality))
        style = "bold" if name in ("model", "blend") else ""
        table.add_row(words(name), *cells, style=style)
    console.out().print(table)


def program(folder: Path) -> str:
    """How to call movierec from a folder: by its path if the environment is not activated."""
    script, on_path = Path(sys.prefix, "bin", "movierec"), shutil.which("movierec")
    is_active = os.environ.get("VIRTUAL_ENV") == sys.prefix
    is_another = on_path is not None and Path(on_path).absolute() != script
    if is_active or is_another or not script.exists():
        return "movierec"
    return str(script.relative_to(folder) if script.is_relative_to(folder) else script)


@contextmanager
def progress(title: str, total: int, done: int = 0) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal or in a notebook; yields a function to call after each
    step."""
    if console.out().is_jupyter:
        with console.replaceable() as show:
            yield _notebook_bar(title, total, done, show)
        return
    if not console.is_animated():
        yield lambda: None
        return
    columns = TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console.out(), transient=True) as bar:
        task = bar.add_task(title, total=total, completed=done)
        yield lambda: bar.advance(task)


def _notebook_bar(
    title: str, total: int, done: int, show: Callable[[str, str], None]
) -> Callable[[], None]:
    """The function to call after each step; show: displays a text and its HTML.

    rich would need ipywidgets. What takes less than a second has no bar.
    """
    due = time.monotonic() + DELAY

    def advance() -> None:
        nonlocal done, due
        done += 1
        if time.monotonic() >= due:
            due = time.monotonic() + BETWEEN
            text = f"{title} {done}/{total}"
            show(text, f'<progress max="{total}" value="{done}"></progress> {html.escape(text)}')

    return advance


@contextmanager
def transfer(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show the progress of a download; yields a function of the bytes received and the total.

    On a terminal it moves a bar, which appears at the first call; elsewhere it prints a line for
    each tenth.
    """
    if not console.is_animated():
        yield _tenths(title)
        return
    columns = TextColumn(title), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console.out(), transient=True) as bar:
        task = bar.add_task(title, total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


def _tenths(title: str) -> Callable[[int, int], None]:
    printed = 0

    def moved(done: int, total: int) -> None:
        nonlocal printed
        tenth = 10 * done // total
        if tenth > printed:
            printed = tenth
            say(f"{10 * tenth}% of {decimal(total)}", title)

    return moved
