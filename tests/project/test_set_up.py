"""Lock files, Makefile, pre-commit and the workflow agree with each other."""

import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from tests.helpers.clone import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
STEPS = WORKFLOW["jobs"]["check"]["steps"]
LOCKS = "requirements.lock", "requirements-dev.lock", "requirements-setup.lock"


def versions_in(lock):
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE))


def recipe(target, *options):
    """The commands of a target."""
    command = ["make", "--no-print-directory", "-n", "-o", ".venv/dev", target, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_package_by_hash_and_names_no_index(lock):
    text = (ROOT / lock).read_text("utf-8")
    entries = re.split(r"^(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE), flags=re.M)
    for entry in filter(None, entries):
        assert re.match(r"[\w.-]+==\S+( ; .*)? \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+$", entry)


def test_tests_run_with_the_versions_that_users_run():
    running, testing = versions_in(LOCKS[0]), versions_in(LOCKS[1])
    assert running.items() <= testing.items()


def test_running_needs_no_tool_of_the_tests():
    tools = {"dask", "hypothesis", "mypy", "optuna", "playwright", "pytest", "ruff", "scikit-learn"}
    assert tools & versions_in("requirements.lock").keys() == set()
    assert tools <= versions_in("requirements-dev.lock").keys()
    assert not [line for line in recipe("run", "-W", "requirements.lock") if "-dev" in line]


def test_every_python_that_the_package_claims_is_tested():
    claimed = [
        text.removeprefix("Programming Language :: Python :: ")
        for text in PROJECT["project"]["classifiers"]
    ]
    assert WORKFLOW["jobs"]["check"]["strategy"]["matrix"]["python"] == claimed
    low, high = (tuple(map(int, version.split("."))) for version in (claimed[0], claimed[-1]))
    bounds = f">={low[0]}.{low[1]},<{high[0]}.{high[1] + 1}"
    assert PROJECT["project"]["requires-python"] == bounds
    check = f"{low} <= sys.version_info < {(high[0], high[1] + 1)}"
    assert check in (ROOT / "Makefile").read_text("utf-8")


def test_the_workflow_runs_what_make_check_runs():
    commands = [step["run"] for step in STEPS if step.get("run", "").startswith("make ")]
    assert commands == ["make dev PYTHON=python", "make lint", "make test", "make coverage"]
    assert recipe("check") == recipe("lint") + recipe("test") + recipe("coverage")
    assert WORKFLOW["permissions"] == {"contents": "read"}


def test_pre_commit_runs_the_linters_of_make_lint():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert [hook["entry"] for hook in hooks] == [f".venv/bin/{line}" for line in recipe("lint")]


def test_the_workflow_passes_actionlint():
    subprocess.run([shutil.which("actionlint") or "actionlint"], cwd=ROOT, check=True)
