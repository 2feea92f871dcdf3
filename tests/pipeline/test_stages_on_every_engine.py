"""Stages give the same bytes on a cluster as in one process."""

import hashlib
import shutil
from pathlib import Path

import pytest
import yaml

from benchmarks import generate
from movierec.core.errors import MovierecError
from movierec.core.params import load_params
from movierec.data.stored_ratings import StoredRatings
from movierec.engine import factory
from movierec.engine.blocks import work_by_cost
from movierec.evaluation import collect
from movierec.recommending import export
from movierec.recommending.rankers import RANKINGS
from tests.helpers.small_project import run_stage, write_params

TRAINING = "split", "train", "implicit", "item_regression"
FAST = {"max_epochs": 2, "patience": 2}
SMALL = {"block_ratings": 2_500, "memory_limit": None}
SAMPLES = {"start_epochs": 1, "burn_in": 1, "samples": 3, "thin": 1}
OF_STAGE = {"train": ["models"], "implicit": ["models"]}
CHANGES = [
    {},
    {"train": {"refit": False}},
    {"split": {"validation_fraction": 0}},
    {"train": {"method": "gibbs", "gibbs": SAMPLES}},
    {"split": {"protocol": "users", "positive_rating": 2, "min_user_ratings": 3}},
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project whose models are trained."""
    folder = tmp_path_factory.mktemp("trained")
    archive = folder / "ratings.zip"
    generate.write_zip(generate.generate(25_000), archive, "ml-tiny")
    write_params(folder, archive, train=FAST, implicit=FAST | {"n_factors": 8})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in ("download", "index", *TRAINING):
            run_stage(stage)
    return folder


@pytest.fixture(scope="module")
def cluster(trained):
    """The address of a scheduler with three workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(trained)
        settings = {"kind": "dask", "scheduler": "local", "n_workers": 3, "host": "127.0.0.1"}
        params = load_params().engine.model_copy(update=settings)
        with factory.opened(params) as workers:
            yield workers.client.scheduler.address


@pytest.fixture
def project(trained, tmp_path, monkeypatch):
    """A copy of the project, which is the current folder."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(**blocks):
    params = yaml.safe_load(Path("params.yaml").read_text())
    for block, values in blocks.items():
        params[block] |= values
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def written(stage, **settings):
    """Run a stage with these settings of the engine; returns hashes of its outputs by path."""
    change(engine=SMALL | settings)
    names = ("data/evaluation", "exports", "metrics", "plots", *OF_STAGE.get(stage, ()))
    paths = [Path(name) for name in names]
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)
    run_stage(stage)
    files = sorted(file for path in paths for file in path.rglob("*") if file.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.parametrize("stage", OF_STAGE)
def test_models_are_the_same_by_any_engine(stage, project, cluster, capfd):
    """With early stopping and refit; and workers report the bytes sent."""
    local = written(stage, kind="local")
    assert len(local) == (4 if stage == "train" else 3)
    assert " sent" not in capfd.readouterr().out
    assert written(stage, kind="dask", scheduler=cluster) == local
    assert " kB sent" in capfd.readouterr().out
    assert written(stage, kind="local", memory_limit="1 MB") == local
    left = [path.name for path in Path(".checkpoints").iterdir()]
    left = [name for name in left if not name.startswith("dask-")]  # the cluster's own
    assert all(name.endswith((".lock", ".time")) for name in left), left


def test_the_item_regression_is_the_same_by_any_engine(project, cluster):
    """With a limit, its matrix is in a scratch file, and ratings are read in blocks."""
    regression = Path("models/item_regression.safetensors")
    found = set()
    for settings in (
        {"kind": "local"},
        {"kind": "dask", "scheduler": cluster},
        {"kind": "local", "memory_limit": "1 MB"},
    ):
        written("item_regression", **settings)
        found.add(regression.read_bytes())
    assert len(found) == 1
    assert not [path for path in Path(".checkpoints").iterdir() if path.name == "item_regression"]


def test_what_cannot_be_divided_says_so(project):
    change(engine=SMALL | {"memory_limit": "1 MB"}, train={"model": "damped_biases"})
    with pytest.raises(MovierecError, match=r"biases is trained in memory only: set engine\.kind"):
        run_stage("train")


@pytest.mark.parametrize("ranking", RANKINGS)
def test_lists_are_the_same_by_any_engine(ranking, project, cluster, monkeypatch):
    """With row groups that consist of several blocks."""
    monkeypatch.setattr(export, "ROW_GROUP", 2_000)  # lists of 100 users
    change(recommend={"ranking": ranking})
    local = written("recommend", kind="local")
    assert set(local) == {"exports/recommendations.parquet", "plots/recommend/details.json"}
    assert written("recommend", kind="dask", scheduler=cluster) == local
    assert written("recommend", kind="local", memory_limit="2 GB") == local


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_all_that_is_measured_is_the_same_by_any_engine(changes, project, cluster, monkeypatch):
    """With and without refit and early stopping, and for a mean of samples."""
    monkeypatch.setattr(collect, "SHARED", 500_000)
    monkeypatch.setattr(collect, "SAMPLED", 40)
    change(evaluate={"ranking_users": 100}, **changes)
    for stage in TRAINING if changes else ():
        run_stage(stage)
    local = written("evaluate", kind="local")
    assert {"data/evaluation/by_user.parquet", "plots/evaluate/details.json"} < set(local)
    assert written("evaluate", kind="dask", scheduler=cluster) == local
    assert written("evaluate", kind="local", memory_limit="2 GB") == local


def test_work_is_in_several_blocks(project):
    """Otherwise the other tests would compare one block with itself."""
    change(engine=SMALL | {"memory_limit": "2 GB"})
    with factory.opened(load_params().engine) as here:
        known = [StoredRatings.train(side, True) for side in ("user", "item")]
        assert min(len(work_by_cost(here, rated.counts())) for rated in known) > 2
