"""Compare two runs: whether their errors and rankings differ significantly over users.

A run is the output of evaluate, here or at a Git revision: DVC's cache holds the values by user.
"""

import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from movierec.core.checksums import hash_file, unchanged
from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest
from movierec.core.params import load_params
from movierec.core.paths import EVALUATION_BY_USER
from movierec.core.result_files import check_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array
from movierec.evaluation import paired_test
from movierec.evaluation.paired_test import Difference

WORKSPACE = "workspace"  # DVC's name of the files here
MAKE_AGAIN = "check out the revision and run dvc repro"


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
class MetricDifference:
    """The difference in a metric."""

    metric: str
    difference: Difference
    lower_is_better: bool

    @property
    def verdict(self) -> str:
        """Whether b is better than a: "better", "worse" or "inconclusive"."""
        if not self.difference.is_significant:
            return "inconclusive"
        is_lower = self.difference.b < self.difference.a
        return "better" if is_lower == self.lower_is_better else "worse"

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "metric": self.metric,
            **asdict(self.difference),
            "lower_is_better": self.lower_is_better,
            "verdict": self.verdict,
        }


def read_run(name: str) -> Run:
    """A run here ("workspace") or of a Git revision or experiment.

    Raises MovierecError if it does not exist, its values are damaged or not in DVC's cache, or
    those here were made with other params.
    """
    if name == WORKSPACE:
        with unchanged(EVALUATION_BY_USER):
            run = _read(name, EVALUATION_BY_USER)
        params = load_params()
        for record in run.manifest.values():
            check_params(EVALUATION_BY_USER, record["params"], params)
        return run
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / EVALUATION_BY_USER.name
        _fetch(name, path)
        try:
            return _read(name, path)
        except MovierecError:
            raise MovierecError(
                f"{name}: {EVALUATION_BY_USER} is damaged, or of another version of movierec;"
                f" {MAKE_AGAIN} --force"
            ) from None


def compare(a: Run, b: Run) -> list[MetricDifference]:
    """The differences in RMSE, MAE, NDCG and recall.

    Raises MovierecError unless both were evaluated on the same test ratings, in the same way.
    """
    _check_comparable(a, b)
    n, is_judged = _evaluate_params(a)["top_n"], (~np.isnan(a.ndcg)).astype(np.float64)
    return [
        _difference(metric, getattr(a, column), getattr(b, column), counts)
        for metric, column, counts in (
            ("rmse", "squared_error", a.n_test),
            ("mae", "absolute_error", a.n_test),
            (f"ndcg@{n}", "ndcg", is_judged),
            (f"recall@{n}", "recall", is_judged),
        )
    ]


def _difference(metric: str, a: Array, b: Array, counts: Array) -> MetricDifference:
    """The difference in a metric of the sums and counts of users with a count above 0."""
    a, b, counts = (column[counts > 0] for column in (a, b, counts))
    difference = paired_test.compare(a, b, counts, is_root=metric == "rmse")
    return MetricDifference(metric, difference, metric in ("rmse", "mae"))


def _evaluate_params(run: Run) -> dict[str, Any]:
    params = run.manifest["evaluate"]["params"].get("evaluate")
    return params if isinstance(params, dict) else {}


def _check_comparable(a: Run, b: Run) -> None:
    """Raise MovierecError unless the test ratings and the evaluate params are the same."""
    test_a, test_b = (run.manifest["split"]["sha256"].get("test.parquet") for run in (a, b))
    if test_a != test_b or not np.array_equal(a.n_test, b.n_test):
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
    """Read the values of a run; MovierecError if they are not those that evaluate wrote."""
    manifest = parquet_tables.read_provenance(path)
    if not {"split", "evaluate"} <= manifest.keys():
        raise MovierecError(f"{path}: not written by the evaluate stage; run dvc repro")
    parquet_tables.check_data(path, manifest, "evaluate")
    columns = parquet_tables.read_columns(path, [field.name for field in fields(Run)[2:]])
    run = Run(name, manifest, *columns)
    if not all(map(_is_plausible, (run.n_test, run.squared_error, run.absolute_error))):
        raise MovierecError(f"{path}: values that are no errors; run dvc repro")
    if "top_n" not in _evaluate_params(run):
        raise MovierecError(f"{path}: written by another version of movierec; run dvc repro")
    return run


def _is_plausible(column: Array) -> bool:
    return bool(np.isfinite(column).all() and (column >= 0).all())


def _fetch(name: str, path: Path) -> None:
    """Copy the values by user of a revision from DVC's cache or remote."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    wanted, where = EVALUATION_BY_USER.as_posix(), f"{name}: {EVALUATION_BY_USER}"
    if not name:  # for DVC, that is the workspace
        raise MovierecError("the name of a run is empty; give a Git revision, or workspace")
    files = DVCFileSystem(rev=name)
    try:
        _ = files.repo  # opens it
    except (DvcException, SCMError) as error:
        raise MovierecError(f"{name}: {' '.join(str(error).split())}") from None
    except Exception:  # such as that of a Git tree
        raise MovierecError(f"{name}: not a Git revision or experiment") from None
    try:
        md5 = files.info(wanted)["dvc_info"]["md5"]
        files.get_file(wanted, str(path))
    except Exception:  # also of a remote's library
        raise MovierecError(
            f"{where} is not in that revision, or not in DVC's cache or remote (dvc fetch explains"
            f" why); {MAKE_AGAIN}"
        ) from None
    if hash_file(path, "md5") != md5:
        raise MovierecError(f"{where} is damaged in DVC's cache; {MAKE_AGAIN} --force")
