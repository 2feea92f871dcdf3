"""Compare two runs: whether their errors and rankings differ significantly over users.

A run is the output of evaluate, here or at a Git revision: DVC's cache holds the values by user.
"""

import tempfile
from dataclasses import dataclass, fields
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

WORKSPACE = "workspace"  # DVC's name of the files here
N_RESAMPLES = 2000
P_LIMIT = 0.05


@dataclass(frozen=True)
class Run:
    """The measures of each user, and the manifest of the evaluation."""

    name: str
    manifest: Manifest
    n_test: Array
    squared_error: Array
    absolute_error: Array
    ndcg: Array
    recall: Array


@dataclass(frozen=True)
class Difference:
    """A metric of two runs, the 95% interval of b − a, and the p-value of no difference."""

    metric: str
    a: float
    b: float
    low: float
    high: float
    p_value: float
    lower_is_better: bool

    @property
    def verdict(self) -> str:
        """Whether b is better than a: "better", "worse" or "inconclusive"."""
        if not self.p_value < P_LIMIT:
            return "inconclusive"
        return "better" if (self.b < self.a) == self.lower_is_better else "worse"


def read_run(name: str) -> Run:
    """A run here ("workspace") or of a Git revision or experiment.

    Raises MovierecError if it does not exist, or its values are not in DVC's cache.
    """
    if name == WORKSPACE:
        return _read(name, EVALUATION_BY_USER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / EVALUATION_BY_USER.name
        _fetch(name, path)
        return _read(name, path)


def compare(a: Run, b: Run) -> list[Difference]:
    """The differences in RMSE, MAE, NDCG and recall.

    Raises MovierecError unless both were evaluated on the same test ratings, in the same way.
    """
    _check_comparable(a, b)
    n, is_judged = _evaluate_params(a)["top_n"], (~np.isnan(a.ndcg)).astype(np.float64)
    return [
        _difference(metric, getattr(a, column), getattr(b, column), counts, statistic)
        for metric, column, counts, statistic in (
            ("rmse", "squared_error", a.n_test, root_of),
            ("mae", "absolute_error", a.n_test, mean_of),
            (f"ndcg@{n}", "ndcg", is_judged, mean_of),
            (f"recall@{n}", "recall", is_judged, mean_of),
        )
    ]


def _difference(
    metric: str, a: Array, b: Array, counts: Array, statistic: bootstrap.Statistic
) -> Difference:
    """The difference in a statistic of the sums and counts of users with a count above 0."""
    a, b, counts = (column[counts > 0] for column in (a, b, counts))

    def difference(a: Array, b: Array, count: Array) -> Array:
        return np.asarray(statistic(b, count) - statistic(a, count))

    rng = random_streams.stream(0, "compare_runs")
    low, high = bootstrap.interval(difference, a, b, counts, n_resamples=N_RESAMPLES, rng=rng)
    value_a, value_b = (float(statistic(sums.sum(), counts.sum())) for sums in (a, b))
    p_value, is_error = bootstrap.p_value(a, b), metric in ("rmse", "mae")
    return Difference(metric, value_a, value_b, float(low), float(high), p_value, is_error)


def _evaluate_params(run: Run) -> dict[str, Any]:
    params: dict[str, Any] = run.manifest["evaluate"]["params"]["evaluate"]
    return params


def _check_comparable(a: Run, b: Run) -> None:
    """Raise MovierecError unless the test ratings and the evaluate params are the same."""
    test_a, test_b = (run.manifest["split"]["sha256"].get("test.parquet") for run in (a, b))
    if test_a != test_b:
        raise MovierecError(
            f"{a.name} and {b.name} were evaluated on different test ratings; compare runs with the"
            " same data set, split and seed"
        )
    params_b = _evaluate_params(b)
    others = [
        f"evaluate.{key}"
        for key, value in _evaluate_params(a).items()
        if value != params_b.get(key)
    ]
    if others:
        raise MovierecError(
            f"{a.name} and {b.name} differ in {', '.join(others)}; evaluate both with the same"
            " values"
        )


def _read(name: str, path: Path) -> Run:
    measures = [field.name for field in fields(Run)[2:]]
    columns = parquet_tables.read_columns(path, measures)
    return Run(name, parquet_tables.read_provenance(path), *columns)


def _fetch(name: str, path: Path) -> None:
    """Copy the values by user of a revision from DVC's cache or remote."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError
    from dvc_data.index import DataIndexDirError

    try:
        DVCFileSystem(rev=name).get_file(EVALUATION_BY_USER.as_posix(), str(path))
    except (FileNotFoundError, DataIndexDirError):
        raise MovierecError(
            f"{name}: {EVALUATION_BY_USER} is not in that revision, or not in DVC's cache; check"
            " out the revision and run dvc repro"
        ) from None
    except (DvcException, SCMError) as error:
        raise MovierecError(f"{name}: {' '.join(str(error).split())}") from None
