"""kill -9 at random moments of each stage: the next dvc repro gives the same bits."""

import os
import signal
import subprocess
import time
from contextlib import suppress

import numpy as np
import psutil
import pytest

from tests.faults.runs import Run, every_stage, stages_of
from tests.helpers.clone import STAGES

pytestmark = pytest.mark.faults

VICTIMS = ["run"] * 4 + ["stage"] * 4 + ["dvc"] * 2  # of the ten kills of each stage


def kill(process: subprocess.Popen, victim: str, stage: str) -> None:
    """Send SIGKILL to the whole run, to its stage alone, or to dvc alone."""
    if victim == "run":
        os.killpg(process.pid, signal.SIGKILL)
    elif victim == "dvc":
        process.kill()
    else:
        with suppress(psutil.NoSuchProcess):  # it has just ended
            for child in psutil.Process(process.pid).children(recursive=True):
                if f"stages/{stage}.py" in child.cmdline():
                    child.kill()


def disturb(run: Run, stage: str, victim: str, moment: float, keep_outputs: bool) -> None:
    """Kill a stage at a moment (a share of its duration), check its outputs, and rerun."""
    run.forget(stage, keep_outputs)
    process = run.start()
    assert next(stages_of(process)) == stage
    time.sleep(moment * run.seconds[stage])
    if process.poll() is None:
        kill(process, victim, stage)
    process.communicate()
    _, alive = psutil.wait_procs(run.processes(), timeout=1)
    assert not alive, "no process is left that still writes"
    run.assert_whole()
    run.repair_locks()
    run.repro()
    assert run.found() == run.files, "the bits of an undisturbed run, and nothing beside them"
    assert not list((run.path / ".checkpoints").glob("*.safetensors"))


@pytest.mark.parametrize(
    "half",
    [pytest.param(0, id="one_half"), pytest.param(1, id="other_half", marks=pytest.mark.thorough)],
)
@pytest.mark.parametrize("stage", every_stage("download", "train", "evaluate"))
def test_a_killed_stage_is_repeated_to_the_same_bits(run: Run, stage: str, half: int) -> None:
    """Ten random moments, one in each tenth of the stage's duration.

    Four kills of the process group, four of the stage alone, two of dvc alone, in an order drawn;
    ten of each would take three times as long. Half of them find the outputs of a run before.
    """
    draws = np.random.default_rng(STAGES.index(stage))
    moments = (np.arange(len(VICTIMS)) + draws.random(len(VICTIMS))) / len(VICTIMS)
    kills = list(zip(draws.permutation(VICTIMS), moments, strict=True))
    for place, (victim, moment) in enumerate(kills[half::2]):
        disturb(run, stage, victim, moment, keep_outputs=place % 2 != half)
    run.delete(*run.outs_of(stage, ["outs"]))
    run.workspace.run("dvc", "checkout")
    assert run.found() == run.files, "what DVC keeps is whole as well"
