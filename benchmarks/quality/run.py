"""Compare movierec with every installed peer on the same splits, each tuned on validation.

    python -m benchmarks.quality.run                            three draws of the committed split
    python -m benchmarks.quality.run --draws 1 --protocol point_in_time     another protocol
    python -m benchmarks.quality.run --draws 5 --only "mf, als" "mf, gibbs" cmfrec

Each contender tries the same number of settings, by Optuna, on the first draw, and uses the best on
validation. It is trained with them on train and validation of every draw, in its own process with
nothing else running, and its predictions on test are evaluated here; lists on the first draw only.
Finished work, down to the trial, is stored under .compare in the folder of results, so an
interrupted run resumes. docs/benchmarks.md explains the results.
"""

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ours
from benchmarks.harness import (
    RESULTS,
    ROOT,
    limit_threads,
    machine,
    run_module,
    version_of,
    write_report,
)
from benchmarks.quality import score
from benchmarks.quality.models import BASE, FIELD
from movierec.core import atomic, manifests, paths
from movierec.core.params import Params, load_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Csr, Ratings
from movierec.prepare import split as splitting
from movierec.training import checkpoint

PARTS = ("train_by_user.parquet", "train_users.parquet", "validation.parquet", "test.parquet")
OF_LISTS = {"top_n", "relevant_rating", "ranking_users"}  # params of `evaluate`
THREADS = 2  # of a contender that trains alone; while tuning, two run at a time with one each


