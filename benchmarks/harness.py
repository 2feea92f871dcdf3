"""Shared by all benchmarks: contenders in separate processes, time, memory and reports."""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

RESULTS = Path("benchmarks/results")
ROOT = Path(__file__).parents[1]


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": next(models, platform.processor()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
        "python": platform.python_version(),
    }


def copy_project(to: Path) -> None:
    """Copy the files that Git tracks, including uncommitted changes."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def memory_of(name: str = "VmHWM", pid: int | str = "self") -> int:
    """The memory of a process in bytes, now (VmRSS) or at its peak (VmHWM); 0 without /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith(name)]
    return int(found[0]) * 1024 if found else 0


def run_module(
    module: str, *arguments: object, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a contender, `python -m module arguments`, and return the JSON of its last line.

    A separate process gives each contender its own threads and memory. Its other output is shown
    immediately. A contender that fails returns {"failed": its last line}.
    """
    results, last_line = [], "no reason given"
    with subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        for line in process.stdout or ():
            if line.startswith("{"):
                results.append(line)
            elif line.strip():
                last_line = line.strip()
                print(last_line, file=sys.stderr, flush=True)
    if process.returncode or not results:
        return {"failed": last_line}
    result: dict[str, Any] = json.loads(results[-1])
    return result


def limit_threads(n_threads: int) -> dict[str, str]:
    """The environment that limits each library's threads; BLAS to one, as implicit requires."""
    names = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "LK_NUM_THREADS")
    limits = dict.fromkeys(names, str(n_threads))
    limits |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return limits | {"PYTHONWARNINGS": "ignore", "TQDM_DISABLE": "1"}


def time_steps(steps: Iterator[Any], n: int) -> list[float]:
    """The seconds of each of n steps, after one to warm up."""
    next(steps)
    seconds = []
    for _ in range(n):
        before = time.perf_counter()
        next(steps)
        seconds.append(time.perf_counter() - before)
    return seconds


def time_by_difference(train: Callable[[int], None], n: int, times: int = 1) -> list[float]:
    """Mean seconds per epoch of a trainer that cannot be stepped: (1 + n) epochs − 1, over n."""
    means = []
    for _ in range(times):
        spans = []
        for n_epochs in (1, 1 + n):
            before = time.perf_counter()
            train(n_epochs)
            spans.append(time.perf_counter() - before)
        means.append((spans[1] - spans[0]) / n)
    return means


def write_report(path: Path, report: Mapping[str, Any], table: str = "") -> None:
    """Write path.json and, with a table, path.md, which is printed too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2) + "\n"
    path.with_name(f"{path.name}.json").write_text(text, encoding="utf-8")
    if table:
        path.with_name(f"{path.name}.md").write_text(table + "\n", encoding="utf-8")
        print(table)
