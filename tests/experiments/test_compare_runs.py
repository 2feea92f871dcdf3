"""Two runs against each other: what is said of them, and what is refused."""

import contextlib
import re
import shutil
import subprocess
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from dvc.repo import Repo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.core.manifests import make_record
from movierec.core.params import load_params
from movierec.core.paths import EVALUATION_BY_USER
from movierec.data import parquet_tables
from movierec.experiments import compare_runs
from movierec.experiments.compare_runs import Run
from movierec.recommending import export
from tests.helpers.clone import ROOT

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
        of = row.difference
        assert (of.a, of.low, of.high, of.p_value) == (of.b, 0, 0, 1)
        assert row.verdict == "inconclusive"


def test_a_plain_gain_is_seen_and_its_direction():
    a = run()
    b = replace(a, squared_error=a.squared_error * 0.8, ndcg=a.ndcg * 0.8)
    rmse, mae, ndcg, recall = compare_runs.compare(a, b)
    assert (rmse.verdict, mae.verdict) == ("better", "inconclusive")
    assert (ndcg.verdict, recall.verdict) == ("worse", "inconclusive")
    of = rmse.difference
    assert of.low < of.b - of.a < of.high < 0
    back = compare_runs.compare(b, a)
    assert [row.verdict for row in back[:3:2]] == ["worse", "better"]
    assert back[0].difference.p_value == pytest.approx(of.p_value)


def test_metrics_are_those_of_all_test_ratings_and_of_judged_users():
    a = run()
    rmse, mae, ndcg, _ = compare_runs.compare(a, a)
    n_test = a.n_test.sum()
    assert rmse.difference.a == pytest.approx(np.sqrt(a.squared_error.sum() / n_test))
    assert mae.difference.a == pytest.approx(a.absolute_error.sum() / n_test)
    assert ndcg.metric == "ndcg@10"
    assert ndcg.difference.a == pytest.approx(np.nanmean(a.ndcg))


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
    with pytest.raises(MovierecError, match="different test ratings"):
        compare_runs.compare(run(), replace(run(), n_test=run().n_test + 1))