@dataclass(frozen=True)
class Draw:
    """One draw of the split, and the runs of contenders on it. lists: also make top-n lists."""

    folder: Path
    params: Params
    store: Path
    lists: bool = True

    def run(self, task: str, name: str, n_threads: int, *options: object) -> dict[str, Any]:
        """Run a task of a contender, or read its stored result; `failed`: the reason."""
        out = self.path(task, name, *options)
        done = Path(f"{out}.json")
        if not done.exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            more = ("--threads", n_threads, "--seed", self.params.seed, *options)
            arguments = (task, name, self.folder, out, *more)
            limits = limit_threads(n_threads)
            result = run_module("benchmarks.quality.models", *arguments, environment=limits)
            if "failed" in result:
                print(f"{name}   failed: {result['failed']}", flush=True)
                return result
            with atomic.atomic_file(done) as partial:
                partial.write_text(json.dumps(result, indent=2), encoding="utf-8")
        finished: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
        return finished

    def path(self, task: str, name: str, *options: object) -> Path:
        """Where a task's result is stored, named by all that it depends on.

        Of a peer, that is its version, its adapter and the protocol, but no code of movierec.
        """
        contender, is_ours = FIELD[name], FIELD[name].package == "movierec"
        described = {key: of for key, of in vars(contender).items() if key != "train"}
        settings = [task, described, version_of(contender.package), self.params.seed]
        settings += [*map(str, options), self.params.evaluate.model_dump(include=OF_LISTS)]
        adapter = sys.modules[contender.train.__module__].__file__ or ""
        files = [self.folder / part for part in PARTS]
        files += [Path(adapter), ROOT / "benchmarks/quality/protocol.py"]
        if is_ours:
            settings.append(self.params.train.model_dump())
            files += [ROOT / "benchmarks/ours.py", *checkpoint.code_files("train")]
        else:
            files.append(ROOT / "benchmarks/peers/__init__.py")
        key = checkpoint.make_key(settings, files)
        plain = name.replace(" ", "_").replace(",", "")
        return self.store / f"{plain}-{task}-{key[:12]}"

    def results(self, tuned: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Train each contender alone with its settings; its entries, and the sizes of the parts."""
        entries, squared = {}, {}
        known, n_items = self.known()
        test = parquet_tables.read_ratings(self.folder / "test.parquet")
        for name, of in tuned.items():
            if FIELD[name].by != "rmse" and not self.lists:
                continue
            options = ["--settings", json.dumps(of["settings"])]
            options += [] if self.lists else ["--no-lists"]
            entry = self.run("train", name, THREADS, *options)
            if "failed" not in entry:
                answers = Path(f"{self.path('train', name, *options)}.npz")
                measured, squares = score.errors(answers, test, known, n_items, self.params)
                entry |= {"seed": self.params.seed, "test": measured}
                if squares is not None:
                    squared[name] = squares
                print(f"{name}   {measured}", flush=True)
            entries[name] = entry
        for name, more in score.intervals(squared, BASE, test, self.params.seed).items():
            entries[name]["test"] |= more
        return entries, score.describe(test, known, n_items)

    def known(self) -> tuple[Csr, int]:
        """The ratings that are not test, and the number of items."""
        by_user, by_item = parquet_tables.read_train(self.folder)
        validation = parquet_tables.read_ratings(self.folder / "validation.parquet")
        return by_user.insert(validation), by_item.n_rows


def tune(draw: Draw, names: list[str], n_trials: int, tune_ours: bool) -> dict[str, Any]:
    """The settings of each contender, tuned two at a time."""
    more = ["--tune-ours"] if tune_ours else []

    def settings(name: str) -> dict[str, Any]:
        return draw.run("tune", name, 1, "--trials", n_trials, *more)

    pool = ThreadPoolExecutor(THREADS)
    try:
        return dict(zip(names, pool.map(settings, names), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)


def compare(draws: Iterator[Draw], names: list[str], *tuning: Any) -> dict[str, Any]:
    """Tune all contenders on the first draw, and train them on every draw."""
    first = next(draws)
    tuned = tune(first, names, *tuning)
    failed = {name: of["failed"] for name, of in tuned.items() if "failed" in of}
    tuned = {name: of for name, of in tuned.items() if name not in failed}
    seeds, shapes = [], []
    entries: dict[str, list[dict[str, Any]]] = {name: [] for name in tuned}
    for draw in itertools.chain([first], draws):
        of_draw, shape = draw.results(tuned)
        seeds.append(draw.params.seed)
        shapes.append(shape)
        for name, entry in of_draw.items():
            entries[name].append(entry)
            if "failed" in entry:
                failed.setdefault(name, entry["failed"])
    results = [
        {"name": name, "package": FIELD[name].package, "version": version_of(FIELD[name].package)}
        | tuned[name]
        | {"effort": effort(name), "draws": of_draws}
        for name, of_draws in entries.items()
        if name not in failed
    ]
    absent = {name: f"failed: {reason}" for name, reason in failed.items()}
    return {"seeds": seeds, "shape": shapes[0], "results": results, "absent": absent}


def effort(name: str) -> dict[str, list[Any]]:
    """What differs between trials, the repeated best trials, and training: numbers of sweeps."""
    of = FIELD[name]
    return {key: [of.in_trials[key], of.in_final[key], of.fixed[key]] for key in of.in_trials}


def write_split(folder: Path, parts: tuple[Ratings, ...], n_users: int, n_items: int) -> None:
    """Write train, validation, test and, if there are any, the other parts, as the split does."""
    train, validation, test, *given = parts
    given = given or [test.take(np.zeros(0, int))] * 2
    by_user = train.by_user(n_users)
    by_item = by_user.transpose(n_items)
    columns = list(vars(train).items())[1:]
    parquet_tables.write_table(folder / "train_by_user.parquet", dict(columns))
    parquet_tables.write_rows(folder / "train_users.parquet", by_user.counts)
    of_items = {"user_index": by_item.indices, "rating": by_item.values}
    parquet_tables.write_table(folder / "train_by_item.parquet", of_items)
    parquet_tables.write_rows(folder / "train_items.parquet", by_item.counts)
    parquet_tables.write_table(folder / "validation.parquet", vars(validation))
    parquet_tables.write_table(folder / "test.parquet", vars(test))
    for name, part in zip(parquet_tables.GIVEN, given, strict=True):
        parquet_tables.write_table(folder / f"{name}.parquet", vars(part))


def draws_of(args: argparse.Namespace, params: Params) -> Iterator[Draw]:
    """The committed split, or a new one by args.protocol, and further draws of it."""
    store = args.out / ".compare"
    if not args.protocol:
        yield Draw(args.split, params, store)
    block = params.split.model_copy(update={"protocol": args.protocol or params.split.protocol})
    for seed in [params.seed, *range(1, args.draws)][0 if args.protocol else 1 :]:
        changed = params.model_copy(update={"split": block, "seed": seed})
        ratings, n_users, n_items = ours.read_index()
        parts = splitting.split(ratings, n_users, block, seed)
        with tempfile.TemporaryDirectory() as scratch:
            write_split(Path(scratch), parts, n_users, n_items)
            yield Draw(Path(scratch), changed, store, lists=seed == params.seed)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=40, help="settings that each may try")
    parser.add_argument("--only", nargs="*", choices=FIELD, metavar="NAME", help="who competes")
    parser.add_argument("--protocol", choices=splitting.PROTOCOLS, help="compare on a new split")
    parser.add_argument("--draws", type=int, default=3, help="this many draws of the split")
    parser.add_argument("--tune-ours", action="store_true", help="tune movierec's params as well")
    parser.add_argument("--split", type=Path, default=paths.SPLIT)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args(arguments)
    params = load_params()
    manifests.read_manifest(args.split, params.dataset)
    names = args.only or list(FIELD)
    missing = [name for name in names if version_of(FIELD[name].package) is None]
    absent = {name: f"{FIELD[name].package} is not installed" for name in missing}
    present = [name for name in names if name not in absent]
    found = compare(draws_of(args, params), present, args.trials, args.tune_ours)
    report = {"machine": machine(), "dataset": params.dataset, "base": BASE, "trials": args.trials}
    report |= {"threads": THREADS, "protocol": args.protocol or params.split.protocol}
    report |= found | {"absent": absent | found["absent"]}
    kind = f"-{args.protocol}" if args.protocol else ""
    write_report(args.out / f"compare-{params.dataset}{kind}", report, score.table(report))


if __name__ == "__main__":
    main()
