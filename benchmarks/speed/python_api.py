"""Compare `fit` from Python with the stage that trains the same model on the same ratings.

    python -m benchmarks.speed.python_api            ml-100k and 1 M generated ratings, a minute

After `make run`. The train and validation parts of the split become two DataFrames in random
order, for `fit`, and the files that a stage reads. So both train on the same ratings with the same
params, seed and threads; the benchmark fails unless their models are bit-identical. In one process,
in turn, after one run each to warm up:

- fit: `fit(train, validation)`, from the DataFrames to the model, indexing included
- stage: reading the files, early stopping and refit: what `fit` does, and no more
- whole stage: its `main`, which also checks hashes and writes checkpoints, metrics and the model

Then whole processes, in turn: one that imports movierec, reads both DataFrames from Parquet and
fits, and one that runs the stage's program.
"""

import argparse
import contextlib
import io
import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numba
import numpy as np
import pandas as pd
from ruamel.yaml import YAML

import movierec as mr
from benchmarks import ours
from benchmarks.generate import generate
from benchmarks.harness import RESULTS, ROOT, machine, version_of, write_report
from benchmarks.quality.run import write_split
from movierec.core import manifests, yaml_file
from movierec.core.params import ImplicitParams, Params, TrainParams, load_params
from movierec.core.paths import INDEX, SPLIT
from movierec.data import parquet_tables
from movierec.engine.local import Engine
from movierec.training import early_stopping, loading, rating_model, search
from movierec.training.implicit_als import ImplicitTrainer

N_GENERATED = 1_000_000
PACKAGES = ("movierec", "numba", "numpy", "pandas", "pyarrow")
PARTS = ("train", "validation")
ESTIMATORS = {"train": "ALS", "implicit": "ImplicitALS"}  # by stage
PROGRAM = """
import json, sys
import pandas as pd
import movierec as mr
train, validation = (pd.read_parquet(f"{part}.parquet") for part in ("train", "validation"))
getattr(mr, sys.argv[1])(**json.loads(sys.argv[2])).fit(train, validation)
"""


def read_ml_100k() -> pd.DataFrame:
    """All ratings of the last run."""
    manifests.read_manifest(INDEX, "ml-100k")
    return ours.read_frame()


def generated(n_ratings: int) -> pd.DataFrame:
    data = generate(n_ratings)
    columns = {"user_id": data.user_index, "item_id": data.item_index}
    return pd.DataFrame(columns | {"rating": data.rating, "timestamp": data.timestamp})


def split(ratings: pd.DataFrame, params: Params) -> list[pd.DataFrame]:
    """The train and validation parts of the split, in random order."""
    shares = params.split.model_dump(include={"protocol", "test_fraction", "validation_fraction"})
    parts = mr.split(ratings, **shares, random_state=params.seed)
    frames = [getattr(parts, part).to_pandas() for part in PARTS]
    return [frame.sample(frac=1, random_state=0, ignore_index=True) for frame in frames]


def write_project(folder: Path, frames: list[pd.DataFrame], dataset: str) -> None:
    """Write the files that both read: a split with the indices that `fit` gives, and Parquet."""
    train, validation = map(mr.RatingTable.read, frames)
    validation = validation.with_ids_of(train)
    train = train.with_ids_of(validation)
    for path in (INDEX, SPLIT):
        (folder / path).mkdir(parents=True)
    parquet_tables.write_table(folder / INDEX / "items.parquet", {"movie_id": train.item_ids})
    none = validation.ratings.take(np.zeros(0, np.int64))
    n_rows = len(train.user_ids), len(train.item_ids)
    write_split(folder / SPLIT, (train.ratings, validation.ratings, none), *n_rows)
    records = {"download": manifests.make_record({"dataset": dataset}, {"none": "0"})}
    for name, path in (("index", INDEX), ("split", SPLIT)):
        records[name] = manifests.make_record({}, manifests.hash_files(folder / path))
    manifests.write_manifest(folder / SPLIT, records)
    for part, frame in zip(PARTS, frames, strict=True):
        frame.to_parquet(folder / f"{part}.parquet")
    shutil.copy2(ROOT / "datasets.yaml", folder)
    params = yaml_file.read(ROOT / "params.yaml")
    YAML().dump({**params, "dataset": dataset}, folder / "params.yaml")


