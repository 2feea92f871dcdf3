"""Measure an epoch in memory, streamed from disk, and on Dask workers, in separate processes.

    python -m benchmarks.scale.measure                          25 M generated ratings, 64 factors
    python -m benchmarks.scale.measure --ratings 100_000_000 --n-factors 32

Saved as JSON in benchmarks/results; docs/scaling.md has the table, extrapolate.py fits a model.
"""

import argparse
import json
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.generate import ML_25M_RATINGS, generate
from benchmarks.harness import RESULTS, machine, memory_of, run_module, write_report
from movierec.core.rating_scale import Scale

N_WORKERS = 2
EPOCHS = 4  # timed, after one to warm up
MEMORY = "2 GB"
ENGINES: dict[str, dict[str, Any]] = {
    "memory": {"kind": "local"},
    "streamed": {"kind": "local", "memory_limit": MEMORY},
    "workers": {"kind": "dask", "n_workers": N_WORKERS},
    "workers of 2 GB": {"kind": "dask", "n_workers": N_WORKERS, "memory_limit": MEMORY},
    "workers, rows needed": {"kind": "dask", "n_workers": N_WORKERS, "broadcast_limit": 0},
}


def write_ratings(folder: Path, n_ratings: int) -> dict[str, int]:
    """Write a split in which all ratings are training ratings."""
    from benchmarks.quality.run import write_split
    from movierec.data.rating_arrays import Ratings
    from movierec.prepare.index import build

    data = generate(n_ratings)
    n_users, n_items = len(data.indptr) - 1, data.n_items
    raw = Ratings(data.user_index, data.item_index, data.rating, data.timestamp)
    del data
    ratings = build(raw, np.arange(n_users), np.arange(n_items)).ratings
    none = ratings.take(np.zeros(0, np.int64))
    write_split(folder, (ratings, none, none), n_users, n_items)
    return {"n_users": n_users, "n_items": n_items, "n_ratings": n_ratings}


def run(folder: Path, name: str, n_factors: int, n_epochs: int) -> dict[str, Any]:
    """Train by one engine, in this process; seconds and bytes sent of each epoch, and memory."""
    from movierec.core.params import EngineParams, load_params
    from movierec.data import parquet_tables
    from movierec.engine import factory
    from movierec.training import rating_model
    from movierec.training.blocks.block_ratings import BlockSource
    from movierec.training.blocks.blocked_data import BlockedData
    from movierec.training.in_memory import InMemoryData

    params = load_params()
    settings = EngineParams.model_validate(params.engine.model_dump() | ENGINES[name])
    changes = {"n_factors": n_factors, "max_epochs": n_epochs + 1, "patience": n_epochs + 1}
    train, times, sent = params.train.model_copy(update=changes), [], []
    with factory.opened(settings) as workers, workers.scratch("scale") as scratch:
        start = time.perf_counter()
        if name == "memory":
            data: Any = InMemoryData(*parquet_tables.read_train(folder))
        else:
            memory = settings.memory_limit if workers.is_here else None
            source = BlockSource(folder, folder, scratch, memory=memory)
            data = BlockedData(workers, source)

        def on_epoch(fit: Any) -> None:
            data.keep_only(fit.model, fit.last)
            times.append(time.perf_counter())
            sent.append(workers.traffic())

        fit = rating_model.fit(data, train, params.seed, Scale(0.5, 5.0), on_epoch)
        memory_by_process = {"driver": memory_of()} | workers.memory()
        by_formula = 0 if name == "memory" else formula(data, fit.last)
    seconds, traffic = (
        [after - before for before, after in pairwise(ends)] for ends in (times, sent)
    )
    blocks = {} if name == "memory" else data.scheduler.blocks
    n_blocks = {side: len(of_side) for side, of_side in blocks.items()} or 0
    return {
        "engine": name,
        "n_factors": n_factors,
        "first": times[0] - start,
        "seconds": seconds,
        "median": median(seconds),
        "sent": median(traffic),
        "by_formula": by_formula,
        "memory": memory_by_process,
        "n_blocks": n_blocks,
        "objective": fit.epochs[-1].objective,
    }


def formula(data: Any, model: Any) -> int:
    """The bytes sent in an epoch: each worker is sent the rows that it needs, once a half epoch."""
    from movierec.training.row_ops import OTHER_SIDE
    from movierec.training.training_data import SIDES

    total, row_bytes = 0, (model.n_factors + 1) * model.dtype.itemsize
    scheduler = data.scheduler
    for side in SIDES:
        other = OTHER_SIDE[side]
        needed = {home: np.arange(len(data.counts(other))) for home in scheduler.workers(side)}
        if scheduler.is_packed(side, row_bytes):
            paths = scheduler.needed_rows(side, scheduler.workers(side))
            needed = {home: np.load(path) for home, path in paths.items()}
        for block, lies_at in zip(scheduler.blocks[other], scheduler.workers(other), strict=True):
            for home, rows in needed.items():
                n_rows = np.searchsorted(rows, block.stop) - np.searchsorted(rows, block.first)
                total += int(n_rows) * row_bytes * (home != lies_at)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=lambda text: int(text.replace("_", "")))
    parser.add_argument("--n-factors", type=int, nargs="+", default=[64])
    parser.add_argument("--engines", nargs="+", default=list(ENGINES))
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--folder", type=Path, help="where the split is, or is to be written")
    parser.add_argument("--run", help="train by one engine, in this process")
    parser.set_defaults(ratings=ML_25M_RATINGS)
    args = parser.parse_args()
    if args.run:
        print(json.dumps(run(args.folder, args.run, args.n_factors[0], args.epochs)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "shape.json").exists():
            shape = write_ratings(folder, args.ratings)
            (folder / "shape.json").write_text(json.dumps(shape), encoding="utf-8")
        shape = json.loads((folder / "shape.json").read_text(encoding="utf-8"))
        report = {"machine": machine(), "shape": shape, "runs": []}
        for n_factors in args.n_factors:
            for name in args.engines:
                options = ("--n-factors", n_factors, "--epochs", args.epochs)
                found = run_module(
                    "benchmarks.scale.measure", "--run", name, "--folder", folder, *options
                )
                if "failed" in found:
                    raise SystemExit(f"{name}: {found['failed']}")
                report["runs"].append(found)
                print(line_of(found), flush=True)
        write_report(RESULTS / f"scale-{shape['n_ratings']}", report)


def line_of(found: dict[str, Any]) -> str:
    memory = ", ".join(f"{each / 1e9:.2f}" for each in found["memory"].values())
    return (
        f"{found['engine']:<22}{found['n_factors']:>4} factors  {found['median']:6.2f} s an epoch "
        f" {found['sent'] / 1e6:8.1f} MB sent ({found['by_formula'] / 1e6:.1f} by the formula)"
        f"  {memory} GB  objective {found['objective']:.6g}"
    )


if __name__ == "__main__":
    main()
