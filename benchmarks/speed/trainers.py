"""One contender of the benchmark a process: `python -m benchmarks.speed.trainers NAME FOLDER …`.

Each reads the same arrays from FOLDER, trains, and prints one line of JSON. A process of its own
gives each its own threads and memory, and lets one that is not installed be named as such.
"""

import argparse
import importlib.metadata
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from movierec.training import in_memory

PRECISION, PER_RATING = 5.0, 0.05


class Data:
    """Training ratings as arrays, ordered by user; indices are int32."""

    def __init__(self, folder: Path):
        load = {path.stem: np.load(path) for path in folder.glob("*.npy")}
        self.user, self.item, self.rating = load["user"], load["item"], load["rating"]
        self.n_users, self.n_items = (int(number) for number in load["shape"])

    def csr(self) -> Any:
        import scipy.sparse

        counts = np.bincount(self.user, minlength=self.n_users)
        indptr = np.concatenate(([0], np.cumsum(counts)))
        shape = (self.n_users, self.n_items)
        return scipy.sparse.csr_matrix((self.rating, self.item, indptr), shape=shape)


def timed(steps: Iterator[Any], n: int) -> list[float]:
    """Seconds of each of n steps after one that warms up."""
    next(steps)
    seconds = []
    for _ in range(n):
        before = time.perf_counter()
        next(steps)
        seconds.append(time.perf_counter() - before)
    return seconds


def by_difference(train: Callable[[int], None], n: int, times: int = 1) -> list[float]:
    """Mean seconds an epoch of a trainer that only runs whole: (1 + n) epochs less 1, over n."""
    means = []
    for _ in range(times):
        spans = []
        for n_epochs in (1, 1 + n):
            before = time.perf_counter()
            train(n_epochs)
            spans.append(time.perf_counter() - before)
        means.append((spans[1] - spans[0]) / n)
    return means


def movierec(data: Data, n_factors: int, n: int) -> list[float]:
    from movierec.training import als

    by_user = csr_of(data)
    ratings = in_memory.InMemoryData(by_user, by_user.transpose(data.n_items))
    params = movierec_params(n_factors)
    model = als.start(ratings, params, seed=0)

    def steps() -> Iterator[None]:
        nonlocal model
        while True:
            model = als.run_epoch(model, ratings, params)
            yield

    return timed(steps(), n)


def csr_of(data: Data) -> Any:
    from movierec.data.rating_arrays import Csr, indptr_from_counts

    indptr = indptr_from_counts(np.bincount(data.user, minlength=data.n_users))
    return Csr(indptr, data.item, data.rating)


def movierec_params(n_factors: int) -> Any:
    from movierec.core.params import load_params

    params = load_params(Path(__file__).parents[2] / "params.yaml").train
    changed = {"n_factors": n_factors, "factor_precision": PRECISION}
    return params.model_copy(update=changed | {"factor_precision_per_rating": PER_RATING})


def lenskit(data: Data, n_factors: int, n: int) -> list[float]:
    """LensKit's explicit ALS: static biases, exact solves."""
    import pandas as pd
    from lenskit.als import BiasedMFScorer
    from lenskit.data import from_interactions_df
    from lenskit.training import TrainingOptions

    frame = pd.DataFrame({"user_id": data.user, "item_id": data.item, "rating": data.rating})
    dataset = from_interactions_df(frame)
    scorer = BiasedMFScorer(embedding_size=n_factors, epochs=n + 1, regularization=0.1)
    loop = scorer.create_trainer(dataset, TrainingOptions(rng=0))

    def steps() -> Iterator[None]:
        while True:
            loop.train_epoch()
            yield

    return timed(steps(), n)


def cmfrec(data: Data, n_factors: int, n: int, use_cg: bool = False) -> list[float]:
    import scipy.sparse
    from cmfrec import CMF

    shape = (data.n_users, data.n_items)
    matrix = scipy.sparse.coo_matrix((data.rating, (data.user, data.item)), shape=shape)

    def train(n_epochs: int) -> None:
        CMF(
            k=n_factors,
            niter=n_epochs,
            use_cg=use_cg,
            finalize_chol=False,
            lambda_=0.05,
            scale_lam=True,
            use_float=True,
            precompute_for_predictions=False,
            nthreads=-1,
            verbose=False,
        ).fit(matrix)

    return by_difference(train, n, times=n if use_cg else 1)


