"""The tutorials, the README and the guide to recommendations, followed line by line.

They begin and end with the committed state.
"""

import re

import pytest

from tests.helpers import tutorials
from tests.helpers.clone import ROOT, Workspace, stages_run

LETTERBOXD = """\
Date,Name,Year,Letterboxd URI,Rating
2024-01-01,Star Wars,1977,https://boxd.it/2,5
2024-01-01,Alien,1979,https://boxd.it/3,4.5
2024-01-01,Jurassic Park,1993,https://boxd.it/4,3
2024-01-01,The Terminator,1984,https://boxd.it/5,4
2024-01-01,Parasite,2019,https://boxd.it/6,4.5
"""


@pytest.mark.parametrize(
    ("page", "heading"),
    [
        ("../README.md", "Recommend for one user"),
        ("../README.md", "Use your own ratings"),
        ("user-guide/recommendations.md", ""),
    ],
)
def test_recommendations_are_those_shown(page: str, heading: str, workspace: Workspace) -> None:
    files = {
        "letterboxd.csv": LETTERBOXD,
        "watchlist.txt": "Aliens\n",
        "seen.csv": "title\nFargo\n",
    }
    for name, text in files.items():
        (workspace.path / name).write_text(text, "utf-8")
    assert tutorials.follow(page, workspace, heading)
    for name in files:
        (workspace.path / name).unlink()


def test_the_summary_in_the_readme_is_that_of_the_run(workspace: Workspace) -> None:
    section = tutorials.read_section("../README.md", "Quick start")
    [shown] = re.findall(r"^```text\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    table = shown.partition("\n\n")[0].splitlines()
    tutorials.check_shown("movierec summary", workspace.run("movierec", "summary"), table)


def test_the_experiment_in_the_readme_is_that_of_the_tutorial() -> None:
    tutorial = (ROOT / "docs/tutorial-experiment.md").read_text("utf-8").splitlines()
    section = tutorials.read_section("../README.md", "Run an experiment")
    [console] = re.findall(r"^```console\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert [line for line in console.splitlines() if line not in tutorial] == []


def test_the_tutorial_of_own_ratings_is_true(workspace: Workspace) -> None:
    outputs = tutorials.follow("tutorial-own-ratings.md", workspace)
    ran = outputs["dvc exp run -S dataset=own -S index.max_rejected=1"]
    assert stages_run(ran)[:2] == ["index", "split"]
    assert len(stages_run(ran)) == 9
    workspace.run("dvc", "exp", "remove", "--all-commits")  # dvc exp run has stored it
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
