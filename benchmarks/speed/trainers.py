"""One contender of the benchmark: `python -m benchmarks.speed.trainers NAME FOLDER …`.

Reads the training ratings from FOLDER, trains, and prints one line of JSON.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks import harness, ours
from benchmarks.harness import ROOT
from benchmarks.peers import cmfrec, implicit, lenskit, spark
from movierec.core.params import TrainParams, load_params
from movierec.data.rating_arrays import Array, Csr

PRECISION, PER_RATING = 5.0, 0.05

Contender = Callable[[Csr, int, int, int], list[float]]  # of ratings, n_items, n_factors, n


def read(folder: Path) -> tuple[Csr, int]:
    """Read the training ratings by user, and the number of items."""
    names = ("indptr", "indices", "values")
    csr = Csr(*(np.load(folder / f"{name}.npy") for name in names))
    return csr, int(np.load(folder / "n_items.npy"))


def our_params(n_factors: int) -> TrainParams:
    changes = {"n_factors": n_factors, "factor_precision": PRECISION}
    changes |= {"factor_precision_per_rating": PER_RATING}
    return load_params(ROOT / "params.yaml").train.model_copy(update=changes)


def random_factors(by_user: Csr, n_items: int, n_factors: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    users = rng.normal(size=(by_user.n_rows, n_factors)).astype(np.float32)
    return users, rng.normal(size=(n_items, n_factors)).astype(np.float32)


def sgemm(by_user: Csr, n_items: int, n_factors: int, n: int) -> list[float]:
    """NumPy's float32 matrix product on all cores, the limit of the processor."""
    square = np.random.default_rng(0).normal(size=(4096, 4096)).astype(np.float32)

    def steps() -> Iterator[None]:
        while True:
            square @ square
            yield

    return harness.time_steps(steps(), n)


CONTENDERS: dict[str, tuple[Contender, str]] = {  # and the package
    "movierec": (lambda u, i, f, n: ours.time_epochs(u, i, our_params(f), n), "movierec"),
    "lenskit": (lenskit.time_epochs, "lenskit"),
    "cmfrec Cholesky": (lambda u, i, f, n: cmfrec.time_epochs(u, i, f, n, False), "cmfrec"),
    "cmfrec CG": (lambda u, i, f, n: cmfrec.time_epochs(u, i, f, n, True), "cmfrec"),
    "spark": (spark.time_epochs, "pyspark"),
    "implicit CG": (implicit.time_epochs, "implicit"),
    "sgemm": (sgemm, "numpy"),
    "movierec top-n": (
        lambda u, i, f, n: ours.time_lists(u, random_factors(u, i, f), n),
        "movierec",
    ),
    "implicit top-n": (
        lambda u, i, f, n: implicit.time_lists(u, random_factors(u, i, f), n),
        "implicit",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n-factors", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    run, package = CONTENDERS[args.name]
    version = harness.version_of(package)
    if version is None:
        print(json.dumps({"absent": f"{package} is not installed"}))
        return
    seconds = run(*read(args.folder), args.n_factors, args.epochs)
    result = {"version": version, "seconds": seconds, "median": statistics.median(seconds)}
    print(json.dumps(result | {"peak_bytes": harness.memory_of()}))


if __name__ == "__main__":
    main()
