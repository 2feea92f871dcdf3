"""Compare movierec with every installed peer on the same split, each tuned on validation.

    python -m benchmarks.quality.run                            the committed split; 20 minutes
    python -m benchmarks.quality.run --protocol point_in_time   another protocol, a new split
    python -m benchmarks.quality.run --draws 5 --only "mf, als" "mf, gibbs" cmfrec

Each contender tries the same number of settings, by Optuna, and uses the best on validation. It is
trained again with them on train and validation together, in its own process with nothing else
running, and its predictions on test are evaluated here. Finished work is stored under .compare in
the folder of results, so an interrupted run resumes. docs/benchmarks.md explains the results.
"""

import argparse
import json
import tempfile
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
from movierec.core import manifests, paths
from movierec.core.params import Params, load_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Csr, Ratings
from movierec.prepare import split as splitting
from movierec.training import checkpoint

PARTS = ("train_by_user.parquet", "train_users.parquet", "validation.parquet", "test.parquet")
FEWER = {"myFM, SVD++ flipped": 14}  # trials; one takes up to minutes, 14 as long as others' 40
THREADS = 2  # of a contender that trains alone; while tuning, two run at a time with one each


@dataclass(frozen=True)
class Comparison:
    """One split, and the runs of contenders on it."""

    folder: Path
    params: Params
    trials: int
    out: Path
    tune_ours: bool = False

    def place(self, name: str) -> Path:
        """The file of a contender's result, named by everything that it depends on."""
        package = FIELD[name].package
        settings: list[Any] = [name, version_of(package), self.trials_of(name), self.params.seed]
        settings += [self.tune_ours, self.params.evaluate.model_dump()]
        files = [self.folder / part for part in PARTS]
        for room in ("quality", "peers"):
            files += sorted((ROOT / "benchmarks" / room).glob("*.py"))
        if package == "movierec":
            settings.append(self.params.train.model_dump())
            files += sorted((ROOT / "src").rglob("*.py"))
        key = checkpoint.make_key(settings, files)
        return self.out / ".compare" / f"{name.replace(' ', '_').replace(',', '')}-{key[:12]}"

    def trials_of(self, name: str) -> int:
        return min(self.trials, FEWER.get(name, self.trials))

    def run(self, task: str, name: str, threads: int, *more: str) -> dict[str, Any]:
        """Run a task of a contender, or read its stored result; `failed`: the reason."""
        out = self.place(name).with_suffix(f".{task}")
        done = Path(f"{out}.json")
        if not done.exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            options = ("--threads", threads, "--seed", self.params.seed, *more)
            arguments = (task, name, self.folder, out, *options)
            limits = limit_threads(threads)
            result = run_module("benchmarks.quality.models", *arguments, environment=limits)
            if "failed" in result:
                print(f"{name}   failed: {result['failed']}", flush=True)
                return result
            done.write_text(json.dumps(result, indent=2), encoding="utf-8")
        finished: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
        return finished

    def tune(self, name: str) -> dict[str, Any]:
        more = ["--tune-ours"] if self.tune_ours else []
        return self.run("tune", name, 1, "--trials", str(self.trials_of(name)), *more)

    def train(self, name: str, tuned: dict[str, Any]) -> dict[str, Any]:
        settings = json.dumps(tuned["settings"])
        trained = self.run("train", name, THREADS, "--settings", settings)
        return trained if "failed" in trained else tuned | trained

    def results(self, names: list[str]) -> dict[str, Any]:
        """The results of all contenders; two are tuned at a time, but each is trained alone."""
        with ThreadPoolExecutor(THREADS) as pool:
            tuned = dict(zip(names, pool.map(self.tune, names), strict=True))
        entries, failed, squared = [], {}, {}
        known, n_items = self.known()
        test = parquet_tables.read_ratings(self.folder / "test.parquet")
        for name in names:
            entry = tuned[name] if "failed" in tuned[name] else self.train(name, tuned[name])
            if "failed" in entry:
                failed[name] = f"failed: {entry['failed']}"
                continue
            answers = Path(f"{self.place(name)}.train.npz")
            measured, squares = score.errors(answers, test, known, n_items, self.params)
            package = FIELD[name].package
            of_package = {"package": package, "version": version_of(package)}
            entries.append({"name": name, **of_package, **entry, "test": measured})
            if squares is not None:
                squared[name] = squares
            print(f"{name}   {measured}", flush=True)
        more = score.intervals(squared, BASE, test, self.params.seed)
        for entry in entries:
            entry["test"] |= more.get(entry["name"], {})
        shape = score.describe(test, known, n_items)
        return {"shape": shape, "results": entries, "absent": failed}

    def known(self) -> tuple[Csr, int]:
        """The ratings that are not test, and the number of items."""
        by_user, by_item = parquet_tables.read_train(self.folder)
        validation = parquet_tables.read_ratings(self.folder / "validation.parquet")
        return by_user.insert(validation), by_item.n_rows


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


def compare_anew(
    args: argparse.Namespace, params: Params, names: list[str], seed: int
) -> dict[str, Any]:
    """Compare all contenders on a new split, by args.protocol and this seed."""
    protocol = args.protocol or params.split.protocol
    block = params.split.model_copy(update={"protocol": protocol})
    changed = params.model_copy(update={"split": block, "seed": seed})
    ratings, n_users, n_items = ours.read_index()
    parts = splitting.split(ratings, n_users, block, seed)
    with tempfile.TemporaryDirectory() as scratch:
        write_split(Path(scratch), parts, n_users, n_items)
        options = (args.trials, args.out, args.tune_ours)
        return Comparison(Path(scratch), changed, *options).results(names)


def compare_draws(args: argparse.Namespace, params: Params, names: list[str]) -> dict[str, Any]:
    """Compare all contenders on several draws of the split, the committed one first."""
    seeds = [params.seed, *range(1, args.draws)]
    results: dict[str, list[dict[str, float]]] = {}
    for seed in seeds:
        for entry in compare_anew(args, params, names, seed)["results"]:
            if test := entry["test"].get("rmse"):
                of_draw = {"validation": entry["validation"], "test": test}
                results.setdefault(entry["name"], []).append(of_draw)
    return {"seeds": seeds, "results": results}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=40, help="settings that each may try")
    parser.add_argument("--only", nargs="*", choices=FIELD, metavar="NAME", help="who competes")
    parser.add_argument("--protocol", choices=splitting.PROTOCOLS, help="compare on a new split")
    parser.add_argument("--draws", type=int, default=0, help="this many draws of the split")
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
    report = {"machine": machine(), "dataset": params.dataset, "base": BASE, "trials": args.trials}
    report |= {"threads": THREADS, "protocol": args.protocol or params.split.protocol}
    if args.draws:
        found = compare_draws(args, params, present)
    elif args.protocol:
        found = compare_anew(args, params, present, params.seed)
    else:
        comparison = Comparison(args.split, params, args.trials, args.out, args.tune_ours)
        found = comparison.results(present)
    report |= found | {"absent": absent | found.get("absent", {})}
    text = (score.table_of_draws if args.draws else score.table)(report)
    kind = "-draws" if args.draws else f"-{args.protocol}" if args.protocol else ""
    write_report(args.out / f"compare-{params.dataset}{kind}", report, text)


if __name__ == "__main__":
    main()
