"""The real pipeline in a temporary clone, run by DVC's commands."""

import itertools
import json
import sys
from collections.abc import Callable
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from movierec.cli import rendering
from movierec.core import result_files
from movierec.serving import recommendations
from movierec.serving.lists import ListOptions
from movierec.serving.user_profile import UserProfile
from movierec.serving.workspace import Project
from tests.helpers.clone import ROOT, Workspace, stages_run


def details(workspace: Workspace, stage: str) -> dict:
    return result_files.read_details(stage, workspace.path)


def test_the_default_run_is_as_good_as_the_committed_one(workspace: Workspace) -> None:
    rmse = details(workspace, "evaluate")["test"]["rmse"]
    assert 0.89 < rmse <= 0.912
    ours = result_files.read_details("evaluate", ROOT)["test"]["rmse"]
    assert rmse == pytest.approx(ours, abs=5e-4)  # processors round differently


def test_lists_are_such_as_people_would_take(workspace: Workspace) -> None:
    """Twice as good as popularity and with higher ratings; much better would be a leak."""
    ranking = details(workspace, "evaluate")["ranking"]
    blend, popularity = ranking["blend"], ranking["popularity"]
    assert max(0.345, 2 * popularity["ndcg@10"]) < blend["ndcg@10"] < 0.43
    assert blend["hit_rating@10"] > max(4.0, ranking["implicit"]["hit_rating@10"])
    assert blend["coverage@10"] > 0.2


# --- What a film lover would check


