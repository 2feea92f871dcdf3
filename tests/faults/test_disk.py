"""A full disk or a read-only folder: one error line, and nothing half written."""

import subprocess
from pathlib import Path

import pytest

from tests.faults.runs import OUTS, Run, every_stage
from tests.helpers.clone import STAGES

pytestmark = pytest.mark.faults

# Runs a command where mounts are allowed and nobody else sees them.
PRIVATELY = ["unshare", "--map-root-user", "--mount"]
CAN_MOUNT = not subprocess.run([*PRIVATELY, "true"], capture_output=True, check=False).returncode
needs_mounts = pytest.mark.skipif(not CAN_MOUNT, reason="this machine allows no private mounts")

WRITES = {"download": "data", "index": "data", "split": "data", "train": "models"}
WRITES |= {"implicit": "models", "evaluate": "plots", "recommend": "exports", "export": "exports"}
WRITES |= {"draw": "plots"}

READ_ONLY = "mount --bind {0} {0} && mount -o remount,bind,ro {0}"
# A disk that holds what the folder holds and 8 kB more.
FULL = """
cp -a {0} ../kept && mount -t tmpfs tmpfs {0} && cp -a ../kept/. {0} && rm -r ../kept
mount -o remount,size=$(( $(df --output=used {0} | tail -1) + 8 ))k {0}
"""
# The workspace on a disk with a little room: a run that fails, one that has all the room it wants.
REPRO = """
here=$PWD
mkdir {aside}/whole {aside}/failed {aside}/repeated
mount --bind . {aside}/whole
mount -t tmpfs tmpfs "$here"
cd "$here"
cp -a {aside}/whole/. .
mount -o remount,size=$(( $(df --output=used . | tail -1) + {room} ))k .
if dvc repro; then exit 1; fi
cp -a {outs} {aside}/failed
mount -o remount,size=1g .
dvc repro
cp -a {outs} dvc.lock {aside}/repeated
"""
# Ours, the system's, and what DVC makes of it where its own copy of an output finds no room.
FULL_REASONS = ("make room there", "No space left on device", "No possible cache link types")


def after(script: str) -> list[str]:
    """A prefix that runs a command after a script, in a shell with private mounts."""
    return [*PRIVATELY, "sh", "-ec", f'{script}\nexec "$@"', "sh"]


def largest(run: Run, stage: str) -> int:
    return max(path.stat().st_size for out in run.outs_of(stage) for path in files_of(out))


def files_of(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.iterdir())


@pytest.mark.parametrize("stage", every_stage("split", "train"))
def test_a_file_that_cannot_grow(run: Run, stage: str) -> None:
    """Like a full disk or quota: at the lock, the first output and the largest output."""
    size = largest(run, stage)
    for limit in (0, 100, size - 1):
        run.delete(*run.outs_of(stage))
        line = run.refusal(stage, limit=limit)
        assert "File too large; make room on that disk, then run this again" in line
    assert run.by_hand(stage).returncode == 0
    assert run.found() == run.files


@needs_mounts
@pytest.mark.parametrize("stage", every_stage("train", "recommend"))
def test_a_full_disk(run: Run, stage: str) -> None:
    run.delete(*run.outs_of(stage))
    line = run.refusal(stage, *after(FULL.format(WRITES[stage])))
    assert f"error: {WRITES[stage]}/" in line
    assert "make room" in line
    assert "No space left on device" in line or stage == "download", "which looks before it begins"
    assert run.by_hand(stage).returncode == 0
    assert run.found() == run.files


@needs_mounts
@pytest.mark.parametrize("stage", every_stage("evaluate"))
def test_a_folder_that_cannot_be_written(run: Run, stage: str) -> None:
    line = run.refusal(stage, *after(READ_ONLY.format(WRITES[stage])))
    assert f"error: {WRITES[stage]}/" in line
    assert "Read-only file system; make it writable, then run this again" in line
    assert run.found() == run.files, "what was there is untouched"


@needs_mounts
@pytest.mark.parametrize("room", [300, pytest.param(800, marks=pytest.mark.thorough)])
def test_dvc_repro_on_a_full_disk(fresh: Run, tmp_path: Path, room: int) -> None:
    """Room in kB for the outputs and DVC's cache of them; the same workspace, with more, ends."""
    for stage in STAGES:
        fresh.forget(stage, keep_outputs=False)
    script = REPRO.format(room=room, aside=tmp_path, outs=" ".join(OUTS))
    said = fresh.workspace.run(*PRIVATELY, "sh", "-ec", script)
    assert any(reason in said for reason in FULL_REASONS)
    fresh.assert_whole(tmp_path / "failed")
    assert fresh.found(tmp_path / "repeated") == fresh.files
