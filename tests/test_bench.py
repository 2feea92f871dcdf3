"""`make bench-smoke`: the benchmark, small, from end to end."""

import json
import subprocess
import sys
from pathlib import Path

from tests.workspace import ROOT


def test_the_smoke_benchmark_makes_its_table(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.bench", "--smoke", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    report = json.loads((tmp_path / "bench-smoke.json").read_text())
    results = {(entry["name"], entry["n_factors"]): entry for entry in report["results"]}
    for name in ("sgemm", "movierec", "lenskit", "cmfrec CG", "spark", "implicit top-n"):
        assert any(name == there for there, _ in results), "absent peers are named, too"
    assert all("failed" not in entry for entry in results.values()), results
    assert results["movierec", 64]["median"] > 0
    assert report["shape"]["n_ratings"] == 50_000
    assert (tmp_path / "bench-smoke.md").read_text().strip() == done.stdout.strip()
