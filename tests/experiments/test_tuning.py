"""A search for params: it resumes, it finds the least, and it cannot see the test part."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from movierec.core import paths, result_files
from movierec.core.errors import MovierecError
from movierec.core.params import Params, TrainParams, load_params
from movierec.experiments import tuning
from movierec.plotting.tuning import draw_trials
from movierec.training import checkpoint
from tests.helpers.clone import ROOT
from tests.helpers.random_data import random_ratings, train_params
from tests.helpers.small_project import run_stage, run_stages, write_params

COLUMNS = ["user_id", "movie_id", "rating", "timestamp"]
N = 4  # trials: a few, then some more
MF = ["n_factors", "factor_precision", "factor_precision_per_rating", "bias_precision"]


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has been split, and whose test ratings are gone from wherever they were."""
    folder = tmp_path_factory.mktemp("split")
    ratings = random_ratings(1, n_users=60, n_items=80, n_ratings=2000)
    frame = pd.DataFrame(vars(ratings)).set_axis(COLUMNS, axis="columns")
    frame.to_csv(folder / "mine.csv", index=False)
    poor = {"max_epochs": 5, "n_factors": 20, "factor_precision": 0.1}
    write_params(folder, folder / "mine.csv", "ratings_csv", train=poor)
    run_stages(folder, "download", "index", "split")
    shutil.rmtree(folder / "data/raw")
    for path in [*folder.glob("data/index/ratings*"), folder / "data/split/test.parquet"]:
        path.unlink()
    return folder


