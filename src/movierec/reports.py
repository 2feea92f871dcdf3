"""What a run reports: metrics for DVC, data for its plots, and lines on the terminal."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from movierec.outputs import output_file

DIGITS = 6  # significant ones

console = Console(highlight=False, soft_wrap=True)


def rounded(value: Any) -> Any:
    """A metric rounded to 6 significant digits, and nested ones; NaN has no place in JSON."""
    if isinstance(value, Mapping):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, int):
        return value
    number = float(value)
    return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None


def write_metrics(path: str | Path, metrics: Mapping[str, Any]) -> None:
    with output_file(Path(path)) as partial:
        text = json.dumps(rounded(metrics), indent=2, ensure_ascii=False)
        partial.write_text(text + "\n", encoding="utf-8")


def write_plot(path: str | Path, rows: pd.DataFrame) -> None:
    """Write a plot's data as CSV, its numbers rounded as metrics are."""
    with output_file(Path(path)) as partial:
        rows.to_csv(partial, index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")


def say(text: str) -> None:
    """Print a line; on a terminal above any bar."""
    console.print(text, markup=False)


@contextmanager
def progress(title: str, total: int) -> Iterator[Any]:
    """A bar at the foot of a terminal (none elsewhere); yields what to call after each step."""
    columns = TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    if not console.is_terminal:
        yield lambda: None
        return
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)
