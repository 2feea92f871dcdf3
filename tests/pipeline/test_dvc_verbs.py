"""DVC's commands as users type them: output, its width, and no warnings."""

import csv
import io
import sys
import time
from pathlib import Path

import pytest
import yaml

from movierec.core import result_files
from tests.helpers.clone import STAGES, Workspace, make_workspace, stages_run
from tests.helpers.terminal import STYLE, on_terminal

COMPARED = ["validation.rmse", "epochs", "metrics/train.json:rmse", "metrics/test.json:rmse"]
WARNINGS = ("WARNING", "ERROR", "failed", "unable")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A clone in which nothing has run."""
    return make_workspace(tmp_path_factory.mktemp("fresh") / "clone")


@pytest.fixture(params=["fresh", "workspace"])
def either(request: pytest.FixtureRequest) -> Workspace:
    found: Workspace = request.getfixturevalue(request.param)
    return found


def dvc(workspace: Workspace, *arguments: str, **environment: str) -> list[str]:
    """The output lines of a command, without warnings."""
    output = workspace.run("dvc", *arguments, **environment)
    assert not any(word in output for word in WARNINGS), output
    return output.splitlines()


def table(lines: list[str]) -> list[dict[str, str]]:
    """The rows of one of DVC's tables, which has no empty cells."""
    head, *rows = (line.split() for line in lines)
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_metrics_show_is_a_headline(either: Workspace) -> None:
    lines = dvc(either, "metrics", "show")
    assert max(map(len, lines)) <= 100
    rows = {row.pop("Path"): row for row in table(lines)}
    assert set(rows) == {f"metrics/{name}.json" for name in ("train", "test", "test_baseline")}
    evaluate, train = (
        result_files.read_details(name, either.path) for name in ("evaluate", "train")
    )
    lists = evaluate["ranking"]["blend"]
    expected = {
        "test": {"rmse": evaluate["test"]["rmse"], "mae": evaluate["test"]["mae"]}
        | {key: lists[key] for key in ("ndcg@10", "coverage@10")},
        "test_baseline": {
            "rmse": min(baseline["rmse"] for baseline in evaluate["baseline"].values()),
            "ndcg@10": evaluate["ranking"]["popularity"]["ndcg@10"],
        },
        "train": {
            "epochs": train["best_epoch"],
            "rmse": train["train"]["rmse"],
            "validation.rmse": train["validation"]["rmse"],
        },
    }
    for name, values in expected.items():
        row = rows[f"metrics/{name}.json"]
        shown = {key: float(value) for key, value in row.items() if value != "-"}
        assert shown == pytest.approx(values, abs=1e-5)


def test_a_fresh_clone_shows_the_recorded_run_and_would_run_nothing(fresh: Workspace) -> None:
    assert any("index.html" in line for line in dvc(fresh, "plots", "show"))
    assert "Would" not in "".join(dvc(fresh, "repro", "--dry", "--allow-missing"))


def test_stages_say_what_they_do(either: Workspace) -> None:
    stages = dvc(either, "stage", "list")
    assert tuple(line.split()[0] for line in stages) == STAGES
    assert all(len(line.split()) > 4 for line in stages)
    diagram = "".join(dvc(either, "dag", "--mermaid"))
    assert all(name in diagram for name in STAGES)


@pytest.fixture(scope="module")
def experiment(workspace: Workspace) -> str:
    """An experiment in a temporary folder, by DVC in an environment that is not activated."""
    (workspace.path / ".venv").symlink_to(sys.prefix)
    command = [".venv/bin/dvc", "exp", "run", "--temp", "-n", "four", "-S", "train.n_factors=4"]
    output = workspace.run(*command, PATH="/usr/bin:/bin")
    (workspace.path / ".venv").unlink()
    assert stages_run(output) == ["train", "evaluate", "recommend", "export", "draw"]
    return "four"