@dataclass(frozen=True)
class Contest:
    """A stage and the estimator of the same model, on the project in the current folder."""

    stage: str
    params: Params

    @property
    def settings(self) -> TrainParams | ImplicitParams:
        return self.params.train if self.stage == "train" else self.params.implicit

    @property
    def arguments(self) -> dict[str, Any]:
        """Those of the estimator, by the params."""
        names = getattr(mr, ESTIMATORS[self.stage])().get_params()
        others = {"random_state": self.params.seed, "rating_scale": tuple(self.params.data.scale)}
        return self.settings.model_dump(include=set(names)) | others

    def train(self) -> tuple[search.TrainedModel[Any, Any], int]:
        """Train as the stage does; the model, and the number of epochs of the search."""
        make_trainer: Any = {"train": rating_model.make_trainer, "implicit": ImplicitTrainer}
        seed, scale, n_epochs = self.params.seed, self.params.data.scale, []

        def fit(settings: Any, is_refit: bool, start: Any) -> Any:
            data = loading.load(Engine(self.params.engine), settings, is_refit, Path())
            trainer = make_trainer[self.stage](data, settings, seed, scale)
            trainer.start = start
            state = early_stopping.fit(trainer)
            n_epochs.append(len(state.epochs))
            return state, trainer

        return search.fit_twice(fit, self.settings), n_epochs[0]

    def in_process(self, frames: list[pd.DataFrame]) -> dict[str, Callable[[], Any]]:
        estimator = getattr(mr, ESTIMATORS[self.stage])(**self.arguments)
        main = runpy.run_path(str(ROOT / f"stages/{self.stage}.py"))["main"]
        return {
            "fit": lambda: estimator.fit(*frames),
            "stage": self.train,
            "whole stage": lambda: quietly(main),
        }

    def processes(self) -> dict[str, Callable[[], Any]]:
        program = str(ROOT / f"stages/{self.stage}.py")
        arguments = ESTIMATORS[self.stage], json.dumps(self.arguments)
        return {
            "fit": lambda: run_python("-c", PROGRAM, *arguments),
            "stage": lambda: run_python(program),
        }


def quietly(main: Callable[[], Any]) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        main()


def run_python(*arguments: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, *arguments]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


def alternate(
    contenders: Mapping[str, Callable[[], Any]], n_runs: int
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """The seconds of n_runs runs of each, in turn after one to warm up, and its first result."""
    results = {name: run() for name, run in contenders.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(n_runs):
        for name, run in contenders.items():
            before = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - before)
    return seconds, results


def compare(contest: Contest, frames: list[pd.DataFrame], n_runs: int) -> dict[str, Any]:
    """The epochs, and the seconds of all; RuntimeError if fit and the stage differ in a bit."""
    seconds, results = alternate(contest.in_process(frames), n_runs)
    estimator, (trained, n_epochs) = results["fit"], results["stage"]
    epochs = n_epochs, trained.best_epoch
    same = [np.array_equal(estimator.model_.arrays[k], v) for k, v in trained.model.arrays.items()]
    if not all(same) or (len(estimator.epochs_), estimator.best_epoch_) != epochs:
        raise RuntimeError(f"{contest.stage}: fit gives another model than the stage")
    processes, _ = alternate(contest.processes(), n_runs)
    seconds |= {f"{name}, process": values for name, values in processes.items()}
    medians = {name: median(values) for name, values in seconds.items()}
    return {
        "estimator": ESTIMATORS[contest.stage],
        "stage": contest.stage,
        "epochs": dict(zip(("search", "refit"), epochs, strict=True)),
        "fit_over_stage": medians["fit"] / medians["stage"],
        "medians": medians,
        "seconds": seconds,
    }


def measure(name: str, dataset: str, ratings: pd.DataFrame, n_runs: int) -> list[dict[str, Any]]:
    """Compare both models. name: of the ratings. dataset: whose rating scale they have."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        frames = split(ratings, load_params(ROOT / "params.yaml"))
        write_project(Path(), frames, dataset)
        sizes = {f"n_{part}": len(frame) for part, frame in zip(PARTS, frames, strict=True)}
        results = []
        for stage in ESTIMATORS:
            entry = {"ratings": name, **sizes}
            entry |= compare(Contest(stage, load_params()), frames, n_runs)
            print(json.dumps(entry), file=sys.stderr, flush=True)
            results.append(entry)
    return results


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    host = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    names = list(report["results"][0]["medians"])
    lines = [
        f"Seconds, medians of {report['n_runs']} runs (least–greatest), params of params.yaml;"
        f" {host['processor']}, {host['cores']} cores, {report['n_threads']} threads;"
        f" Python {host['python']}, {versions}.",
        "",
        f"| ratings | model | epochs | fit over stage | {' | '.join(names)} |",
        "|---" * (4 + len(names)) + "|",
    ]
    for entry in report["results"]:
        n_ratings = entry["n_train"] + entry["n_validation"]
        cells = [f"{entry['ratings']}, {n_ratings:,}", f"`{entry['estimator']}`"]
        cells.append(f"{entry['epochs']['search']} + {entry['epochs']['refit']}")
        cells.append(f"{entry['fit_over_stage']:.3f}")
        for name in names:
            values = entry["seconds"][name]
            cells.append(f"{median(values):.3f} ({min(values):.3f}–{max(values):.3f})")
        lines.append(f"| {' | '.join(cells)} |")
    explanation = __doc__.partition("`make run`. ")[2].strip()
    return "\n".join([*lines, "", explanation])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generated", type=int, default=N_GENERATED, help="number of ratings")
    parser.add_argument("--only", choices=("ml-100k", "generated"), help="the ratings to use")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    results = []
    if args.only != "generated":
        results += measure("ml-100k", "ml-100k", read_ml_100k(), args.runs)
    if args.only != "ml-100k":
        results += measure("generated", "ml-25m", generated(args.generated), args.runs)
    report = {
        "machine": machine(),
        "n_threads": numba.get_num_threads(),
        "versions": {name: version_of(name) for name in PACKAGES},
        "n_runs": args.runs,
        "results": results,
    }
    write_report(args.out / "python-api", report, table(report))


if __name__ == "__main__":
    main()