def cmfrec_cg(data: Data, n_factors: int, n: int) -> list[float]:
    return cmfrec(data, n_factors, n, use_cg=True)


def spark(data: Data, n_factors: int, n: int) -> list[float]:
    """Spark MLlib's ALS, local[2]."""
    import tempfile

    import pyarrow as pa
    import pyarrow.parquet
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "12g")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/ratings.parquet"
        columns = {"user": data.user, "item": data.item, "rating": data.rating}
        pa.parquet.write_table(pa.table(columns), path)
        frame = session.read.parquet(path).cache()
        frame.count()

        def train(n_epochs: int) -> None:
            ALS(
                rank=n_factors,
                maxIter=n_epochs,
                regParam=0.05,
                userCol="user",
                itemCol="item",
                ratingCol="rating",
                numUserBlocks=2,
                numItemBlocks=2,
                seed=0,
            ).fit(frame)

        seconds = by_difference(train, n)
    session.stop()
    return seconds


def implicit(data: Data, n_factors: int, n: int) -> list[float]:
    """implicit's own model, ALS on implicit feedback, by its default three CG steps."""
    from implicit.als import AlternatingLeastSquares

    matrix = data.csr()
    seconds: list[float] = []
    model = AlternatingLeastSquares(n_factors, iterations=n + 1, random_state=0)
    model.fit(matrix, show_progress=False, callback=lambda *entry: seconds.append(entry[1]))
    return seconds[1:]


def movierec_top_n(data: Data, n_factors: int, n: int) -> list[float]:
    from movierec.model import top_n_lists
    from movierec.model.biased_mf import Model

    users, items = random_factors(data, n_factors)
    zeros = np.zeros(data.n_users, np.float32), np.zeros(data.n_items, np.float32)
    model, seen = Model(0.0, users, items, *zeros), csr_of(data)

    def steps() -> Iterator[None]:
        while True:
            top_n_lists.top_n(model, seen, 20)
            yield

    return timed(steps(), n)


def implicit_top_n(data: Data, n_factors: int, n: int) -> list[float]:
    """implicit's `recommend` on the same factors, for all users in its own batches."""
    from implicit.cpu.als import AlternatingLeastSquares

    model, matrix = AlternatingLeastSquares(n_factors), data.csr()
    model.user_factors, model.item_factors = random_factors(data, n_factors)
    users = np.arange(data.n_users)

    def steps() -> Iterator[None]:
        while True:
            for batch in np.array_split(users, max(1, data.n_users // 20_000)):
                model.recommend(batch, matrix[batch], N=20, filter_already_liked_items=True)
            yield

    return timed(steps(), n)


def random_factors(data: Data, n_factors: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    return (
        draw.normal(size=(data.n_users, n_factors)).astype(np.float32),
        draw.normal(size=(data.n_items, n_factors)).astype(np.float32),
    )


def sgemm(_: Data, n_factors: int, n: int) -> list[float]:
    """NumPy's own float32 matrix product on all cores: what the processor can do."""
    square = np.random.default_rng(0).normal(size=(4096, 4096)).astype(np.float32)

    def steps() -> Iterator[None]:
        while True:
            square @ square
            yield

    return timed(steps(), n)


CONTENDERS = {
    "movierec": (movierec, "movierec"),
    "lenskit": (lenskit, "lenskit"),
    "cmfrec Cholesky": (cmfrec, "cmfrec"),
    "cmfrec CG": (cmfrec_cg, "cmfrec"),
    "spark": (spark, "pyspark"),
    "implicit CG": (implicit, "implicit"),
    "sgemm": (sgemm, "numpy"),
    "movierec top-n": (movierec_top_n, "movierec"),
    "implicit top-n": (implicit_top_n, "implicit"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n-factors", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    run, package = CONTENDERS[args.name]
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        print(json.dumps({"absent": f"{package} is not installed"}))
        return
    data = Data(args.folder)
    seconds = run(data, args.n_factors, args.epochs)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    result = {"version": version, "seconds": seconds, "median": statistics.median(seconds)}
    print(json.dumps(result | {"peak_bytes": peak}))


if __name__ == "__main__":
    main()
