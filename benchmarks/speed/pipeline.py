"""Measure the full pipeline on generated ratings, from a zip to recommendations for every user.

    python -m benchmarks.speed.pipeline                       ml-25m's shape, minutes
    python -m benchmarks.speed.pipeline --n-ratings 300_000   small
    python -m benchmarks.speed.pipeline --committed           with the committed params
    python -m benchmarks.speed.pipeline --committed --engine blocks   by engine.memory_limit

A copy of the project in a temporary folder runs `dvc repro` on a zip in the csv layout, at the
settings of the original project, or with the committed params. Kernels are compiled beforehand, by
a run on a few ratings, unless the benchmark itself has few.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
from ruamel.yaml import YAML

from benchmarks.generate import ML_25M_RATINGS
from benchmarks.harness import RESULTS, ROOT, copy_project, machine, memory_of, write_report
from movierec.core import result_files, yaml_file

FOLDER = "ml-generated"  # inside the zip
# The original project has no validation, no refit, no implicit model and no item regression; it
# ranks by predicted rating.
Settings = dict[str, dict[str, Any]]
ORIGINAL: Settings = {
    "split": {"validation_fraction": 0},
    "train": {"n_factors": 10, "max_epochs": 20, "patience": 20},
    "implicit": {"n_factors": 0},
    "item_regression": {"max_items": 0},
    "recommend": {"ranking": "predicted_rating"},
}
ENGINES: dict[str, Settings] = {
    "memory": {},
    "blocks": {"engine": {"memory_limit": "2 GB"}},
    "dask": {"engine": {"kind": "dask", "n_workers": 2, "memory_limit": "2 GB"}},
}
WARM_RATINGS = 20_000
PACKAGES = ("movierec", "dvc", "numba", "numpy", "pandas", "pyarrow")
INTERVAL = 0.05  # seconds between samples of the memory
START = "dvc's start"


@dataclass
class StageUsage:
    """Time and memory of a stage up to the start of the next, including DVC's own work.

    peak: the greatest total resident memory of dvc and all processes that it started. high_water:
    the peak of the stage's largest process, as recorded by the kernel (0 without /proc).
    """

    name: str
    seconds: float = 0.0
    program_seconds: float = 0.0
    peak: int = 0
    high_water: int = 0


class MemoryWatch:
    """Samples the memory of dvc and its descendants, and assigns it to the current stage."""

    def __init__(self, dvc: psutil.Process) -> None:
        self.dvc = dvc
        self.parts = [StageUsage(START)]
        self.began = time.perf_counter()
        self.program = 0  # the process of the part's stage
        self.booking = threading.Lock()

    def next(self, name: str) -> None:
        with self.booking:
            self.end()
            self.parts.append(StageUsage(name))
            self.began, self.program = time.perf_counter(), 0

    def end(self) -> list[StageUsage]:
        self.parts[-1].seconds = time.perf_counter() - self.began
        return self.parts

    def look(self) -> None:
        processes = [self.dvc, *self.dvc.children(recursive=True)]
        resident = sum(memory(process) for process in processes)
        pids = [process.pid for process in processes[1:]]
        largest = max((memory_of(pid=pid) for pid in pids), default=0)
        with self.booking:
            part = self.parts[-1]
            part.peak = max(part.peak, resident)
            part.high_water = max(part.high_water, largest)
            self.program = self.program or next(iter(pids), 0)
            if self.program in pids:
                part.program_seconds = time.perf_counter() - self.began


def memory(process: psutil.Process) -> int:
    """The resident memory of a process in bytes; 0 if it has just ended."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


