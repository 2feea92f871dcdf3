"""Recipes of docs/user-guide/experiments.md, followed line by line: back, a remote, a registry."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from movierec.core import result_files
from movierec.model.model_file import MODELS
from tests.helpers import tutorials
from tests.helpers.clone import Workspace, stages_run

MODEL, LISTS = "models/model.safetensors", "exports/recommendations.parquet"
WIDTH = 100  # characters of a line, which a terminal beside an editor shows whole
GO_BACK = "git stash && dvc checkout"


def clone(workspace: Workspace, folder: Path) -> Workspace:
    """A clone by Git, without any output, whose origin is the workspace."""
    workspace.run("git", "clone", "-q", str(workspace.path), str(folder))
    return Workspace(folder)


def follow(heading: str, workspace: Workspace) -> dict[str, str]:
    """Run a recipe's commands; returns their output, which must fit and have no warnings."""
    outputs = tutorials.follow("user-guide/experiments.md", workspace, heading)
    for command, output in outputs.items():
        assert "warn" not in output.lower(), command
        assert max(map(len, output.splitlines()), default=0) <= WIDTH, command
    return outputs


def cached(workspace: Workspace, name: str) -> Path:
    """The path of an output in DVC's cache or in a remote."""
    lock = yaml.safe_load((workspace.path / "dvc.lock").read_text("utf-8"))
    outs = (out for stage in lock["stages"].values() for out in stage["outs"])
    [md5] = [out["md5"] for out in outs if out["path"] == name]
    return Path("files/md5", md5[:2], md5[2:])


def edit_param(workspace: Workspace, old: str, new: str) -> None:
    path = workspace.path / "params.yaml"
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def test_going_back_to_the_recorded_run_deletes_no_edits(workspace: Workspace) -> None:
    recorded = result_files.read_details("evaluate", workspace.path)
    code, note = (workspace.path / name for name in ("src/movierec/cli/runs.py", "note.txt"))
    edit_param(workspace, "rating_weight: 0.2", "rating_weight: 0.9")
    code.write_text(code.read_text("utf-8") + "# staged\n", "utf-8")
    workspace.run("git", "add", str(code))
    code.write_text(code.read_text("utf-8") + "# not staged\n", "utf-8")
    note.write_text("a new file\n", "utf-8")
    assert stages_run(workspace.run("dvc", "repro", "--single-item", "evaluate")) == ["evaluate"]
    edited = workspace.run("git", "diff", "HEAD")
    assert "plots/evaluate/details.json" in edited
    commands = follow("Go back to the recorded run", workspace)
    assert list(commands) == [GO_BACK, "dvc status", "git stash pop && dvc checkout"]
    assert workspace.run("git", "diff", "HEAD") == edited, "the last command brings all back"
    workspace.run("sh", "-c", GO_BACK)
    assert workspace.run("git", "status", "--porcelain") == "?? note.txt\n"
    assert workspace.run("git", "diff", "HEAD", "stash@{0}") == edited
    summary = workspace.run("movierec", "summary")
    rankings = recorded["ranking"]
    for name in rankings:
        assert f"{rankings[name]['ndcg@10']:.4f}" in summary
    note.unlink()
    workspace.run("git", "stash", "drop")


def test_going_back_keeps_outputs_edited_by_hand(workspace: Workspace) -> None:
    card = workspace.path / "exports/MODEL_CARD.md"
    before = card.read_text("utf-8")
    card.write_text(before + "mine\n", "utf-8")
    said = workspace.run("sh", "-c", GO_BACK, fails=True)
    assert "Can't remove the following unsaved files" in said
    assert card.read_text("utf-8") == before + "mine\n"
    card.rename(card.with_name("mine.md"))
    assert "No local changes to save" in workspace.run("sh", "-c", GO_BACK)
    assert card.read_text("utf-8") == before
    card.with_name("mine.md").unlink()


