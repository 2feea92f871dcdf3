"""Commands about runs of the pipeline: summary, report, compare-runs, provenance."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from movierec.cli import rendering

if TYPE_CHECKING:
    from rich.table import Table

    from movierec.experiments.compare_runs import Difference


@click.command()
def summary() -> None:
    """The result of the last run: test RMSE beside the baselines, and where the lists are."""
    from movierec.core import reporting

    reporting.summary()


@click.command()
def report() -> None:
    """The last run as one HTML page, report.html, with its pictures inside: it opens anywhere."""
    from movierec.report import html_page

    path = html_page.write()
    click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB, to be opened in any browser")


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="exports/recommendations.parquet")
def provenance(path: Path) -> None:
    """What made an output, stage by stage, and whether the project here still matches it.

    \b
    movierec provenance
    movierec provenance models/model.safetensors
    """
    from movierec.experiments import provenance

    links = provenance.trace(path)
    console = rendering.console()
    for line in (f"{path}", "", *provenance.lines(links, console.width)):
        console.print(line, style="red" if "✗" in line else None, markup=False, soft_wrap=True)
    console.print(provenance.verdict(links), markup=False, soft_wrap=True)
    if any(link.differences for link in links):
        sys.exit(1)


@click.command()
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

    from movierec.core import reporting
    from movierec.experiments import compare_runs

    found = compare_runs.compare(compare_runs.read_run(a), compare_runs.read_run(b))
    if form:
        rows = [asdict(each) | {"verdict": each.verdict} for each in found]
        click.echo(json.dumps(reporting.rounded({"runs": [a, b], "metrics": rows}), indent=2))
    else:
        rendering.console().print(_differences(found, a, b))


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
