"""Whether two runs differ by more than chance: their errors and rankings, user by user.

A run is what evaluate left of it, here or at a Git revision: DVC's cache holds the values by user.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from movierec.core import random_streams
from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest
from movierec.core.paths import EVALUATION_BY_USER
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array
from movierec.evaluation import bootstrap
from movierec.evaluation.bootstrap import mean_of, root_of

WORKSPACE = "workspace"  # what DVC calls the files here
N_RESAMPLES = 2000
P_LIMIT = 0.05


@dataclass(frozen=True)
class Run:
    """What was measured of each user, and the manifest of what measured it."""

    name: str
    manifest: Manifest
    n_test: Array
    squared_error: Array
    absolute_error: Array
    ndcg: Array
    recall: Array


@dataclass(frozen=True)
class Difference:
    """A metric of two runs, and what b − a is: an interval and the chance of it without cause."""

    metric: str
    a: float
    b: float
    low: float
    high: float
    p_value: float
    lower_is_better: bool

    @property
    def verdict(self) -> str:
        """Whether b is better than a, in words."""
        if not self.p_value < P_LIMIT:
            return "no difference shown"
        return "better" if (self.b < self.a) == self.lower_is_better else "worse"


def read_run(name: str) -> Run:
    """A run here ("workspace") or of a Git revision or experiment.

    Raises MovierecError where there is none, or none of its values is in DVC's cache.
    """
    if name == WORKSPACE:
        return _read(name, EVALUATION_BY_USER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / EVALUATION_BY_USER.name
        _fetch(name, path)
        return _read(name, path)


def compare(a: Run, b: Run) -> list[Difference]:
    """Each metric of both, best known first.

    Raises MovierecError unless both were judged on the same test ratings, in the same way.
    """
    _check_comparable(a, b)
    return list(_differences(a, b))


def _differences(a: Run, b: Run) -> Iterator[Difference]:
    there = a.n_test > 0
    counts = a.n_test[there]
    for metric, column, statistic in (
        ("rmse", "squared_error", root_of),
        ("mae", "absolute_error", mean_of),
    ):
        yield _difference(
            metric, [getattr(run, column)[there] for run in (a, b)], statistic, counts
        )
    n = a.manifest["evaluate"]["params"]["evaluate"]["top_n"]
    judged = ~np.isnan(a.ndcg)
    for column in ("ndcg", "recall"):
        values = [getattr(run, column)[judged] for run in (a, b)]
        yield _difference(f"{column}@{n}", values, mean_of, np.ones(len(values[0])))


def _difference(
    metric: str, values: list[Array], statistic: bootstrap.Statistic, counts: Array
) -> Difference:
    def difference(a: Array, b: Array, count: Array) -> Array:
        return np.asarray(statistic(b, count) - statistic(a, count))

    draw = random_streams.stream(0, "compare_runs")
    low, high = bootstrap.interval(difference, *values, counts, n_resamples=N_RESAMPLES, draw=draw)
    of_a, of_b = (float(statistic(of_run.sum(), counts.sum())) for of_run in values)
    is_error = metric in ("rmse", "mae")
    p_value = bootstrap.p_value(*values)
    return Difference(metric, of_a, of_b, float(low), float(high), p_value, is_error)


def _check_comparable(a: Run, b: Run) -> None:
    """The same test ratings and way to rank; what recommends may differ."""
    ours, theirs = (run.manifest["split"]["sha256"].get("test.parquet") for run in (a, b))
    if ours != theirs:
        raise MovierecError(
            f"{a.name} and {b.name} were judged on different test ratings: compare runs of one"
            " data set, split and seed"
        )
    ours, theirs = (run.manifest["evaluate"]["params"]["evaluate"] for run in (a, b))
    others = [f"evaluate.{key}" for key in ours if ours[key] != theirs.get(key)]
    if others:
        raise MovierecError(f"{a.name} and {b.name} differ in {', '.join(others)}: set them alike")


def _read(name: str, path: Path) -> Run:
    manifest = parquet_tables.read_provenance(path)
    columns: dict[str, Any] = {
        field: parquet_tables.read_columns(path, [field])[0]
        for field in ("n_test", "squared_error", "absolute_error", "ndcg", "recall")
    }
    return Run(name, manifest, **columns)


def _fetch(name: str, path: Path) -> None:
    """Take the values by user of a revision out of DVC's cache, or its remote."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    try:
        DVCFileSystem(rev=name).get_file(EVALUATION_BY_USER.as_posix(), str(path))
    except FileNotFoundError:
        raise MovierecError(
            f"{name}: has no {EVALUATION_BY_USER}, or DVC's cache has lost it; check that revision out and run"
            " dvc repro"
        ) from None
    except (DvcException, SCMError) as error:
        raise MovierecError(f"{name}: {' '.join(str(error).split())}") from None
