"""A stage runs alone, ends when the dvc that started it is killed, and prints a summary."""

import hashlib
import os
import re
import subprocess
import sys

import pytest
import yaml

from movierec.core import log, paths, stage
from movierec.core.errors import MovierecError
from tests.helpers.clone import ROOT
from tests.helpers.terminal import STYLE, on_terminal

BEGIN = "import sys\nfrom movierec.core import stage\n"
# Says that it has begun, then waits for ever for a line.
STAGE = (
    BEGIN
    + "stage.run_exclusively('split', lambda: [print('begun', flush=True), sys.stdin.readline()])"
)
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
    """The pipe that both write to is closed only when both have ended."""
    parent = start(PARENT)
    assert parent.stdout.readline() == "begun\n"
    parent.kill()
    output, _ = parent.communicate(timeout=20)
    assert output == ""


def test_a_stage_run_by_hand_outlives_nobody(monkeypatch):
    """Without a parent process it simply runs to its end."""
    monkeypatch.delenv(stage.PARENT, raising=False)
    alone = start(STAGE)
    assert alone.stdout.readline() == "begun\n"
    alone.communicate("\n", timeout=20)
    assert alone.returncode == 0


def test_what_a_stage_starts_is_not_told_the_parent(monkeypatch):
    monkeypatch.setenv(stage.PARENT, str(os.getppid()))
    stage.run_exclusively("split", lambda: None)
    assert stage.PARENT not in os.environ


def test_a_second_run_says_who_is_at_work(capsys):
    first = start(STAGE)
    first.stdout.readline()
    with pytest.raises(SystemExit) as caught:
        stage.run_exclusively("split", lambda: pytest.fail("it ran beside another"))
    assert caught.value.code == 1
    said = f"error: split is already running here, as process {first.pid}; wait for it, or stop it"
    assert capsys.readouterr().err == said + "\n"
    stage.run_exclusively("index", lambda: None)  # another stage may run
    first.kill()
    first.communicate()
    stage.run_exclusively("split", lambda: None)  # a killed one leaves no lock


def test_a_file_in_the_place_of_the_folder_of_locks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stage.CHECKPOINTS.touch()
    with (
        pytest.raises(MovierecError, match=r"^\.checkpoints: not a folder; move it elsewhere$"),
        stage.exclusive_lock("split"),
    ):
        pass


def test_the_lock_is_let_go_after_an_error():
    for _ in range(2):
        with pytest.raises(MovierecError, match="why"), stage.exclusive_lock("split"):
            raise MovierecError("why")


# --- The summary

RATINGS = "71,268 train, 8,351 validation, 20,381 test"
TOOK = re.compile(r"\d\.\d+ s")
SPLIT = BEGIN + f"stage.run('split', lambda: {{'ratings': {RATINGS!r}}})"


@pytest.fixture
def outputs(folder):
    """Write the files of the split stage that a summary lists."""
    for name, size in {
        "data/index/a": 600,
        "data/split/b": 9_000,
        "plots/split/c": 83,
    }.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(bytes(size))


def test_elsewhere_a_summary_is_two_plain_lines(outputs, capsys):
    stage.run("split", lambda: {"protocol": "time", "ratings": RATINGS})
    first, second = TOOK.sub("0.5 s", capsys.readouterr().out).splitlines()
    assert first == f"split      protocol time; ratings {RATINGS}"
    assert second == (
        "split      read data/index (600 bytes); wrote data/split (9.0 kB), plots/split (83"
        " bytes); took 0.5 s; next: train"
    )


COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m")


@pytest.mark.parametrize("colour", [True, False])
def test_on_a_terminal_a_summary_is_in_columns(outputs, colour):
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment = kept | {"COLUMNS": "60"} | ({} if colour else {"NO_COLOR": "1"})
    said = on_terminal([sys.executable, "-c", SPLIT], environment)
    assert bool(COLOUR.search(said)) == colour
    assert TOOK.sub("0.5 s", STYLE.sub("", said)).splitlines() == [
        "split      ratings    71,268 train, 8,351 validation, 20,381",
        "                      test",
        "           read       data/index (600 bytes)",
        "           wrote      data/split (9.0 kB),",
        "                      plots/split (83 bytes)",
        "           took       0.5 s; next: train",
    ]