@pytest.fixture
def listed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Titles (or another column) of the list for these ratings, by the real models."""
    monkeypatch.chdir(workspace.path)
    here = Project.at()

    def run(given: dict[str, float], n: int = 10, column: str = "title") -> list[str]:
        person = UserProfile.from_ratings(
            {here.movies.index.find(title): given[title] for title in given}
        )
        found = recommendations.recommend(here, [person], ListOptions(n=n))
        values = found.scores.values(found.items, here.scale)
        return [row[column] for row in rendering.rows_of(here.movies, found.items, **values)]

    return run


Listed = Callable[..., list[Any]]
HORROR = ("Scream (1996)", "Nightmare on Elm Street", "Halloween: The Curse", "Psycho (1960)")
ANIMATED = ("Toy Story (1995)", "Lion King", "Aladdin (1992)", "Beauty and the Beast (1991)")
THRILLERS = ("Usual Suspects", "L.A. Confidential", "Silence of the Lambs", "Heat (1995)")


def n_of(genres: list[str], *wanted: str) -> int:
    return sum(bool(set(each.split("|")) & set(wanted)) for each in genres)


SEQUELS = {"Empire Strikes Back, The (1980)", "Return of the Jedi (1983)"}


def test_who_likes_star_wars_gets_its_sequels(listed: Listed) -> None:
    assert "Return of the Jedi (1983)" in listed({"Star Wars (1977)": 5}, 3)
    assert set(listed({"Star Wars (1977)": 5}, 10)) >= SEQUELS
    assert set(listed({"Star Wars (1977)": 5, "Raiders of the Lost Ark": 4}, 10)) >= SEQUELS


def test_toy_story_and_its_like_lead_to_films_for_children(listed: Listed) -> None:
    of_children, of_others = (
        n_of(listed(dict.fromkeys(liked, 5), 30, "genres"), "Animation", "Children's")
        for liked in (ANIMATED, THRILLERS)
    )
    assert of_children >= 9
    assert of_others <= 2


def test_cartoons_are_similar_to_toy_story_and_lead_its_likes(
    workspace: Workspace, listed: Listed
) -> None:
    """With ratings alone, Return of the Jedi is the most similar, and no cartoon is in the list."""
    similar = json.loads(workspace.run("movierec", "similar", "Toy Story", "--json"))
    assert n_of([row["genres"] for row in similar], "Animation", "Children's") >= 5
    likes = dict.fromkeys(ANIMATED, 5)
    assert n_of(listed(likes, 10, "genres"), "Animation", "Children's") >= 3


def test_disliking_horror_lowers_horror(listed: Listed) -> None:
    def n_of_horror(*ratings: float) -> int:
        given = dict(zip(HORROR, ratings, strict=False))
        return n_of(listed({"Alien (1979)": 5, **given}, 50, "genres"), "Horror")

    assert n_of_horror(1, 1, 1, 1) < n_of_horror() < n_of_horror(5, 5, 5, 5)


def test_the_order_of_ratings_changes_no_list(listed: Listed) -> None:
    given = {title: 5 - place for place, title in enumerate((*ANIMATED[:3], HORROR[0]))}
    backwards = dict(reversed(given.items()))
    assert listed(given, 50) == listed(backwards, 50)
    assert listed(given, 50, "score") == listed(backwards, 50, "score")


# --- What runs again


def test_a_second_run_does_nothing_and_a_forced_one_changes_nothing(workspace: Workspace) -> None:
    assert "up to date" in workspace.run("dvc", "status")
    assert stages_run(workspace.run("dvc", "repro")) == []
    again = workspace.run(
        "dvc", "repro", "--force", "--single-item", "index", "implicit", "evaluate"
    )
    assert stages_run(again) == ["index", "implicit", "evaluate"]
    assert workspace.run("git", "status", "--porcelain") == ""


def test_params_of_train_rerun_what_depends_on_them_and_back_only_draws(
    workspace: Workspace,
) -> None:
    """With another model and another method, through all stages."""
    before = (workspace.path / "dvc.lock").read_bytes()
    model = {"model": "genre_mf", "method": "gibbs", "gibbs.burn_in": 15, "gibbs.samples": 20}
    run = workspace.run(*experiment(**model))
    assert stages_run(run) == ["train", "evaluate", "recommend", "export", "draw"]
    assert "genre_mf" in workspace.run("dvc", "params", "diff")
    assert "metrics/test.json" in workspace.run("dvc", "metrics", "diff")
    assert 0.87 < details(workspace, "evaluate")["test"]["rmse"] < 0.90  # a leak would be less
    lines = workspace.run("movierec", "recommend", "--like", "Toy Story", "-n", "3", "--csv")
    assert len(lines.splitlines()) == 4
    compared = json.loads(workspace.run("movierec", "compare-runs", "HEAD", "--json"))
    [rmse] = [entry for entry in compared["metrics"] if entry["metric"] == "rmse"]
    assert rmse["verdict"] == "better"
    assert rmse["a"] == pytest.approx(workspace.committed_errors()["rmse"], abs=1e-6)
    assert rmse["b"] == pytest.approx(details(workspace, "evaluate")["test"]["rmse"], abs=1e-6)
    params = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))["train"]
    back = {name: reduce(getitem, name.split("."), params) for name in model}
    again = workspace.run(*experiment(**back))
    assert set(stages_run(again)) <= {"draw"}, "it need not have run: pictures come with the clone"
    assert (workspace.path / "dvc.lock").read_bytes() == before


def experiment(**train: object) -> list[str]:
    changes = (("-S", f"train.{name}={value}") for name, value in train.items())
    return ["dvc", "exp", "run", *itertools.chain(*changes)]


COLUMNS = {
    "data/index/users.parquet": "user_id n_ratings offset",
    "data/index/items.parquet": "movie_id title year genres n_ratings offset",
    "data/index/ratings_by_user.parquet": "item_index rating timestamp",
    "data/index/ratings_by_item.parquet": "user_index rating",
    "data/split/train_by_user.parquet": "item_index rating timestamp",
    "data/split/train_by_item.parquet": "user_index rating",
    "data/split/train_users.parquet": "n_ratings offset",
    "data/split/train_items.parquet": "n_ratings offset",
    "data/split/validation.parquet": "user_index item_index rating timestamp",
    "data/split/test.parquet": "user_index item_index rating timestamp",
    "data/evaluation/by_user.parquet": "n_test squared_error absolute_error ndcg recall",
    "exports/recommendations.parquet": "user_id rank movie_id title score predicted_rating",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_outputs_have_the_columns_of_the_contract(workspace: Workspace, name: str) -> None:
    assert pq.read_schema(workspace.path / name).names == COLUMNS[name].split()


def test_parts_make_up_the_whole_and_orientations_agree(workspace: Workspace) -> None:
    data = workspace.path / "data"
    users = pd.read_parquet(data / "index/users.parquet")
    items = pd.read_parquet(data / "index/items.parquet")
    assert users["n_ratings"].is_monotonic_decreasing
    assert items["n_ratings"].is_monotonic_decreasing
    assert len(users) == 943
    assert len(items) == 1682
    triples = []
    for side, rows in (("user", users), ("item", items)):
        other = "item" if side == "user" else "user"
        part = pd.read_parquet(data / f"index/ratings_by_{side}.parquet")
        part[f"{side}_index"] = np.repeat(np.arange(len(rows)), rows["n_ratings"])
        assert (rows["offset"] == rows["n_ratings"].cumsum() - rows["n_ratings"]).all()
        keys = ["user_index", "item_index", "rating"]
        assert other in part.columns[0]
        triples.append(part[keys].sort_values(keys).to_numpy())
    assert (triples[0] == triples[1]).all()
    counts = details(workspace, "split")
    assert counts["n_train"] + counts["n_validation"] + counts["n_test"] == 100_000
    held_out = pd.read_parquet(data / "split/test.parquet")
    kept = users["n_ratings"] - held_out.groupby("user_index").size()
    assert (kept == np.floor(users["n_ratings"] * 4 / 5)).all()


def test_recommendations_are_unseen_and_ranked(workspace: Workspace) -> None:
    lists = pd.read_parquet(workspace.path / "exports/recommendations.parquet")
    users = pd.read_parquet(workspace.path / "data/index/users.parquet")
    items = pd.read_parquet(workspace.path / "data/index/items.parquet")
    ratings = pd.read_parquet(workspace.path / "data/index/ratings_by_user.parquet")
    seen = set(
        zip(
            np.repeat(users["user_id"], users["n_ratings"]),
            items["movie_id"].to_numpy()[ratings["item_index"]],
            strict=True,
        )
    )
    assert not seen & set(zip(lists["user_id"], lists["movie_id"], strict=True))
    assert (lists.groupby("user_id")["rank"].max() == 20).all()
    assert (lists.groupby("user_id")["score"].diff().dropna() <= 0).all()
    floor = items.set_index("movie_id")["n_ratings"].loc[lists["movie_id"]]
    assert floor.min() >= 5


def test_people_can_ask(workspace: Workspace) -> None:
    movierec = (sys.executable, "-m", "movierec")
    [alike] = json.loads(workspace.run(*movierec, "similar", "Star Wars", "-n", "1", "--json"))
    assert alike["title"] == "Return of the Jedi (1983)"
    liked = json.loads(workspace.run(*movierec, "recommend", "--like", "Star Wars", "--json"))
    assert "Star Wars (1977)" not in {entry["title"] for entry in liked}
    assert len(liked) == 10
    assert f"{details(workspace, 'evaluate')['test']['rmse']:.4f}" in workspace.run(
        *movierec, "summary"
    )
    said = workspace.run(*movierec, "provenance")
    assert said.endswith("up to date: files, params and versions match the project\n")


def test_commands_about_runs_work_elsewhere(workspace: Workspace, tmp_path: Path) -> None:
    elsewhere = Workspace(tmp_path)
    command = "movierec", "--project", str(workspace.path)
    assert elsewhere.run(*command, "report").startswith(f"wrote {workspace.path}/report.html (")
    assert (workspace.path / "report.html").is_file()
    compared = json.loads(elsewhere.run(*command, "compare-runs", "--json"))
    assert compared["runs"] == ["HEAD", "workspace"]
    assert {row["verdict"] for row in compared["metrics"]} == {"inconclusive"}
    said = elsewhere.run("movierec", "provenance", MOVIEREC_PROJECT=str(workspace.path))
    assert said.startswith(f"{workspace.path}/exports/recommendations.parquet\n")
    assert said.endswith("up to date: files, params and versions match the project\n")
    assert list(tmp_path.iterdir()) == []


def test_a_stage_by_hand_wants_the_data_of_its_params(workspace: Workspace) -> None:
    params = workspace.path / "params.yaml"
    params.write_text(params.read_text().replace("dataset: ml-100k", "dataset: ml-1m"))
    stale = workspace.run(sys.executable, "stages/split.py", fails=True, PYTHONPATH="src")
    assert "made from data set 'ml-100k'" in stale
    workspace.run("git", "checkout", "-q", ".")


def test_an_unknown_data_set_fails_clearly(workspace: Workspace) -> None:
    said = workspace.run("dvc", "exp", "run", "-S", "dataset=ml-26m", fails=True)
    assert "ml-26m" in said
    workspace.run("git", "checkout", "-q", ".")
