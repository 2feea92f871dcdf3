"""Training in blocks, in this process and on three Dask workers, equals training in memory."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality.run import write_split
from movierec.core.params import GibbsParams, load_params
from movierec.core.paths import SPLIT
from movierec.data import parquet_tables
from movierec.data.stored_ratings import StoredRatings
from movierec.engine import factory, local
from movierec.prepare import split
from movierec.training import als, early_stopping, implicit_als, loading, rating_model
from movierec.training.blocks.block_ratings import BlockSource
from movierec.training.blocks.blocked_data import BlockedData
from movierec.training.checkpoint import Checkpoint
from movierec.training.in_memory import InMemoryData
from tests.helpers.clone import ROOT
from tests.helpers.random_data import (
    SCALE,
    csr_of_counts,
    implicit_params,
    random_ratings,
    train_params,
)

N_USERS, N_ITEMS, N_GENRES = 330, 200, 5
ENGINE = load_params(ROOT / "params.yaml").engine
SIZES = {"one block": 10**9, "blocks": 1000}  # ratings of a block


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A split on disk, and an index with only the movies' genres."""
    path = tmp_path_factory.mktemp("split")
    ratings = random_ratings(0, N_USERS, N_ITEMS, 6000)
    rng = np.random.default_rng(1)
    parts = rng.choice(3, len(ratings), p=[0.8, 0.15, 0.05])
    write_split(path, [ratings.take(parts == part) for part in range(3)], N_USERS, N_ITEMS)
    genres = csr_of_counts(2, rng.integers(0, 4, N_ITEMS), N_GENRES)
    names = [[f"genre {k}" for k in row] for row in np.split(genres.indices, genres.indptr[1:-1])]
    parquet_tables.write_table(path / "items.parquet", {"genres": names})
    return path


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """An engine of three Dask workers."""
    settings = ENGINE.model_copy(update={"kind": "dask", "n_workers": 3})
    with factory.opened(settings) as found:
        yield found


@pytest.fixture(params=["local", "dask"])
def any_engine(request):
    if request.param == "local":
        return local.Engine(ENGINE)
    return request.getfixturevalue("workers")


def in_memory(folder, refit=False, model="mf"):
    """The same data in memory."""
    by_user, by_item = parquet_tables.read_train(folder)
    if refit:
        by_user = StoredRatings.train("user", True, folder).read_all()
        by_item = by_user.transpose(N_ITEMS)
    params = train_params(model=model)
    by_genre = parquet_tables.read_genres(folder) if model == "genre_mf" else None
    validation = None if refit else parquet_tables.read_ratings(folder / "validation.parquet")
    return InMemoryData.from_params(by_user, by_item, params, by_genre, validation)


def in_blocks(used, folder, tmp_path, refit=False, model="mf", **settings):
    """The same data, in blocks of about 1000 ratings."""
    used.params = ENGINE.model_copy(
        update={"kind": used.params.kind, "block_ratings": 1000} | settings
    )
    return BlockedData(used, BlockSource(folder, folder, tmp_path, refit, model=model))


@pytest.fixture(scope="module")
def users_folder(tmp_path_factory):
    """A split that holds out users, on disk: the folder of its project."""
    project = tmp_path_factory.mktemp("users")
    path = project / SPLIT
    path.mkdir(parents=True)
    ratings = random_ratings(0, N_USERS, N_ITEMS, 6000)
    params = load_params(ROOT / "params.yaml").split
    params = params.model_copy(update={"protocol": "users", "validation_fraction": 0.2})
    write_split(path, split.split(ratings, N_USERS, params, 1), N_USERS, N_ITEMS)
    return project


@pytest.mark.parametrize("limit", [10**9, 0], ids=["all rows", "needed rows"])
@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("kind", ["als", "gibbs", "implicit"])
def test_held_out_users_have_the_same_rows_in_blocks(
    any_engine, users_folder, tmp_path, monkeypatch, kind, refit, limit
):
    """And those of users who are not held out are what training made them."""
    monkeypatch.chdir(users_folder)
    params = implicit_params(dtype="float32", n_factors=5, max_epochs=3)
    make, end = implicit_als.ImplicitTrainer, (0, SCALE)
    if kind != "implicit":
        params, make = train_params(method=kind, dtype="float32"), rating_model.make_trainer
    expected, found = (
        make(data, params, *end)
        for data in (
            loading.load_in_memory(params, refit),
            in_blocks(any_engine, users_folder / SPLIT, tmp_path, refit, broadcast_limit=limit),
        )
    )
    states = [early_stopping.fit(trainer) for trainer in (expected, found)]
    assert states[0].epochs == states[1].epochs
    assert (states[0].validation is None) == refit
    models = [
        trainer.final_model(state) for trainer, state in zip((expected, found), states, strict=True)
    ]
    assert_same(*models)
    own = expected.data.finish(states[0].model)
    is_held_out = expected.data.held_out.counts("user") > 0
    assert 50 < is_held_out.sum() < 200
    same = (models[0].user_factors == own.user_factors).all(axis=1)
    np.testing.assert_array_equal(same, ~is_held_out)


def assert_same(one, other):
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(other.arrays[name], array, name)
    assert one.global_mean == other.global_mean


