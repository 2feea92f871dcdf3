"""Workers that die, come late, are slow or want memory; a scheduler that is lost: the same bits, or
one line that says what to do."""

import itertools
import os
import signal
from contextlib import contextmanager

import dask
import numpy as np
import pytest

from movierec.core.errors import MovierecError
from movierec.datasets import csv_reader
from movierec.engine import factory
from movierec.engine.dask import DaskEngine
from movierec.training import rating_model
from movierec.training.blocks import block_tasks
from movierec.training.checkpoint import Checkpoint
from tests.helpers import archives, network_hosts
from tests.helpers.random_data import train_params
from tests.prepare import test_every_engine
from tests.training import test_blocks
from tests.training.test_blocks import ENGINE, SCALE, assert_same, in_blocks, in_memory

pytestmark = pytest.mark.faults
folder = test_blocks.folder
PARAMS = train_params(dtype="float32", n_factors=20, max_epochs=6, patience=6)


@pytest.fixture(scope="module")
def expected(folder):
    """The result of undisturbed training in memory."""
    return rating_model.fit(in_memory(folder), PARAMS, 0, SCALE)


@contextmanager
def workers(n_workers=3, **settings):
    params = ENGINE.model_copy(update={"kind": "dask", "n_workers": n_workers} | settings)
    with factory.opened(params) as used:
        yield used


def fit(used, folder, scratch, **more):
    data = in_blocks(used, folder, scratch)
    found = rating_model.fit(data, PARAMS, 0, SCALE, **more)
    return found, data.finish(found.model)


def assert_fits(expected, used, folder, scratch, **more):
    """Check that training on these workers gives the result of undisturbed training."""
    found, model = fit(used, folder, scratch, **more)
    assert found.epochs == expected.epochs
    assert_same(expected.model, model)


def kill_one(used, which=0):
    """kill -9 of a worker; its nanny starts another."""
    pids = used.client.run(os.getpid, on_error="ignore")
    os.kill(pids[sorted(pids)[which]], signal.SIGKILL)


@contextmanager
def at_submission(used, numbers, act):
    """Call `act` after so many tasks were submitted, in the middle of epochs."""
    submit, n = used.submit, 0

    def counted(*arguments, **more):
        nonlocal n
        n += 1
        if n in numbers:
            act()
        return submit(*arguments, **more)

    used.submit = counted
    try:
        yield
    finally:
        del used.submit
    assert n > max(numbers), n


def test_workers_killed_in_the_middle_of_epochs(folder, tmp_path, expected):
    with workers() as used:

        def kill():
            used.client.wait_for_workers(3, timeout=60)  # those killed before are back
            kill_one(used)

        with at_submission(used, [40, 90, 170], kill):
            assert_fits(expected, used, folder, tmp_path)


def kill_all(used):
    for pid in used.client.run(os.getpid).values():
        os.kill(pid, signal.SIGKILL)


@contextmanager
def workers_to_kill(tmp_path):
    with workers(2) as used:
        yield used, lambda: kill_all(used)


@contextmanager
def scheduler_to_kill(tmp_path):
    """A scheduler and two workers, started by Dask's commands, and their engine."""
    tmp_path.mkdir()
    soon = {"distributed.comm.timeouts.connect": "3s"}
    with network_hosts.one_host(tmp_path) as cluster, dask.config.set(soon):
        address = cluster.start_scheduler("--host", "127.0.0.1")
        for _ in range(2):
            cluster.start_worker("--no-nanny")
        params = ENGINE.model_copy(update={"kind": "dask", "scheduler": address})
        with factory.opened(params) as used:
            used.client.wait_for_workers(2)
            yield used, lambda: cluster.scheduler.kill()


