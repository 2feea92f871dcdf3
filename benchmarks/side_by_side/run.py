"""Run the jobs of each installed library on ml-100k, and save their results.

    make peers side-by-side          after make run

The figures need not agree: models, splits and definitions of NDCG@10 differ.
"""

import contextlib
import runpy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import ours
from benchmarks.harness import RESULTS, machine, version_of, write_report
from benchmarks.side_by_side import snippets
from movierec.core import manifests
from movierec.core.paths import INDEX

# The item ids of a list, and NDCG@10, as each library returns them.
READERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "movierec": (lambda found: found["item_id"], lambda quality: quality["ndcg@10"].iloc[0]),
    "LensKit": (lambda found: found.ids(), lambda quality: quality.loc["NDCG@10", "mean"]),
    "implicit": (lambda found: found.index, lambda quality: quality["ndcg"]),
}


def run(library: str, folder: Path) -> dict[str, Any]:
    """Run a library's jobs on ratings.csv in a folder; returns their results as lists and numbers.

    Raises ImportError if the library is not installed.
    """
    ids, ndcg = READERS[library]
    with contextlib.chdir(folder):
        made = runpy.run_path(str(snippets.path_of(library)))
    return {
        "recommended": ids(made["recommended"]).tolist(),
        "for_new_user": ids(made["for_new_user"]).tolist(),
        "ndcg@10": float(ndcg(made["quality"])),
    }


def measure(library: str, folder: Path) -> dict[str, Any]:
    version = version_of(library.lower())
    if version is None:
        return {"library": library, "absent": "not installed"}
    return {"library": library, "version": version, **run(library, folder)}


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    lines = [
        "The scripts of benchmarks/side_by_side on ml-100k, each run once, with default settings;"
        f" Python {report['machine']['python']}. Splits and definitions of NDCG@10 differ.",
        "",
        "| library | NDCG@10 | for user 196 | for the new user |",
        "|---|---|---|---|",
    ]
    for entry in report["results"]:
        if "absent" in entry:
            lines.append(f"| {entry['library']} | {entry['absent']} | | |")
            continue
        lists = (", ".join(map(str, entry[name])) for name in ("recommended", "for_new_user"))
        lines.append(
            f"| {entry['library']} {entry['version']} | {entry['ndcg@10']:.3f}"
            f" | {' | '.join(lists)} |"
        )
    return "\n".join(lines)


def main() -> None:
    manifests.read_manifest(INDEX, "ml-100k")
    with tempfile.TemporaryDirectory() as scratch:
        ours.read_frame().to_csv(Path(scratch, "ratings.csv"), index=False)
        results = [measure(library, Path(scratch)) for library in snippets.LIBRARIES]
    report = {"machine": machine(), "results": results}
    write_report(RESULTS / "side-by-side", report, table(report))


if __name__ == "__main__":
    main()
