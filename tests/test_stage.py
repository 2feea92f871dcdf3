"""How a stage runs: one at a time, and not after the dvc that started it was killed."""

import os
import subprocess
import sys

import pytest

from movierec import stage
from movierec.errors import MovierecError

BEGIN = "import sys\nfrom movierec import stage\n"
# Says that it has begun, then waits for ever for a line.
STAGE = BEGIN + "stage.run('split', lambda: [print('begun', flush=True), sys.stdin.readline()])"
# As dvc does: starts a stage, tells it who its parent is, and waits for it.
PARENT = "import os, subprocess, sys\nos.environ['MOVIEREC_PARENT'] = str(os.getpid())\n"
PARENT += f"subprocess.run([sys.executable, '-c', {STAGE!r}])"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOVIEREC_LOG", raising=False)
    return tmp_path


def start(program):
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True)


def test_a_stage_ends_when_the_one_who_started_it_is_killed():
    """The pipe that both write to is closed when both have ended, and not before."""
    parent = start(PARENT)
    assert parent.stdout.readline() == "begun\n"
    parent.kill()
    output, _ = parent.communicate(timeout=20)
    assert output == ""


def test_a_stage_run_by_hand_outlives_nobody(monkeypatch):
    """Without a parent told it waits for its own end."""
    monkeypatch.delenv(stage.PARENT, raising=False)
    alone = start(STAGE)
    assert alone.stdout.readline() == "begun\n"
    alone.communicate("\n", timeout=20)
    assert alone.returncode == 0


def test_what_a_stage_starts_is_not_told_the_parent(monkeypatch):
    monkeypatch.setenv(stage.PARENT, str(os.getppid()))
    stage.run("split", lambda: None)
    assert stage.PARENT not in os.environ


def test_a_second_run_says_who_is_at_work(capsys):
    first = start(STAGE)
    first.stdout.readline()
    with pytest.raises(SystemExit) as caught:
        stage.run("split", lambda: pytest.fail("it ran beside another"))
    assert caught.value.code == 1
    said = f"error: split is already running here, as process {first.pid}: wait for it, or stop it"
    assert capsys.readouterr().err == said + "\n"
    stage.run("index", lambda: None)  # another stage may run
    first.kill()
    first.communicate()
    stage.run("split", lambda: None)  # a killed one leaves no lock


def test_the_lock_is_let_go_after_an_error():
    for _ in range(2):
        with pytest.raises(MovierecError, match="why"), stage.only_one("split"):
            raise MovierecError("why")