@pytest.fixture
def project(split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(split, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def set_train(**values: object) -> Params:
    content = yaml.safe_load(Path("params.yaml").read_text("utf-8"))
    content["train"] |= values
    Path("params.yaml").write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return load_params()


# --- What is searched


@pytest.mark.parametrize(
    ("model", "method", "names"),
    [
        ("damped_biases", "als", ["bias_precision"]),
        ("biases", "als", ["bias_precision"]),
        ("mf", "als", MF),
        ("mf", "gibbs", ["n_factors"]),
        ("genre_mf", "gibbs", ["n_factors", "gibbs_feature_ridge"]),
        ("svdpp", "als", [*MF, "feature_ridge"]),
    ],
)
def test_a_model_and_method_are_searched_over_what_matters_to_them(model, method, names):
    assert list(tuning.search_space(train_params(model=model, method=method), 100)) == names


def test_every_model_has_a_space():
    assert set(tuning.SPACE) == set(get_args(TrainParams.model_fields["model"].annotation))


def test_a_space_holds_what_is_in_use_and_what_the_data_allow():
    params = train_params(n_factors=80, factor_precision=900, bias_precision=0)
    space = tuning.search_space(params, 90)
    assert space["n_factors"] == (2, 80)
    assert space["factor_precision"][1] == 900
    assert "bias_precision" not in space, "0 is switched off"
    assert tuning.search_space(train_params(n_factors=1), 7)["n_factors"] == (1, 7)


def test_biases_by_gibbs_have_nothing_to_tune():
    with pytest.raises(MovierecError, match=r"biases by train\.method gibbs has no params to tune"):
        tuning.search_space(train_params(model="biases", method="gibbs"), 10)


# --- The search


def test_a_search_begins_with_the_params_in_use_and_resumes(project, capsys):
    params = load_params()
    first = tuning.search(params, N)
    assert "resuming" not in capsys.readouterr().out
    assert first["trial"].tolist() == [1, 2, 3, 4]
    assert first.drop(columns=["trial", "validation_rmse"]).iloc[0].to_dict() == {
        name: getattr(params.train, name) for name in tuning.SPACE["mf"]
    }
    assert len(first.drop(columns="trial").drop_duplicates()) == N
    again = tuning.search(params, N + 2)
    assert f"resuming after {N} trials" in capsys.readouterr().out
    pd.testing.assert_frame_equal(again.head(N), first)
    assert len(again) == N + 2
    pd.testing.assert_frame_equal(tuning.search(params, 1), again)
    with_the_best = set_train(factor_precision=7.5, n_factors=4)
    pd.testing.assert_frame_equal(tuning.search(with_the_best, 1), again)


def test_a_trial_s_rmse_is_that_of_training_with_its_params(project):
    params = load_params()
    rows = tuning.search(params, 3)
    row = rows.drop(columns=["trial", "validation_rmse"]).iloc[2].to_dict()
    data = tuning.read_data(params)
    chosen = row | {"n_factors": int(row["n_factors"])}
    assert tuning.validation_rmse(data, params, chosen) == rows["validation_rmse"][2]
    run_stage("train")
    rmse = result_files.read_details("train")["validation"]["rmse"]
    assert rmse == pytest.approx(rows["validation_rmse"][0], rel=1e-5)


def test_the_best_is_the_least_and_the_first_of_equals():
    rows = pd.DataFrame({"trial": [1, 2, 3, 4, 5], "n_factors": [2, 3, 4, 5, 6]})
    rows["validation_rmse"] = [np.nan, 0.92, 0.9, 0.91, 0.9]
    assert tuning.best_trial(rows) == (3, {"n_factors": 4}, 0.9)
    with pytest.raises(MovierecError, match="every trial failed"):
        tuning.best_trial(rows.head(1))


@pytest.mark.parametrize("change", ["seed", "other", "data"])
def test_another_search_begins_anew(project, capsys, change):
    tuning.search(load_params(), 2)
    params = set_train(**({"patience": 1} if change == "other" else {}))
    if change == "seed":
        params = params.model_copy(update={"seed": 3})
    if change == "data":
        manifest = json.loads(Path("data/split/manifest.json").read_text())
        manifest["split"]["sha256"]["test.parquet"] = "0" * 64
        Path("data/split/manifest.json").write_text(json.dumps(manifest))
    assert len(tuning.search(params, 1)) == 1
    assert "resuming" not in capsys.readouterr().out
    assert len(list(paths.CHECKPOINTS.glob("tune-*.log"))) == 2


def test_a_study_depends_on_the_code_of_training_alone():
    names = {path.relative_to(ROOT).parts for path in checkpoint.code_files("train")}
    assert ("stages", "train.py") in names
    rooms = {parts[2] for parts in names if parts[0] == "src"}
    assert {"training", "kernels", "model"} <= rooms
    assert not {"cli", "plotting", "report", "evaluation", "serving"} & rooms


def test_a_trial_that_fails_is_counted_and_the_search_goes_on(project, capsys, monkeypatch):
    measure = tuning.validation_rmse

    def fails_at_first(data, params, chosen):
        if chosen["factor_precision"] == params.train.factor_precision:
            raise MovierecError("not positive definite")
        return measure(data, params, chosen)

    monkeypatch.setattr(tuning, "validation_rmse", fails_at_first)
    rows = tuning.search(load_params(), 3)
    assert rows["validation_rmse"].isna().tolist() == [True, False, False]
    assert "trial   1   failed: not positive definite" in capsys.readouterr().out
    assert tuning.best_trial(rows)[0] > 1
    assert len(tuning.search(load_params(), 3)) == 3
    draw_trials("plot.png", rows)


def test_a_killed_search_comes_to_what_an_undisturbed_one_does(project, capsys):
    undisturbed = tuning.search(load_params(), 12)  # the last of them learn from those before
    shutil.rmtree(paths.CHECKPOINTS)
    command = [sys.executable, "-m", "movierec.experiments.tuning", "--trials", "12"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert any("trial  10 " in line for line in process.stdout)
    process.kill()
    process.communicate()
    (journal,) = paths.CHECKPOINTS.glob("tune-*.log")
    with journal.open("ab") as file:
        file.write(b'{"op_code": 6, "wor')  # as a kill in the midst of a write leaves it
    lock = Path(f"{journal}.lock")
    lock.unlink(missing_ok=True)
    lock.symlink_to(journal)  # which a kill leaves now and then
    capsys.readouterr()
    resumed = tuning.search(load_params(), 12)
    assert "resuming after 10 trials" in capsys.readouterr().out
    pd.testing.assert_frame_equal(resumed, undisturbed)


def test_a_damaged_journal_is_named(project):
    tuning.search(load_params(), 1)
    (journal,) = paths.CHECKPOINTS.glob("tune-*.log")
    journal.write_text("not json\n" + journal.read_text())
    with pytest.raises(MovierecError, match=r"tune-\w+\.log: damaged journal .* delete it"):
        tuning.search(load_params(), 1)


# --- The test part


PROOF = """
import sys
from pathlib import Path
from movierec.data import parquet_tables
from movierec.experiments import tuning
from movierec.plotting.tuning import draw_trials
from movierec.core.errors import MovierecError

path = Path("data/split/test.parquet")
sys.addaudithook(tuning.hide_test)
for read in (parquet_tables.read_ratings, open, Path.read_bytes, parquet_tables.read_table):
    for name in (path, path.resolve()):
        try:
            read(name)
        except MovierecError as error:
            assert "contains test ratings, which tuning must not read" in str(error)
        else:
            sys.exit(f"{read} could read it")
assert len(parquet_tables.read_ratings(path.with_name("validation.parquet")))
assert "optuna" not in sys.modules, "loaded by a search alone"
"""


def test_the_hook_of_a_search_keeps_everyone_from_opening_the_test_part(project):
    shutil.copyfile("data/split/validation.parquet", "data/split/test.parquet")
    done = subprocess.run(
        [sys.executable, "-c", PROOF], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


# --- What it ends with


def test_the_patch_sets_the_params_and_keeps_all_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "params.yaml").read_text("utf-8")
    Path("params.yaml").write_text(text, "utf-8")
    shutil.copy(ROOT / "datasets.yaml", tmp_path)
    before = load_params()
    chosen = {"n_factors": 17, "factor_precision_per_rating": 1e-5, "bias_precision": 12.0}
    Path("tuning.patch").write_text(tuning.make_patch(chosen), "utf-8")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "apply", "tuning.patch"], check=True)
    after = load_params()
    assert after == before.model_copy(update={"train": before.train.model_copy(update=chosen)})
    assert "\n  n_factors: 17  # length of the factors" in Path("params.yaml").read_text("utf-8")
    lines = zip(text.splitlines(), Path("params.yaml").read_text("utf-8").splitlines(), strict=True)
    changed = [old.split(":")[0].strip() for old, new in lines if old != new]
    assert changed == list(chosen)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("train:\n  n_factors: 8\n", "train:\n  n_factors: 8\n"),
        ("train:\n  n_factors: 7\n", "train:\n  n_factors: 8\n"),
        (
            "n_factors: 7\ntrain: {n_factors: 7, x: null}",
            "n_factors: 7\ntrain: {n_factors: 8, x: null}",
        ),
    ],
)
def test_params_are_set_in_the_train_block_alone_however_it_is_written(before, after):
    assert tuning.set_train_params(before, {"n_factors": 8}) == after


