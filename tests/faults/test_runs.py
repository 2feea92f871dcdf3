"""Two runs at the same time, and runs that switch the data set and back."""

import os
import re
import signal

import pytest

from tests.faults.runs import Run, every_stage, stages_of
from tests.helpers.clone import STAGES, stages_run

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("stage", every_stage("train"))
def test_of_two_runs_one_works_and_the_other_says_who(run: Run, stage: str) -> None:
    run.forget(stage, keep_outputs=False)
    first = run.start()
    assert next(stages_of(first)) == stage
    os.killpg(first.pid, signal.SIGSTOP)
    try:
        said = run.workspace.run("dvc", "repro", fails=True)
    finally:
        os.killpg(first.pid, signal.SIGCONT)
    assert f"(PID {first.pid}): " in said
    assert "is busy, it is being blocked by" in said
    assert f"Running stage '{stage}'" not in said
    first.communicate()
    assert first.returncode == 0
    assert run.found() == run.files


def test_a_stage_by_hand_beside_a_run_says_who(run: Run) -> None:
    run.forget("train", keep_outputs=False)
    first = run.start()
    assert first.stdout is not None
    assert any("train      epoch   1 " in line for line in first.stdout)
    os.killpg(first.pid, signal.SIGSTOP)
    try:
        line = run.refusal("train")
    finally:
        os.killpg(first.pid, signal.SIGCONT)
    first.communicate()
    assert re.fullmatch(r"error: train is already running here, as process \d+; wait .*", line)
    assert run.found() == run.files


def test_a_lock_file_that_dvc_left_half_written(run: Run) -> None:
    """Follow docs/troubleshooting.md."""
    lock = run.path / ".dvc/tmp/rwlock"
    lock.write_text("")
    assert "Unable to read RWLock-file '.dvc/tmp/rwlock'" in run.workspace.run(
        "dvc", "repro", fails=True
    )
    lock.unlink()
    run.repro()
    assert run.found() == run.files


def test_another_data_set_and_back_only_draws_again(fresh: Run) -> None:
    """The first data set's outputs come from DVC's cache, unchanged."""
    params = fresh.path / "params.yaml"
    before = params.read_text("utf-8")
    params.write_text(re.sub(r"(?m)^dataset: local$", "dataset: second", before), "utf-8")
    assert stages_run(fresh.repro()) == list(STAGES)
    second = fresh.found()
    for name in (
        "models/model.safetensors",
        "plots/evaluate/details.json",
        "exports/recommendations.parquet",
    ):
        assert second[name] != fresh.files[name]
    params.write_text(before, "utf-8")
    assert stages_run(fresh.repro()) == ["draw"], "DVC restores no outputs that Git tracks"
    assert fresh.found() == fresh.files
