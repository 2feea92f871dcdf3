"""Run a stage: one process at a time, killed together with its DVC, with a summary at the end."""

import hashlib
import json
import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Annotated, Any

import zc.lockfile
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.filesize import decimal

from movierec.core import log, manifests, program, reporting, yaml_file
from movierec.core.errors import MovierecError
from movierec.core.params import load_params
from movierec.core.paths import CHECKPOINTS, details
from movierec.core.reporting import keep_on_one_line

logger = logging.getLogger(__name__)
PARENT = "MOVIEREC_PARENT"  # the environment variable with DVC's process id, set by stages/run
PIPELINE = Path(__file__).parents[3] / "dvc.yaml"  # of the checkout that contains this code
COUNTED = ("metrics", "plots")  # folders of small files, which a summary only counts

Summary = Mapping[str, str]  # texts by label; labels have at most reporting.LABEL characters


def run(name: str, main: Callable[[], Summary]) -> None:
    """Run a stage and print its summary: what `main` returns, files with sizes, and the time."""
    run_exclusively(name, lambda: run_with_summary(name, main))


def run_exclusively(name: str, main: Callable[[], None]) -> None:
    """Run `main` under a lock; bad input ends in one line and exit status 1."""

    def locked() -> None:
        if os.name == "nt":
            raise MovierecError("stages run on Linux and macOS; on Windows, run them in WSL")
        with exclusive_lock(name):
            main()

    if (parent := os.environ.pop(PARENT, "")).isdecimal():
        threading.Thread(target=exit_with_parent, args=[int(parent)], daemon=True).start()
    program.run(locked)


def exit_with_parent(parent: int) -> None:
    """Kill this process when `parent` has died, so that no stage outlives a killed DVC."""
    while os.getppid() == parent:
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def exclusive_lock(name: str) -> Iterator[None]:
    """Hold a lock; raises MovierecError, which names the process that holds it."""
    try:
        CHECKPOINTS.mkdir(exist_ok=True)
    except FileExistsError:
        raise MovierecError(f"{CHECKPOINTS}: not a folder; move it elsewhere") from None
    path = CHECKPOINTS / f"{name}.lock"
    try:
        lock = zc.lockfile.LockFile(str(path), content_template="{pid}")
    except zc.lockfile.LockError:
        holder = path.read_text(encoding="utf-8").strip()
        raise MovierecError(
            f"{name} is already running here, as process {holder}; wait for it, or stop it"
        ) from None
    try:
        yield
    finally:
        lock.close()


def run_with_summary(name: str, main: Callable[[], Summary]) -> None:
    start = time.perf_counter()
    stages = yaml_file.read(PIPELINE)["stages"]
    if log.is_debug():
        log_inputs(stages[name].get("params", []))
    with timed(name):
        summary = main()
    reporting.print_summary(
        name, summary, summarise_files(name, stages, time.perf_counter() - start)
    )
    logger.debug("memory  %s peak", decimal(log.max_memory()))


def summarise_files(name: str, stages: Mapping[str, Any], seconds: float) -> Summary:
    """List what a stage reads and writes by dvc.yaml, with sizes, and the next stage."""
    read = [path for path in stages[name]["deps"] if not path.startswith(("src/", "stages/"))]
    kinds = (stages[name].get(kind, []) for kind in ("outs", "metrics", "plots"))
    written = [out if isinstance(out, str) else next(iter(out)) for kind in kinds for out in kind]
    order = [*stages, f"{reporting.program(Path.cwd())} summary"]
    listed = {"read": list_sizes(read), "wrote": list_sizes(written)}
    following = order[order.index(name) + 1]
    return {label: text for label, text in listed.items() if text} | {
        "took": f"{format_seconds(seconds)}; next: {following}"
    }


def list_sizes(names: Iterable[str | Path]) -> str:
    """List files and folders with their sizes; metrics and plots are only counted."""
    paths = [path for path in map(Path, names) if path.exists()]
    counts = Counter(str(path.parent) for path in paths)
    entries = (
        f"{counts[folder]} files in {folder}"
        if counts[folder := str(path.parent)] > 1 and folder in COUNTED
        else f"{path} ({decimal(log.size_of(path))})"
        for path in paths
    )
    return ", ".join(map(keep_on_one_line, dict.fromkeys(entries)))


def format_seconds(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if seconds >= 100:
        return f"{minutes} min {rest} s"
    return f"{seconds:.{1 if seconds >= 1 else 2}f} s"


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Record how long a stage took, unless it may have resumed from a checkpoint."""
    path, may_resume = CHECKPOINTS / f"{name}.time", any(CHECKPOINTS.glob("*.safetensors"))
    path.unlink(missing_ok=True)
    start = time.monotonic()
    yield
    if not may_resume and (result := _hash_details(name)):
        record = {"seconds": round(time.monotonic() - start, 3), "result": result}
        path.write_text(json.dumps(record), encoding="utf-8")


class _Time(BaseModel):
    model_config = ConfigDict(strict=True)

    seconds: Annotated[float, Field(ge=0, lt=1e9)]
    result: Annotated[str, Field(min_length=1)]


def recorded_times() -> dict[str, float]:
    """The duration in seconds of each stage whose results are still those of the timed run.

    Files that are damaged are ignored: times are of no result.
    """
    times: list[tuple[int, str, float]] = []
    for path in CHECKPOINTS.glob("*.time"):
        with suppress(OSError, ValidationError):
            record = _Time.model_validate_json(path.read_bytes())
            if record.result == _hash_details(path.stem):
                times.append((path.stat().st_mtime_ns, path.stem, record.seconds))
    return {name: seconds for _, name, seconds in sorted(times)}


def _hash_details(name: str) -> str:
    """The hash of a stage's details.json, which identifies its result; empty without one."""
    path = details(name)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def log_inputs(params: Iterable[str | Mapping[str, Any]]) -> None:
    """Log versions, the params of a stage and the number of threads."""
    versions = ", ".join(f"{name} {version}" for name, version in manifests.versions().items())
    logger.debug("version %s", versions)
    values = load_params().model_dump()
    for name in params:
        key = name if isinstance(name, str) else "data"  # of datasets.yaml
        logger.debug("param   %s: %s", key, reduce(getitem, key.split("."), values))
    n_threads = os.environ.get("NUMBA_NUM_THREADS", "not set")
    logger.debug("threads %s processors, NUMBA_NUM_THREADS %s", os.cpu_count(), n_threads)
