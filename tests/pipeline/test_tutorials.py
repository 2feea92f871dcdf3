"""Tutorials, followed line by line; they begin and end with the committed state."""

from tests.helpers import tutorials
from tests.helpers.clone import Workspace, stages_run


def test_the_tutorial_of_own_ratings_is_true(workspace: Workspace) -> None:
    ran = tutorials.follow("tutorial-own-ratings.md", workspace)["dvc repro"]
    assert stages_run(ran)[:2] == ["index", "split"]
    assert len(stages_run(ran)) == 8
    back = workspace.run("dvc", "repro")
    assert stages_run(back) == []
    assert workspace.run("git", "status", "--porcelain") == ""


def test_the_tutorial_of_an_experiment_is_true(workspace: Workspace) -> None:
    before = workspace.run("git", "rev-parse", "HEAD").strip()
    ran = tutorials.follow("tutorial-experiment.md", workspace)
    run = ran["dvc exp run -n svdpp -S train.model=svdpp"]
    assert stages_run(run) == ["train", "evaluate", "recommend", "export", "draw"]
    assert 0.87 < workspace.committed_errors()["rmse"] < 0.89  # a leak would be less
    assert workspace.run("git", "rev-parse", "HEAD~1").strip() == before
    assert workspace.run("git", "status", "--porcelain") == ""
    workspace.run("git", "reset", "--quiet", "--hard", before)