@pytest.mark.thorough
@pytest.mark.parametrize("cluster", [workers_to_kill, scheduler_to_kill])
def test_a_lost_cluster_ends_on_one_line_and_the_next_run_resumes(
    cluster, folder, tmp_path, expected, monkeypatch
):
    """All workers killed at the same time, or the scheduler; the next run has another."""
    monkeypatch.chdir(tmp_path)
    saved = Checkpoint("search", "key")
    scratch = saved.folder.absolute()
    with (
        pytest.raises(MovierecError, match=r"lost.*run dvc repro: training resumes") as raised,
        cluster(tmp_path / "one") as (used, kill),
        at_submission(used, [120], kill),
    ):
        fit(used, folder, scratch, on_epoch=saved.save)
    assert "\n" not in str(raised.value)
    with cluster(tmp_path / "two") as (used, _):
        data = in_blocks(used, folder, scratch)
        state = saved.load(rating_model.make_trainer(data, PARAMS, 0, SCALE))
        assert 0 < len(state.epochs) < 6
        assert_fits(expected, used, folder, scratch, state=state)


@pytest.mark.thorough
def test_a_worker_that_comes_late_is_given_work(folder, tmp_path, expected):
    with workers(1) as used:

        def join():
            used.client.cluster.scale(2)
            used.client.wait_for_workers(2)

        with at_submission(used, [50], join):
            assert_fits(expected, used, folder, tmp_path)
        done = used.client.run(lambda dask_worker: dask_worker.state.executed_count)
    assert len(done) == 2
    assert min(done.values()) > 20


def slow_down(times):
    """In a worker: make solving so many times slower."""
    solve = block_tasks.solve
    block_tasks.solve = lambda *arguments: [solve(*arguments) for _ in range(times)][-1]


@pytest.mark.thorough
def test_a_worker_that_is_ten_times_slower(folder, tmp_path, expected):
    with workers() as used:
        used.client.run(slow_down, 10, workers=[used.homes[0]])
        assert_fits(expected, used, folder, tmp_path)


def want_memory():
    """In a worker: make solving use 2 GB more."""
    solve = block_tasks.solve

    def greedy(*arguments):
        ballast = np.ones(250_000_000)
        for _ in range(1000):
            ballast += 1  # until it is killed
        return solve(*arguments)

    block_tasks.solve = greedy


@pytest.mark.thorough
def test_one_worker_out_of_memory(folder, tmp_path, expected):
    """It is killed and restarted, with normal use of memory."""
    with workers(memory_limit=1_000_000_000) as used:
        used.client.run(want_memory, workers=[used.homes[0]])
        assert_fits(expected, used, folder, tmp_path)


@pytest.mark.thorough
def test_work_that_no_worker_has_the_memory_for():
    with workers(2, memory_limit=1_000_000_000) as used:
        work = used.submit(eat_memory)
        with pytest.raises(
            MovierecError, match=r"give each more \(engine.memory_limit\)"
        ) as raised:
            used.results([work])
    assert "\n" not in str(raised.value)


def eat_memory():
    want_memory()
    block_tasks.solve()


@pytest.mark.parametrize("stage", ["index", "split"])
def test_a_worker_killed_while_ratings_are_prepared(tmp_path, monkeypatch, stage):
    """Its tasks run again on the other, and every file is as without Dask."""
    monkeypatch.setattr(csv_reader, "PIECE", 1 << 13)
    path = archives.write(tmp_path, "ratings_csv", test_every_engine.ratings())
    stages = ("index", "split")[: 1 + (stage == "split")]
    of_kind = {}
    for kind in ("local", "dask"):
        engine = {"kind": kind, "n_workers": 2, "block_ratings": 900}
        of_kind[kind] = test_every_engine.project(
            tmp_path / kind, path, "ratings_csv", engine=engine
        )
    expected = test_every_engine.made(of_kind["local"], *stages)
    test_every_engine.made(of_kind["dask"], *stages[:-1])
    submit, n = DaskEngine.submit, itertools.count()

    def submit_and_kill(used, *arguments, **more):
        handle = submit(used, *arguments, **more)
        if next(n) in (2, 7):
            used.client.wait_for_workers(2, timeout=60)
            kill_one(used)
        return handle

    monkeypatch.setattr(DaskEngine, "submit", submit_and_kill)
    assert test_every_engine.made(of_kind["dask"], stage) == expected
    assert next(n) > 8