@contextmanager
def watching(watch: MemoryWatch) -> Iterator[None]:
    stopped = threading.Event()

    def look_on() -> None:
        while not stopped.wait(INTERVAL):
            try:
                watch.look()
            except psutil.NoSuchProcess:
                return

    thread = threading.Thread(target=look_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def write_zip(path: Path, n_ratings: int) -> None:
    """Generate the ratings in a separate process, so that its memory is freed afterwards."""
    command = [sys.executable, "-m", "benchmarks.generate", "--ratings", str(n_ratings)]
    subprocess.run([*command, "--zip", str(path)], cwd=ROOT, check=True)


def write_params(project: Path, archive: Path, changes: Settings) -> None:
    params, datasets = (yaml_file.read(ROOT / name) for name in ("params.yaml", "datasets.yaml"))
    params["dataset"] = "local"
    with archive.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    local = {"path": str(archive), "sha256": sha256, "layout": "csv", "folder": FOLDER}
    datasets["local"] |= local
    for block, settings in changes.items():
        params[block] |= settings
    for name, content in (("params.yaml", params), ("datasets.yaml", datasets)):
        YAML().dump(content, project / name)


def repro(project: Path) -> list[StageUsage]:
    """Run `dvc repro`, with its output on stderr."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(project.parent / "site"),
    }
    with subprocess.Popen(
        ["dvc", "repro"],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as dvc:
        watch = MemoryWatch(psutil.Process(dvc.pid))
        with watching(watch):
            for line in dvc.stdout or ():
                print(line, end="", file=sys.stderr, flush=True)
                if line.startswith("Running stage '"):
                    watch.next(line.split("'")[1])
            status = dvc.wait()
            parts = watch.end()
    if status:
        raise SystemExit(f"dvc repro ended with status {status}")
    return parts


def measure(
    n_ratings: int, settings: Settings, scratch: Path, generated: Path | None = None
) -> dict[str, Any]:
    """Run the pipeline. generated: the zip, if it is there already."""
    project, archive = scratch / "project", scratch / "ratings.zip"
    copy_project(project)
    dvc = [str(Path(sys.executable).parent / "dvc"), "config", "--local", "core.no_scm", "true"]
    subprocess.run(dvc, cwd=project, check=True)
    runs: list[list[StageUsage]] = []
    for number in [WARM_RATINGS, n_ratings] if n_ratings > WARM_RATINGS else [n_ratings]:
        if number == n_ratings and generated:
            archive = generated
        else:
            write_zip(archive, number)
        write_params(project, archive, settings)
        runs.append(repro(project))
    read = {name: result_files.read_details(name, project) for name in ("index", "recommend")}
    return {
        "machine": machine(),
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "settings": settings,
        "shape": {
            **{name: read["index"][name] for name in ("n_ratings", "n_users")},
            **{name: read["index"][name] for name in ("n_movies", "n_rated_movies")},
            "archive_bytes": archive.stat().st_size,
            "n_recommended_users": read["recommend"]["n_users"],
            "n_recommendations": read["recommend"]["n_recommendations"],
        },
        "warming_seconds": sum(part.seconds for run in runs[:-1] for part in run),
        "parts": [vars(part) for part in runs[-1]],
        "seconds": sum(part.seconds for part in runs[-1]),
        "peak": max(part.peak for part in runs[-1]),
    }


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    shape, host = report["shape"], report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    settings = ", ".join(
        f"{block}.{name} {value}"
        for block, changes in report["settings"].items()
        for name, value in changes.items()
    )
    settings = settings or "the committed params"
    rows = [
        f"| {part['name']} | {part['seconds']:.1f} | {part['program_seconds']:.1f}"
        f" | {part['peak'] / 1e9:.2f} | {part['high_water'] / 1e9:.2f} |"
        for part in report["parts"]
    ]
    largest = max(part["high_water"] for part in report["parts"])
    compiled = "The time to compile the kernels is in it."
    if before := report["warming_seconds"]:
        compiled = f"Kernels were compiled before, by a run on {WARM_RATINGS:,} ratings"
        compiled += f" ({before:.0f} s)."
    return "\n".join(
        [
            f"`dvc repro` on {shape['n_ratings']:,} generated ratings of {shape['n_users']:,}"
            f" users, {shape['n_movies']:,} movies of which {shape['n_rated_movies']:,} rated,"
            f" from a zip of {shape['archive_bytes'] / 1e6:,.0f} MB to"
            f" {shape['n_recommendations']:,} recommendations; {settings}.",
            "",
            f"{host['processor']}, {host['cores']} cores, {host['memory_gb']} GB;"
            f" Python {host['python']}, {versions}.",
            "",
            "| stage | s | of these the program | peak GB | program alone, GB |",
            "|---|---|---|---|---|",
            *rows,
            f"| in all | {report['seconds']:.1f} | | {report['peak'] / 1e9:.2f}"
            f" | {largest / 1e9:.2f} |",
            "",
            "s: from the stage's start to the next one's, with DVC's hashing and storing of what"
            f" it wrote. peak GB: the greatest sum, seen every {INTERVAL} s, of the resident memory"
            " of dvc and all processes that it had started. program alone: the high-water mark"
            f" that the kernel keeps of the stage's process. {compiled}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-ratings", type=int, default=ML_25M_RATINGS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--committed", action="store_true")
    parser.add_argument("--engine", choices=ENGINES, default="memory")
    parser.add_argument("--zip", type=Path, help="that benchmarks.generate wrote")
    args = parser.parse_args()
    settings = ({} if args.committed else ORIGINAL) | ENGINES[args.engine]
    with tempfile.TemporaryDirectory() as scratch:
        report = measure(args.n_ratings, settings, Path(scratch), args.zip)
    name = "pipeline-committed" if args.committed else "pipeline"
    name += f"-{args.engine}" * (args.engine != "memory")
    write_report(args.out / f"{name}-{args.n_ratings}", report, table(report))


if __name__ == "__main__":
    main()
