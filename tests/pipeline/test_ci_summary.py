"""What the workflow writes into the summary of a pull request."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.helpers.clone import ROOT, Workspace

STEPS = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]["check"][
    "steps"
]
[SUMMARY] = [step["run"] for step in STEPS if "STEP_SUMMARY" in step.get("run", "")]


def test_a_pull_request_shows_its_metrics_and_params(workspace: Workspace, tmp_path: Path) -> None:
    workspace.run("git", "checkout", "-q", "-b", "fewer")
    params = workspace.path / "params.yaml"
    params.write_text(params.read_text("utf-8").replace("  top_n: 20\n", "  top_n: 5\n"), "utf-8")
    workspace.run("dvc", "repro", "recommend")
    workspace.commit("shorter lists")
    fork = tmp_path / "fork"
    subprocess.run(["git", "clone", "-q", workspace.path, fork], check=True)
    (fork / ".venv").symlink_to(sys.prefix)
    summary = tmp_path / "summary.md"
    Workspace(fork).run(
        "bash", "-e", "-c", SUMMARY, GITHUB_BASE_REF="main", GITHUB_STEP_SUMMARY=str(summary)
    )
    metrics, params = summary.read_text("utf-8").split("### Params")
    assert re.search(
        r"\| metrics/recommend\.json \| n_recommendations +\| 18860 +\| 4715 +\| -14145 +\|",
        metrics,
    )
    assert re.search(r"\| params\.yaml \| recommend\.top_n \| 20 +\| 5 +\|", params)
