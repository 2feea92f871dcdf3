"""`make bench-smoke`, `make bench-pipeline` and `make bench-api`, small."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import harness
from benchmarks.speed import python_api
from tests.helpers.clone import ROOT, STAGES
from tests.helpers.random_data import random_ratings


def test_the_smoke_benchmark_makes_its_table(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.speed.run", "--smoke", "--factors", "64"]
    command += ["--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    report = json.loads((tmp_path / "bench-smoke.json").read_text())
    results = {(entry["name"], entry["n_factors"]): entry for entry in report["results"]}
    for name in ("sgemm", "movierec", "lenskit", "cmfrec CG", "spark", "implicit top-n"):
        assert any(name == there for there, _ in results), "absent peers are named, too"
    assert all("failed" not in entry for entry in results.values()), results
    assert results["movierec", 64]["median"] > 0
    assert report["shape"]["n_ratings"] == 50_000
    assert (tmp_path / "bench-smoke.md").read_text().strip() == done.stdout.strip()


def test_the_pipeline_s_benchmark_makes_its_table(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.speed.pipeline", "--n-ratings", "5000"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "pipeline-5000.json").read_text())
    assert [part["name"] for part in report["parts"]] == ["dvc's start", *STAGES]
    for part in report["parts"][1:]:
        assert min(part["peak"], part["high_water"]) > 40e6, "Python and its libraries alone"
        assert part["seconds"] > part["program_seconds"] > 0
    assert report["seconds"] == pytest.approx(sum(part["seconds"] for part in report["parts"]))
    assert report["peak"] == max(part["peak"] for part in report["parts"])
    assert report["shape"]["n_ratings"] == 5000
    assert report["shape"]["n_users"] == report["shape"]["n_recommended_users"]
    assert (tmp_path / "pipeline-5000.md").read_text().strip() == done.stdout.strip()


@pytest.fixture
def contests(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """`make bench-api` on few ratings, without its separate processes."""
    monkeypatch.setattr(python_api.Contest, "processes", lambda contest: {})
    ratings = random_ratings(0, 200, 150, 6000)
    ids = pd.DataFrame({"user_id": ratings.user_index, "item_id": ratings.item_index})
    frame = ids.assign(rating=ratings.rating, timestamp=ratings.timestamp)
    return lambda: python_api.measure("random", "ml-100k", frame, 2)


def test_fit_from_python_and_the_stages_train_the_same_models(
    contests: Callable[[], list[dict[str, Any]]],
) -> None:
    results = contests()
    assert [entry["stage"] for entry in results] == ["train", "implicit"]
    for entry in results:
        assert min(map(len, entry["seconds"].values())) == 2
        assert entry["medians"]["whole stage"] > entry["medians"]["stage"] > 0
    report = {"machine": harness.machine(), "n_threads": 2, "n_runs": 2, "versions": {}}
    table = python_api.table(report | {"results": results})
    assert re.search(r"^\| random, 4,\d+ \| `ImplicitALS` \| \d+ \+ \d+ \| ", table, re.MULTILINE)


def test_a_fit_that_differs_from_the_stage_is_no_result(
    contests: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = python_api.Contest.arguments.fget
    other = property(lambda contest: arguments(contest) | {"random_state": 1})
    monkeypatch.setattr(python_api.Contest, "arguments", other)
    with pytest.raises(RuntimeError, match="train: fit gives another model"):
        contests()