@pytest.mark.parametrize("limit", [10**9, 0], ids=["all rows", "needed rows"])
@pytest.mark.parametrize(
    ("model", "method"),
    list(itertools.product(("mf", "genre_mf", "svdpp"), ("als", "gibbs"))),
)
def test_training_by_blocks_has_the_bits_of_training_in_memory(
    any_engine, folder, tmp_path, monkeypatch, model, method, limit
):
    """Also if the weights of few features are solved for exactly, and of many step by step."""
    monkeypatch.setattr(als, "WEIGHT_STEPS", 2)  # for speed
    samples = GibbsParams(start_epochs=1, burn_in=1, samples=1, thin=1)
    changes = {"model": model, "method": method, "max_epochs": 2, "gibbs": samples}
    params = train_params(dtype="float32", **changes)
    data = in_blocks(any_engine, folder, tmp_path, model=model, broadcast_limit=limit)
    assert len(data.scheduler.blocks["user"]) > 3
    assert len(data.scheduler.blocks["item"]) > 2
    found = rating_model.fit(data, params, 0, SCALE)
    expected = rating_model.fit(in_memory(folder, model=model), params, 0, SCALE)
    assert found.epochs == expected.epochs
    assert (found.best_epoch, found.validation) == (expected.best_epoch, expected.validation)
    assert_same(expected.model, data.finish(found.model))


@pytest.mark.parametrize("limit", [10**9, 0], ids=["all rows", "needed rows"])
def test_the_implicit_model_by_blocks(any_engine, folder, tmp_path, limit):
    params = implicit_params(dtype="float32", n_factors=17)
    data = in_blocks(any_engine, folder, tmp_path, broadcast_limit=limit)
    found = implicit_als.fit(data, params, 0, SCALE)
    expected = implicit_als.fit(in_memory(folder), params, 0, SCALE)
    assert found.epochs == expected.epochs
    assert_same(expected.model, data.finish(found.model))


def test_a_refit_by_blocks_goes_on_from_the_same_rows(any_engine, folder, tmp_path):
    params, models = train_params(model="genre_mf", method="gibbs", dtype="float32"), []
    for where in ("memory", "blocks"):

        def data(refit, where=where):
            if where == "memory":
                return in_memory(folder, refit, model="genre_mf")
            return in_blocks(any_engine, folder, tmp_path / str(refit), refit, model="genre_mf")

        trainer = rating_model.make_trainer(data(refit=False), params, 0, SCALE)
        settings, start = trainer.refit(params, early_stopping.fit(trainer))
        trainer = rating_model.make_trainer(data(refit=True), settings, 0, SCALE)
        trainer.start = start
        models.append(trainer.final_model(early_stopping.fit(trainer)))
    assert_same(*models)


def test_a_refit_is_on_train_and_validation(any_engine, folder, tmp_path):
    data = in_blocks(any_engine, folder, tmp_path, refit=True, model="genre_mf")
    params = train_params(model="genre_mf", dtype="float32")
    found = rating_model.fit(data, params, 0, SCALE)
    whole = in_memory(folder, refit=True, model="genre_mf")
    assert (
        data.n_ratings == whole.n_ratings > parquet_tables.n_rows(folder / "train_by_user.parquet")
    )
    expected = rating_model.fit(whole, params, 0, SCALE)
    assert found.epochs == expected.epochs
    assert_same(expected.model, data.finish(found.model))


@pytest.mark.parametrize("method", ["als", "gibbs"])
def test_it_goes_on_from_a_checkpoint_with_other_blocks(folder, tmp_path, monkeypatch, method):
    """The stored files suffice, and files that no checkpoint needs are deleted."""
    monkeypatch.chdir(tmp_path)
    params, here = train_params(method=method, dtype="float32"), local.Engine(ENGINE)
    saved = Checkpoint("search", "key")
    data, steps = in_blocks(here, folder, saved.folder.absolute()), []

    def on_epoch(fit):
        if len(fit.epochs) <= 4:
            saved.save(fit)
            data.keep_only(fit.model, fit.last, *fit.samples)
            steps.append(fit)

    expected = rating_model.fit(data, params, 0, SCALE, on_epoch=on_epoch)
    so_far = saved.load(rating_model.make_trainer(data, params, 0, SCALE))
    assert so_far.epochs == steps[-1].epochs
    again = in_blocks(here, folder, saved.folder.absolute(), block_ratings=700)
    found = rating_model.fit(again, params, 0, SCALE, state=so_far)
    assert found.epochs == expected.epochs
    assert_same(data.finish(expected.model), again.finish(found.model))
    again.keep_only(found.last)
    assert len(list((saved.folder / "rows").iterdir())) == 2
    saved.remove()
    assert not saved.folder.exists()


def test_blocks_of_other_bounds_and_room_for_some(folder, tmp_path):
    """Ratings that do not fit the cache are read again; results are the same."""
    params, here = train_params(dtype="float32"), local.Engine(ENGINE)
    expected = rating_model.fit(in_memory(folder), params, 0, SCALE).model
    for place, size in enumerate((1, 500, 10**9)):
        data = in_blocks(here, folder, tmp_path / str(place), block_ratings=size)
        source = replace(data.source, memory=30_000)
        data = BlockedData(here, source)
        assert_same(expected, data.finish(rating_model.fit(data, params, 0, SCALE).model))
