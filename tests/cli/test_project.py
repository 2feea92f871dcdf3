"""`movierec` in a subfolder of a project, elsewhere with --project, and outside of any."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from movierec import cli
from movierec.core import result_files
from movierec.core.params import load_params
from tests.cli.test_cli import project, titles  # noqa: F401 - a fixture
from tests.core.test_reporting import EVALUATE

COMMANDS = {
    "recommend": ["recommend", "--like", "emma", "--json"],
    "user": ["recommend", "--user-id", "100", "--csv"],
    "similar": ["similar", "emma"],
    "search": ["search", "dune"],
    "summary": ["summary"],
    "provenance": ["provenance", "models/model.safetensors"],
}
PROJECT = "movierec project (a folder with params.yaml and dvc.yaml)"


@pytest.fixture(scope="module")
def run_here(project):  # noqa: F811
    """The project's folder, with metrics, and a subfolder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        result_files.write_details("evaluate", load_params(), EVALUATE)
    (project / "notes/old").mkdir(parents=True)
    return project


@pytest.fixture
def call(run_here, monkeypatch, capsys):
    """Run the command in a folder; returns its status, output and errors."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.delenv("MOVIEREC_PROJECT", raising=False)

    def call(folder, *arguments):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["movierec", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert Path.cwd() == folder
        return caught.value.code, *capsys.readouterr()

    return call


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_print_the_same_from_anywhere(call, run_here, tmp_path, monkeypatch, name):
    command = COMMANDS[name]
    status, here, errors = call(run_here, *command)
    assert (status, errors) == (0, "")
    if name == "provenance":  # names its file as the user did
        command = ["provenance", "../../models/model.safetensors"]
    _, below, _ = call(run_here / "notes/old", *command)
    if name == "provenance":
        command = ["provenance", run_here / "models/model.safetensors"]
    _, named, _ = call(tmp_path, "--project", run_here, *command)
    monkeypatch.setenv("MOVIEREC_PROJECT", os.path.relpath(run_here, tmp_path))
    _, by_variable, _ = call(tmp_path, *command)
    what = slice(2 if name == "provenance" else 0, -3 if name == "summary" else None)
    for output in (below, named, by_variable):
        assert output.splitlines()[what] == here.splitlines()[what]


@pytest.mark.parametrize(
    ("folder", "options", "all_users", "new_user"),
    [
        ("", [], "exports/recommendations.parquet", "movierec"),
        ("notes/old", [], "../../exports/recommendations.parquet", "movierec"),
        ("..", ["--project", "{}"], "{}/exports/recommendations.parquet", "movierec --project {}"),
    ],
)
def test_the_summary_ends_with_what_works_as_typed(
    call, run_here, folder, options, all_users, new_user
):
    options = [option.format(run_here.name) for option in options]
    _, out, _ = call((run_here / folder).resolve(), *options, "summary")
    assert out.splitlines()[-2:] == [
        f"lists      all users {all_users.format(run_here.name)}",
        f'lists      new user {new_user.format(run_here.name)} recommend --like "Star Wars"',
    ]


def test_files_of_the_user_are_relative_to_where_they_are(call, run_here, tmp_path):
    (tmp_path / "mine.csv").write_text("title,rating\nEmma,4\n", "utf-8")
    place = ["--project", run_here, "recommend", "--json", "--ratings"]
    status, out, notes = call(tmp_path, *place, "mine.csv")
    assert (status, notes.splitlines()[0]) == (
        0,
        "mine.csv (CSV): found 1 of 1 movie in the data set",
    )
    assert titles(out) == titles(call(run_here, "recommend", "--json", "--like", "emma=4")[1])
    missing = call(tmp_path, *place, "params.yaml")
    assert missing == (1, "", "error: params.yaml: no such file\n")


def test_the_provenance_of_a_file_of_the_user(call, run_here, tmp_path):
    shutil.copy(run_here / "models/model.safetensors", tmp_path / "mine.safetensors")
    status, out, _ = call(tmp_path, "--project", run_here, "provenance", "mine.safetensors")
    assert status == 0
    assert out.splitlines()[0] == "mine.safetensors"
    assert out.splitlines()[-1] == "up to date: files, params and versions match the project"
    _, out, _ = call(tmp_path, "provenance", "mine.safetensors")
    assert out.splitlines()[-1].startswith("not compared with a project")
    _, _, errors = call(run_here / "notes", "provenance", "none.parquet")
    assert errors.startswith("error: notes/none.parquet: no such file or folder")


def test_the_nearest_project_counts_and_a_named_one_goes_before_it(call, run_here, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "dvc.yaml").touch()
    (tmp_path / "dvc.yaml").touch()
    shutil.copy(run_here / "params.yaml", tmp_path)
    shutil.copy(run_here / "datasets.yaml", tmp_path)
    _, _, errors = call(inner, "search", "dune")
    line = "data/index/manifest.json: no such file; run dvc repro"
    assert errors == f"error: {line} (project: ..)\n"
    shutil.copy(run_here / "params.yaml", inner)
    shutil.copy(run_here / "datasets.yaml", inner)
    assert call(inner, "search", "dune")[2] == f"error: {line}\n"
    assert call(inner, "--project", run_here, "search", "dune")[0] == 0


STALE = {  # a param that changed since the run, and the commands that refuse to show that run
    "seed: 20": (
        "seed: 21",
        ["summary"],
        "plots/evaluate/details.json: out of date, since seed was 20, but is 21 in",
    ),
    "dataset: local": (
        "dataset: ml-25m",
        ["summary", "search", "recommend", "similar"],
        ": made from data set 'local', but params.yaml says 'ml-25m'; run dvc repro",
    ),
    "rating_max: 5.0": (
        "rating_max: 9.0",
        ["summary", "search", "recommend", "similar"],
        ": out of date, since local.rating_max was 5.0, but is 9.0 in datasets.yaml; run dvc",
    ),
}


@pytest.mark.parametrize("old", STALE)
def test_what_is_of_another_data_set_or_of_other_params_is_not_shown(call, run_here, tmp_path, old):
    """As after a run that failed: the files are those of the run before it."""
    new, commands, line = STALE[old]
    folder = shutil.copytree(run_here, tmp_path / "project")
    for name in ("params.yaml", "datasets.yaml"):
        text = (folder / name).read_text("utf-8")
        before, found, after = text.rpartition(old)
        (folder / name).write_text(f"{before}{new}{after}" if found else text, "utf-8")
    for command in commands:
        status, out, errors = call(folder, *COMMANDS[command])
        assert (status, out) == (1, "")
        assert line in errors
        assert errors.count("\n") == 1


def test_a_clone_with_committed_results_and_no_data_has_a_summary(call, run_here, tmp_path):
    for name in ("params.yaml", "datasets.yaml", "dvc.yaml"):
        shutil.copy(run_here / name, tmp_path)
    shutil.copytree(run_here / "plots", tmp_path / "plots")
    assert call(tmp_path, "summary") == call(run_here, "summary")


@pytest.mark.parametrize("command", [*COMMANDS.values(), ["report"], ["compare-runs"]])
def test_outside_of_a_project_the_error_is_a_line(call, tmp_path, command):
    command = command if command[0] != "provenance" else ["provenance"]
    line = f"no {PROJECT} here or above; go to one, or set --project or MOVIEREC_PROJECT to one"
    assert call(tmp_path, *command) == (1, "", f"error: {tmp_path}: {line}\n")


def test_a_folder_named_that_is_no_project_is_a_line(call, run_here, tmp_path, monkeypatch):
    line = f"not a {PROJECT}; set --project or MOVIEREC_PROJECT to one"
    for name in ("notes", "none", "params.yaml"):
        refused = call(run_here, "--project", name, "provenance", "params.yaml")
        assert refused == (1, "", f"error: {name}: {line}\n")
    monkeypatch.setenv("MOVIEREC_PROJECT", "none")
    assert call(run_here, "summary") == (1, "", f"error: none: {line}\n")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_help_needs_no_project_and_is_not_cut_off(call, tmp_path, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    for command in ([], *([name] for name in cli.cli.commands)):
        status, out, _ = call(tmp_path, *command, "--help")
        usage, _, text = out.partition("\n")
        assert status == 0
        assert usage.startswith("Usage: movierec")
        assert "..." not in text
        assert max(map(len, out.splitlines())) <= width