def test_going_back_without_the_recorded_outputs_ends_by_a_run(
    workspace: Workspace, tmp_path: Path
) -> None:
    poor = workspace.copied(tmp_path)
    lists = poor.path / LISTS
    before = lists.read_bytes()
    for path in (lists, poor.path / ".dvc/cache" / cached(poor, LISTS)):
        path.unlink()
    assert "Checkout failed" in poor.run("sh", "-c", GO_BACK, fails=True)
    assert stages_run(poor.run("dvc", "repro")) == ["recommend"]
    assert lists.read_bytes() == before
    assert poor.run("git", "status", "--porcelain") == ""


# --- A remote


@pytest.fixture(scope="module")
def pulled(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The clone at the end of the recipe about a remote."""
    folder = tmp_path_factory.mktemp("remote")
    origin = clone(workspace, folder / "origin")
    shutil.copytree(workspace.path / ".dvc/cache", origin.path / ".dvc/cache")
    origin.run("dvc", "checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        ran = follow("Keep models and data on a remote", origin)
    assert stages_run(ran["dvc repro"]) == []
    assert (folder / "movierec-storage").is_dir()
    return Workspace(folder / "movierec-clone")


def test_a_clone_pulls_from_a_remote_and_has_nothing_to_run(
    workspace: Workspace, pulled: Workspace
) -> None:
    for name in (MODEL, LISTS, "data/index/items.parquet"):
        assert (pulled.path / name).read_bytes() == (workspace.path / name).read_bytes()
    assert pulled.run("dvc", "status") == "Data and pipelines are up to date.\n"
    assert pulled.run("git", "status", "--porcelain") == ""
    assert pulled.run("movierec", "summary") == workspace.run("movierec", "summary")


def test_the_models_alone_can_be_pushed(pulled: Workspace, tmp_path: Path) -> None:
    page = tutorials.read_section("user-guide/experiments.md", "Keep models and data on a remote")
    [push] = re.findall(r"`(dvc push [^`]+)`", page.replace("\n", " "))
    public = tmp_path / "public"
    pulled.run("dvc", "remote", "add", "--local", "--default", "public", str(public))
    assert pulled.run("sh", "-c", push) == "3 files pushed\n"
    pulled.run("dvc", "remote", "remove", "--local", "public")
    stored = {path.relative_to(public) for path in public.rglob("*") if path.is_file()}
    assert stored == {cached(pulled, str(path)) for path in MODELS.values()}


# --- A model registry


def test_a_model_is_registered_promoted_and_fetched(pulled: Workspace, tmp_path: Path) -> None:
    """A second version is the latest, and the stage stays where it was."""
    first = (pulled.path / MODEL).read_bytes()
    follow("Register and promote a model version", pulled)
    by_version = ("--rev", "v0.0.1", "--out", "v0.0.1.safetensors")
    pulled.run("dvc", "artifacts", "get", ".", "rating-model", *by_version)
    for name in ("prod.safetensors", "v0.0.1.safetensors"):
        assert (pulled.path / name).read_bytes() == first
        (pulled.path / name).unlink()
    pushed = pulled.run("git", "ls-remote", "--tags", "origin")
    assert re.findall("refs/tags/(.+[0-9])$", pushed, re.MULTILINE) == [
        "rating-model#prod#1",
        "rating-model@v0.0.1",
    ]
    second = first + b" "
    (pulled.path / MODEL).write_bytes(second)
    pulled.run("dvc", "commit", "--force", "train")
    pulled.commit("another model")
    pulled.run("dvc", "push", "--quiet", MODEL)
    assert "rating-model@v0.0.2" in pulled.run("gto", "register", "rating-model")
    get = "dvc", "artifacts", "get", f"file://{pulled.path}", "rating-model", "--out"
    elsewhere = Workspace(tmp_path)
    elsewhere.run(*get, "latest")
    elsewhere.run(*get, "prod", "--stage", "prod")
    assert (tmp_path / "latest").read_bytes() == second
    assert (tmp_path / "prod").read_bytes() == first