def test_a_search_ends_with_patch_table_and_picture(project, capsys, monkeypatch):
    hooks = []  # one that is added for good would keep other tests from reading
    monkeypatch.setattr(sys, "addaudithook", hooks.append)
    assert not Path("data/split/test.parquet").exists()
    tuning.tune(12)
    output = capsys.readouterr().out
    assert hooks == [tuning.hide_test]
    rows = pd.read_csv(tuning.TABLE)
    best = rows.loc[rows["validation_rmse"].idxmin()]
    assert len(rows) == 12
    assert best["trial"] > 1, "the params in use are bad enough to be bettered"
    assert tuning.PLOT.read_bytes().startswith(b"\x89PNG")
    assert tuning.PATCH.read_text("utf-8") in output
    subprocess.run(["git", "apply", str(tuning.PATCH)], check=True)
    train = load_params().train
    for name in tuning.SPACE["mf"]:
        assert getattr(train, name) == pytest.approx(best[name], rel=1e-5)


# --- What can go wrong


def test_no_validation_ratings(project):
    write_params(project, project / "mine.csv", "ratings_csv", split={"validation_fraction": 0.0})
    run_stages(project, "download", "index", "split")
    with pytest.raises(MovierecError, match=r"no validation ratings .* split\.validation_fraction"):
        tuning.search(load_params(), 1)


def test_more_factors_than_the_data_allow_stop_it_before_the_first_trial(project):
    with pytest.raises(MovierecError, match=r"train\.n_factors: 1000 is too many for 60 users"):
        tuning.search(set_train(n_factors=1000), 1)


def test_its_options_are_checked():
    runner = CliRunner()
    assert "Number of trials in total" in runner.invoke(tuning.main, ["--help"]).output
    for options in (["--trials", "0"], ["--tirals", "3"]):
        result = runner.invoke(tuning.main, options)
        assert (result.exit_code, "Error: " in result.output) == (2, True)
