"""`make bench-smoke` and `make bench-pipeline`, small, from end to end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.clone import ROOT


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
    stages = ["download", "index", "split", "train", "implicit", "evaluate", "recommend"]
    stages += ["export", "draw"]
    assert [part["name"] for part in report["parts"]] == ["dvc's start", *stages]
    for part in report["parts"][1:]:
        assert min(part["peak"], part["high_water"]) > 40e6, "Python and its libraries alone"
        assert part["seconds"] > part["program_seconds"] > 0
    assert report["seconds"] == pytest.approx(sum(part["seconds"] for part in report["parts"]))
    assert report["peak"] == max(part["peak"] for part in report["parts"])
    assert report["shape"]["n_ratings"] == 5000
    assert report["shape"]["n_users"] == report["shape"]["n_recommended_users"]
    assert (tmp_path / "pipeline-5000.md").read_text().strip() == done.stdout.strip()