def test_next_follows_the_order_of_dvc_yaml(monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    said = [stage.summarise_files(name, stages, 1)["took"] for name in stages]
    followers = [*list(stages)[1:], "movierec summary"]
    assert said == [f"1.0 s; next: {name}" for name in followers]


def test_many_metrics_and_plots_are_counted(folder):
    names = ["metrics/a.json", "metrics/b.json", "plots/a.csv", "models/a.npz", "not/there"]
    for name in names[:-1]:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(bytes(1234))
    said = stage.list_sizes(names).replace("\N{NO-BREAK SPACE}", " ")
    assert said == "2 files in metrics, plots/a.csv (1.2 kB), models/a.npz (1.2 kB)"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.042, "0.04 s"),
        (0.999, "1.00 s"),
        (59.96, "60.0 s"),
        (100, "1 min 40 s"),
        (3599.6, "60 min 0 s"),
    ],
)
def test_duration(seconds, said):
    assert stage.format_seconds(seconds) == said


def test_a_stage_that_fails_has_no_summary(capsys):
    def fail():
        raise MovierecError("data/index: why")

    with pytest.raises(SystemExit):
        stage.run("split", fail)
    assert capsys.readouterr() == ("", "error: data/index: why\n")


def test_debug_tells_versions_params_threads_and_memory(outputs, folder, capsys, monkeypatch):
    monkeypatch.setenv("MOVIEREC_LOG", "debug")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    for name in ("params.yaml", "datasets.yaml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    stage.run("index", dict)
    out, debug = capsys.readouterr()
    assert "DEBUG" not in out
    lines = debug.splitlines()
    assert all(line.startswith("DEBUG    ") for line in lines)
    messages = [line.split(maxsplit=2)[1:] for line in lines]
    assert [word for word, _ in messages] == ["version", *["param"] * 2, "threads", "memory"]
    assert f"python {sys.version_info[0]}.{sys.version_info[1]}, " in messages[0][1]
    assert messages[1][1] == "dataset: ml-100k"
    assert messages[2][1] == "index: {'max_rejected': 0}"
    assert messages[3][1].endswith("processors, NUMBA_NUM_THREADS 3")
    assert re.fullmatch(r"\d+\.\d [MG]B peak", messages[4][1])


def test_the_most_memory_is_of_what_was_given_back_too():
    block = b"x" * 300_000_000
    del block
    assert log.max_memory() > 300_000_000


# --- How long it took


def timed(name, measured):
    with stage.exclusive_lock(name), stage.timed(name):
        path = paths.details(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(measured, "utf-8")


def test_times_are_of_the_result_that_they_were_measured_with():
    timed("train", "1")
    timed("split", "2")
    assert list(stage.recorded_times()) == ["train", "split"]
    assert all(0 <= seconds < 60 for seconds in stage.recorded_times().values())
    paths.details("train").write_text("3", "utf-8")
    assert list(stage.recorded_times()) == ["split"]


TIMES = [b"", b"{", b"[]", b"\xff", b'{"seconds": 1}', b'{"seconds": "1", "result": "RESULT"}']
TIMES += [b'{"seconds": %s, "result": "RESULT"}' % n for n in (b"NaN", b"-1", b"1e999", b"null")]
TIMES += [b'{"seconds": 1, "result": ""}', b'{"seconds": 1, "result": [1]}', b"[" * 9999]


@pytest.mark.parametrize("content", TIMES)
def test_a_damaged_time_is_ignored(content):
    timed("split", "1")
    timed("train", "2")
    result = hashlib.sha256(b"2").hexdigest().encode()
    (paths.CHECKPOINTS / "train.time").write_bytes(content.replace(b"RESULT", result))
    (paths.CHECKPOINTS / "other.time").write_bytes(content.replace(b"RESULT", b""))
    (paths.CHECKPOINTS / "link.time").symlink_to("nowhere")
    (paths.CHECKPOINTS / "folder.time").mkdir()
    assert list(stage.recorded_times()) == ["split"]


def test_a_training_that_goes_on_is_not_timed():
    timed("train", "1")
    (paths.CHECKPOINTS / "search.safetensors").touch()
    timed("train", "1")
    assert stage.recorded_times() == {}


def test_a_stage_that_fails_is_not_timed():
    timed("train", "1")
    with pytest.raises(MovierecError), stage.timed("train"):
        raise MovierecError("no")
    assert stage.recorded_times() == {}
