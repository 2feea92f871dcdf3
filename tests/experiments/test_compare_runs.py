"""Two runs against each other: what is said of them, and what is refused."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from dvc.repo import Repo

from movierec.core.errors import MovierecError
from movierec.core.paths import EVALUATION_BY_USER
from movierec.experiments import compare_runs
from movierec.experiments.compare_runs import Run

MANIFEST = {
    "split": {"sha256": {"test.parquet": "one"}},
    "evaluate": {"params": {"evaluate": {"top_n": 10, "relevant_rating": 4.0}}},
}


def run(seed=0, **changes):
    rng = np.random.default_rng(seed)
    n_test = np.concatenate(([0], rng.integers(1, 30, 199)))
    columns = {
        "n_test": n_test,
        "squared_error": rng.random(200) * n_test,
        "absolute_error": rng.random(200) * n_test,
        "ndcg": np.where(n_test > 3, rng.random(200), np.nan),
        "recall": np.where(n_test > 3, rng.random(200), np.nan),
    }
    return Run("ours", MANIFEST, **columns | changes)


def test_a_run_against_itself_shows_nothing():
    for row in compare_runs.compare(run(), run()):
        assert (row.a, row.low, row.high, row.p_value) == (row.b, 0, 0, 1)
        assert row.verdict == "inconclusive"


def test_a_plain_gain_is_seen_and_its_direction():
    a = run()
    b = replace(a, squared_error=a.squared_error * 0.8, ndcg=a.ndcg * 0.8)
    rmse, mae, ndcg, recall = compare_runs.compare(a, b)
    assert (rmse.verdict, mae.verdict) == ("better", "inconclusive")
    assert (ndcg.verdict, recall.verdict) == ("worse", "inconclusive")
    assert rmse.low < rmse.b - rmse.a < rmse.high < 0
    back = compare_runs.compare(b, a)
    assert [row.verdict for row in back[:3:2]] == ["worse", "better"]
    assert back[0].p_value == pytest.approx(rmse.p_value)


def test_metrics_are_those_of_all_test_ratings_and_of_judged_users():
    a = run()
    rmse, mae, ndcg, _ = compare_runs.compare(a, a)
    n_test = a.n_test.sum()
    assert rmse.a == pytest.approx(np.sqrt(a.squared_error.sum() / n_test))
    assert mae.a == pytest.approx(a.absolute_error.sum() / n_test)
    assert ndcg.metric == "ndcg@10"
    assert ndcg.a == pytest.approx(np.nanmean(a.ndcg))


def test_noise_is_called_better_about_as_often_as_p_says(monkeypatch):
    """Two runs that differ by chance alone: 5% of 80 are 4; 11 would be four deviations."""
    monkeypatch.setattr(compare_runs, "N_RESAMPLES", 10)  # of the interval, which does not matter
    called = 0
    for seed in range(80):
        a, noise = run(seed), np.random.default_rng(seed + 500).normal(0, 0.05, 200)
        b = replace(a, squared_error=a.squared_error * np.exp(noise - 0.05**2 / 2))
        called += compare_runs.compare(a, b)[0].verdict != "inconclusive"
    assert called <= 11


def test_runs_of_other_test_ratings_are_refused():
    other = {**MANIFEST, "split": {"sha256": {"test.parquet": "two"}}}
    with pytest.raises(
        MovierecError, match="ours and ours were evaluated on different test ratings"
    ):
        compare_runs.compare(run(), replace(run(), manifest=other))
    other = {**MANIFEST, "evaluate": {"params": {"evaluate": {"top_n": 5, "relevant_rating": 4.0}}}}
    with pytest.raises(
        MovierecError, match=r"differ in evaluate\.top_n; evaluate both with the same"
    ):
        compare_runs.compare(run(), replace(run(), manifest=other))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pygtrie, which DVC uses
def test_a_revision_whose_files_are_not_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git = "git", "-c", "user.name=a", "-c", "user.email=a@example.org"
    subprocess.run([*git, "init", "--quiet"], check=True)
    repo = Repo.init()
    EVALUATION_BY_USER.parent.mkdir(parents=True)
    EVALUATION_BY_USER.write_bytes(b"")
    repo.add(str(EVALUATION_BY_USER.parent))
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "A run"], check=True)
    shutil.rmtree(repo.cache.local.path)
    with pytest.raises(MovierecError, match=r"HEAD: .* is not in that revision, or not in DVC's"):
        compare_runs.read_run("HEAD")


def test_a_revision_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MovierecError, match="no such file; run dvc repro"):
        compare_runs.read_run("workspace")
    with pytest.raises(MovierecError, match=r"main: .* is not a git repository"):
        compare_runs.read_run("main")