# --- What is read


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the values by user of an evaluation with its params."""
    monkeypatch.chdir(tmp_path)
    for name in ("params.yaml", "datasets.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    write_values(load_params())
    return tmp_path


def same_values(a, b):
    names = [field.name for field in fields(Run)[2:]]
    return all(np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True) for name in names)


def write_values(params, **changes):
    """Write the values by user as evaluate does."""
    record = make_record({"dataset": params.dataset}, {"test.parquet": "one"})
    made_with = params.model_dump(include={"seed", "evaluate"})
    columns = {field.name: getattr(run(), field.name) for field in fields(Run)[2:]} | changes
    EVALUATION_BY_USER.parent.mkdir(parents=True, exist_ok=True)
    parquet_tables.write_table(
        EVALUATION_BY_USER, columns, export.provenance("evaluate", made_with, {"split": record})
    )


def test_the_values_here_are_read_if_they_are_those_that_evaluate_wrote(project):
    assert same_values(compare_runs.read_run("workspace"), run())
    content = EVALUATION_BY_USER.read_bytes()
    for place in (4, 40, 400, 4000):
        changed = content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]
        EVALUATION_BY_USER.write_bytes(changed)
        with pytest.raises(
            MovierecError, match=r"by_user\.parquet: .*changed since it was written"
        ):
            compare_runs.read_run("workspace")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"squared_error": np.full(200, -1.0)}, "values that are no errors"),
        ({"absolute_error": np.full(200, -2.0)}, "values that are no errors"),
    ],
)
def test_values_that_are_no_errors_are_refused(project, changes, reason):
    write_values(load_params(), **changes)
    with pytest.raises(MovierecError, match=reason):
        compare_runs.read_run("workspace")


def test_values_that_are_swapped_after_the_check_are_refused(project, monkeypatch):
    check = parquet_tables.check_data

    def check_then_swap(path, *given):
        check(path, *given)
        write_values(load_params(), squared_error=run().squared_error / 2)

    monkeypatch.setattr(parquet_tables, "check_data", check_then_swap)
    with pytest.raises(MovierecError, match=r"by_user\.parquet: changed while it was in use; run"):
        compare_runs.read_run("workspace")


def test_values_of_other_params_are_stale(project):
    params = load_params()
    other = params.evaluate.model_copy(update={"top_n": 7})
    write_values(params.model_copy(update={"evaluate": other}))
    stale = r"out of date, since evaluate\.top_n was 7, but is 10 in params\.yaml; run dvc repro"
    with pytest.raises(MovierecError, match=stale):
        compare_runs.read_run("workspace")
    write_values(params.model_copy(update={"dataset": "ml-25m"}))
    with pytest.raises(MovierecError, match="made from data set 'ml-25m', but params"):
        compare_runs.read_run("workspace")


@pytest.mark.parametrize("size", [0, 3, 11, 300])
def test_a_part_of_a_file_is_a_line(project, size):
    EVALUATION_BY_USER.write_bytes(EVALUATION_BY_USER.read_bytes()[:size])
    with pytest.raises(MovierecError, match=r"^data/evaluation/by_user\.parquet: [^\n]*$"):
        compare_runs.read_run("workspace")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_change_of_a_byte_is_a_line_or_changes_nothing(values, data):
    """Of the footer, too, which no hash covers; in a folder that all examples share."""
    content, expected = values
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255))
    EVALUATION_BY_USER.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
    with contextlib.suppress(MovierecError):
        assert same_values(compare_runs.read_run("workspace"), expected)


@pytest.fixture
def values(project):
    return EVALUATION_BY_USER.read_bytes(), compare_runs.read_run("workspace")


# --- Revisions


def git(*command):
    names = "-c", "user.name=a", "-c", "user.email=a@example.org"
    subprocess.run(["git", *names, *command], check=True)


@pytest.fixture
def repository(project):
    """The project as a repository, with a first commit without values and one with them."""
    git("init", "--quiet")
    repo = Repo.init()
    git("add", ".dvc")
    git("commit", "--quiet", "--message", "Nothing yet")
    repo.add(str(EVALUATION_BY_USER.parent))
    git("add", "--all")
    git("commit", "--quiet", "--message", "A run")
    return repo


REVISIONS = {  # what is said of one
    "HEAD": None,
    "HEAD~1": "HEAD~1: data/evaluation/by_user.parquet is not in that revision, or not in DVC's",
    "nosuch": "nosuch: unknown Git revision 'nosuch'",
    "HEAD^{tree}": "HEAD^{tree}: not a Git revision or experiment",
    "HEAD:params.yaml": "HEAD:params.yaml: not a Git revision or experiment",
    "-x": "-x: unknown Git revision '-x'",
    "": "the name of a run is empty",
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pygtrie, which DVC uses
def test_revisions(repository):
    for name, line in REVISIONS.items():
        if line:
            with pytest.raises(MovierecError, match=f"^{re.escape(line)}[^\n]*$"):
                compare_runs.read_run(name)
        else:
            assert same_values(compare_runs.read_run(name), run())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "remote", [None, "empty", "http://127.0.0.1:9/cache", "s3://a-bucket/that-needs-a-plugin"]
)
def test_a_revision_whose_files_are_not_in_the_cache(repository, remote, capfd):
    if remote:
        with repository.config.edit("local") as config:
            config["remote"] = {"there": {"url": remote}}
            config["core"] = {"remote": "there"}
    shutil.rmtree(repository.cache.local.path)
    with pytest.raises(MovierecError, match=r"HEAD: .* is not in that revision, or not in DVC's"):
        compare_runs.read_run("HEAD")
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_damaged_cache_is_a_line(repository):
    for path in Path(repository.cache.local.path).rglob("*"):
        if path.is_file() and path.suffix != ".dir":
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(MovierecError, match=r"HEAD: .* is damaged in DVC's cache; .* --force$"):
        compare_runs.read_run("HEAD")


def test_a_revision_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MovierecError, match="no such file; run dvc repro"):
        compare_runs.read_run("workspace")
    with pytest.raises(MovierecError, match=r"main: .* is not a git repository"):
        compare_runs.read_run("main")