def test_diffs_name_what_changed(workspace: Workspace, experiment: str) -> None:
    [changed] = table(dvc(workspace, "params", "diff", "HEAD", experiment))
    assert changed == {
        "Path": "params.yaml", "Param": "train.n_factors", "HEAD": "16", experiment: "4",
    }  # fmt: skip
    lines = dvc(workspace, "metrics", "diff", "HEAD", experiment)
    assert max(map(len, lines)) <= 100
    rows = table(lines)
    assert {row["Path"] for row in rows} == {"metrics/train.json", "metrics/test.json"}
    assert 5 <= len(rows) <= 7
    [rmse] = [row for row in rows if row["Path"] == "metrics/test.json" and row["Metric"] == "rmse"]
    assert float(rmse["Change"]) == pytest.approx(
        float(rmse[experiment]) - float(rmse["HEAD"]), abs=2e-5
    )


def test_exp_show_begins_with_what_people_compare(workspace: Workspace, experiment: str) -> None:
    columns = next(csv.reader(io.StringIO("\n".join(dvc(workspace, "exp", "show", "--csv")))))
    assert len(columns) <= 133
    assert columns[5:9] == COMPARED
    params = columns[columns.index("dataset") :]
    assert params[:4] == ["dataset", "train.model", "train.method", "train.n_factors"]
    assert not [name for name in columns if name.startswith(("ml-1m", "ml-25m", "local"))]
    only_changed = ("exp", "show", "--only-changed", "--no-pager")
    lines = dvc(workspace, *only_changed, COLUMNS="160")
    assert max(map(len, lines)) <= 160
    text = "\n".join(lines)
    assert f"[{experiment}]" in text
    assert "metrics/test.json:rmse" in text
    assert "train.n_factors" in "\n".join(dvc(workspace, *only_changed, COLUMNS="200"))


def test_on_a_terminal_the_first_columns_of_exp_show_are_the_headline(
    workspace: Workspace, experiment: str
) -> None:
    """DVC's pager scrolls to the others."""
    environment = workspace.environment | {"COLUMNS": "160", "DVC_PAGER": "cat"}
    lines = STYLE.sub("", on_terminal(["dvc", "exp", "show"], environment, workspace.path))
    head, *rows = (line[:160].split() for line in lines.splitlines() if "─" * 9 not in line)
    assert head[:6] == ["Experiment", "Created", *COMPARED]
    assert any(f"[{experiment}]" in row for row in rows)
    assert not any("…" in row for row in [head, *rows])


def test_queued_experiments_run(workspace: Workspace) -> None:
    change = "recommend.top_n=5"
    dvc(workspace, "exp", "run", "--queue", "-n", "queued", "-S", change, "recommend")
    dvc(workspace, "queue", "start")
    deadline = time.monotonic() + 120
    while "Success" not in (status := workspace.run("dvc", "queue", "status")):
        assert time.monotonic() < deadline, status
    dvc(workspace, "queue", "stop")
    [changed] = table(dvc(workspace, "params", "diff", "HEAD", "queued"))
    assert changed["Param"] == "recommend.top_n"


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "download"])
def test_a_stage_can_be_frozen_in_one_line_and_unfrozen(fresh: Workspace, stage: str) -> None:
    path = fresh.path / "dvc.yaml"
    before = path.read_text("utf-8")
    dvc(fresh, "freeze", stage)
    assert path.read_text("utf-8").replace("    frozen: true\n", "", 1) == before
    dvc(fresh, "unfreeze", stage)
    assert yaml.safe_load(path.read_text("utf-8")) == yaml.safe_load(before)
    path.write_text(before, "utf-8")


def test_the_data_set_in_use_is_tracked_and_no_other(fresh: Workspace) -> None:
    path = fresh.path / "datasets.yaml"
    committed = path.read_text("utf-8")
    try:
        path.write_text(committed.replace("size: 2130151", "size: 7"), "utf-8")
        [changed] = table(dvc(fresh, "params", "diff"))
        assert changed["Param"] == "ml-100k.size"
        path.write_text(committed.replace("size: 261978986", "size: 7"), "utf-8")
        assert dvc(fresh, "params", "diff") == []
    finally:
        path.write_text(committed, "utf-8")


def test_plots_diff_shows_experiments(workspace: Workspace, experiment: str) -> None:
    [page] = dvc(workspace, "plots", "diff", "HEAD", experiment)
    assert experiment in Path(page.removeprefix("file://")).read_text("utf-8")
