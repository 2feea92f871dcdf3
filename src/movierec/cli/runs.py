"""Commands about runs of the pipeline: summary, report, compare-runs, provenance."""

from __future__ import annotations

import math
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from movierec.cli.project import Location, ProjectCommand, entered
from movierec.cli.values import WORDS
from movierec.core import console
from movierec.core.paths import RECOMMENDATIONS

if TYPE_CHECKING:
    from rich.table import Table

    from movierec.experiments.compare_runs import MetricDifference


@click.command(cls=ProjectCommand, short_help="Show the results of the last run.")
@click.pass_obj
def summary(location: Location) -> None:
    """Show the test RMSE and NDCG of the last run and of baselines, and where the lists are."""
    from movierec.core import reporting, result_files
    from movierec.core.params import load_params

    reporting.summary(result_files.read_details("evaluate", params=load_params()))
    console.lines("")
    all_users = reporting.keep_on_one_line(str(location.seen(RECOMMENDATIONS)))
    new_user = reporting.keep_on_one_line(f'{_typed(location)} recommend --like "Star Wars"')
    reporting.print_summary("lists", {"all users": all_users}, {"new user": new_user})


def _typed(location: Location) -> str:
    """The program and its --project, as the user has to type them in their folder."""
    from movierec.core import reporting

    words = [reporting.program(location.user)]
    if location.is_typed:
        words += ["--project", str(location.root)]
    return shlex.join(words)


@click.command(cls=ProjectCommand, short_help="Write report.html, a page about the last run.")
@click.pass_obj
def report(location: Location) -> None:
    """Write report.html, a page about the last run, to the project's folder.

    The file contains its pictures, so you can open it in any browser, even offline.
    """
    from movierec.report import html_page

    path = html_page.write()
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    console.lines(f"wrote {location.seen(path)} ({size}); open it in any browser")


@click.command(short_help="Show how an output was made.")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.pass_context
def provenance(context: click.Context, path: Path | None) -> None:
    """Show how an output was made, stage by stage, and whether it still matches the project.

    PATH is a folder in data/, a model or an export; by default exports/recommendations.parquet.
    Exits with status 1 if something differs.

    \b
    Examples:
      movierec provenance
      movierec provenance models/model.safetensors
    """
    from movierec.experiments import provenance

    terminal = console.out()
    with entered(context, is_needed=path is None) as location:
        file = location.named(path) if path else RECOMMENDATIONS
        records = provenance.trace(file)
        for line in (
            f"{path or location.seen(file)}",
            "",
            *provenance.lines(records, terminal.width),
        ):
            terminal.print(line, style="red" if "✗" in line else None, soft_wrap=True)
        console.lines(provenance.verdict(records))
    if any(record.differences for record in records):
        sys.exit(1)


@click.command(cls=ProjectCommand, short_help="Compare two runs, with confidence intervals.")
@click.argument("a", default="HEAD", type=WORDS)
@click.argument("b", default="workspace", type=WORDS)
@click.option("--json", "form", flag_value="json", help="Print JSON.")
def compare_runs(a: str, b: str, form: str | None) -> None:
    """Test whether run B is significantly better than run A.

    A run is a Git revision, the name of an experiment, or "workspace"; by default, A is HEAD and
    B is the workspace. Both runs must have the same test ratings. The 95% interval of the
    difference B − A and the p-value are of one paired t-test over users. The verdict is on B:
    better, worse, or, if the interval contains 0 (p is 0.05 or more), inconclusive.

    \b
    Examples:
      movierec compare-runs
      movierec compare-runs HEAD my-experiment
    """
    from movierec.core import result_files
    from movierec.experiments import compare_runs

    differences = compare_runs.compare(compare_runs.read_run(a), compare_runs.read_run(b))
    if form:
        rows = [difference.as_dict() for difference in differences]
        console.print_json(result_files.round_metrics({"runs": [a, b], "metrics": rows}))
    else:
        console.out().print(_difference_table(differences, a, b), crop=False)


def _difference_table(differences: list[MetricDifference], a: str, b: str) -> Table:
    """A line for each metric, with B's difference from A; long names of runs are folded."""
    table = console.table()
    for title in ("", a, b, "difference", "95% interval", "p", "verdict"):
        table.add_column(
            title,
            justify="right" if title else "left",
            no_wrap=title not in (a, b, "verdict"),
            min_width=len("inconclusive" if title == "verdict" else "0.0000"),
            overflow="fold",
        )
    for row in differences:
        of = row.difference
        table.add_row(
            row.metric,
            f"{of.a:.4f}",
            f"{of.b:.4f}",
            f"{of.b - of.a:+.4f}",
            f"{of.low:+.4f} to {of.high:+.4f}",
            _shown_p(of.p_value),
            row.verdict,
        )
    return table


def _shown_p(p_value: float) -> str:
    """Rounded down, so that a p-value below 0.05, which is significant, is never shown as 0.050."""
    if p_value < 0.001:
        return "< 0.001"
    return f"{p_value if math.isnan(p_value) else math.floor(1000 * p_value) / 1000:.3f}"
