"""What the workflow writes into the summary of a pull request."""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.helpers.clone import ROOT, Workspace

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
COMMANDS = [step.get("run", "") for step in WORKFLOW["jobs"]["check"]["steps"]]
[SUMMARY] = [command for command in COMMANDS if "GITHUB_STEP_SUMMARY" in command]


def test_a_pull_request_shows_its_metrics_and_params(workspace: Workspace, tmp_path: Path) -> None:
    workspace.run("git", "checkout", "-q", "-b", "other-lists")
    params = workspace.path / "params.yaml"
    text = params.read_text("utf-8").replace("  ranking: blend\n", "  ranking: implicit\n")
    params.write_text(text, "utf-8")
    workspace.run("dvc", "repro", "evaluate")
    workspace.commit("other lists")
    fork, summary = tmp_path / "fork", tmp_path / "summary.md"
    subprocess.run(["git", "clone", "-q", workspace.path, fork], check=True)
    (fork / ".venv").symlink_to(sys.prefix)
    Workspace(fork).run(
        "bash", "-e", "-c", SUMMARY, GITHUB_BASE_REF="main", GITHUB_STEP_SUMMARY=str(summary)
    )
    metrics, params_changed = summary.read_text("utf-8").split("### Params")
    [details] = json.loads((ROOT / "plots/evaluate/details.json").read_text("utf-8"))
    before, after = (f"{details['ranking'][name]['ndcg@10']:.5f}" for name in ("blend", "implicit"))
    assert re.search(rf"\| metrics/test\.json \| ndcg@10 +\| {before} +\| {after} +\|", metrics)
    assert re.search(r"\| recommend\.ranking \| blend +\| implicit +\|", params_changed)
