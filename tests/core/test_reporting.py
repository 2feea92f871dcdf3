"""Reports: metrics rounded and valid JSON, plots' data as CSV, the summary of a run."""

import io
import math
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from movierec.core import console, reporting
from movierec.core.errors import MovierecError

EVALUATE = {
    "test": {"rmse": 0.9051},
    "baseline": {"global_mean": {"rmse": 1.12}, "damped_biases": {"rmse": 0.941}},
    "ranking": {
        "blend": {"ndcg@10": 0.39},
        "damped_biases": {"ndcg@10": 0.05},
        "popularity": {"ndcg@10": 0.17},
    },
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.123456789, 0.123457),
        (1234567.8, 1234570.0),
        (1e-12 / 3, 3.33333e-13),
        (12345678, 12345678),
        (np.float32(0.1), 0.1),
        (np.int64(3), 3.0),
        (math.nan, None),
        (math.inf, None),
        (True, True),
    ],
)
def test_rounded(value, expected):
    assert reporting.round_metrics(value) == expected


def test_rounded_goes_into_blocks():
    assert reporting.round_metrics({"test": {"rmse": 2 / 3}, "n": 5}) == {
        "test": {"rmse": 0.666667},
        "n": 5,
    }


def test_write_metrics(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "metrics/train.json"
    reporting.write_metrics("train", {"rmse": 1 / 3, "nothing": math.nan, "n": 3})
    assert path.read_text("utf-8") == '{\n  "rmse": 0.333333,\n  "nothing": null,\n  "n": 3\n}\n'


def test_write_plot(tmp_path):
    path = tmp_path / "plots/train/training.csv"
    rows = pd.DataFrame({"epoch": [1, 2], "rmse": [1 / 3, 0.25], "validation_rmse": [None, 0.5]})
    reporting.write_plot(path, rows)
    expected = b"epoch,rmse,validation_rmse\n1,0.333333,\n2,0.25,0.5\n"
    assert path.read_bytes() == expected


@pytest.fixture
def terminal(monkeypatch):
    """The output on a terminal of 50 columns: its text, with styles if asked for."""
    recorded = Console(force_terminal=True, width=50, record=True, file=io.StringIO(), _environ={})
    monkeypatch.setattr(console, "out", lambda: recorded)
    return recorded.export_text


def test_a_line_has_its_title_in_the_first_column(terminal, capsys):
    reporting.say("epoch   1", "train", "dim")
    assert terminal(styles=True) == "\x1b[1;36mtrain      \x1b[0m\x1b[2mepoch   1\x1b[0m\n"


FACTS = (
    {"users": "943"},
    {"wrote": f"data/index, {reporting.keep_on_one_line('metrics/index.json (83 B)')}, a/b"},
)


def test_a_block_of_facts_on_a_terminal(terminal):
    reporting.print_summary("index", *FACTS)
    assert terminal(clear=False).splitlines() == [
        "index      users      943",
        "           wrote      data/index,",
        "                      metrics/index.json (83 B),",
        "                      a/b",
    ]
    styled = terminal(styles=True).splitlines()
    assert styled[0] == "\x1b[1;36mindex      \x1b[0m\x1b[2musers      \x1b[0m943"
    assert styled[3].endswith("\x1b[2ma/b\x1b[0m"), "the second group is dim"


def test_a_block_of_facts_elsewhere(capsys):
    reporting.print_summary("index", *FACTS)
    assert capsys.readouterr().out == (
        "index      users 943\nindex      wrote data/index, metrics/index.json (83 B), a/b\n"
    )


def test_progress_is_silent_where_nobody_watches(capsys):
    with reporting.progress("train", 3) as advance:
        for _ in range(3):
            advance()
    assert capsys.readouterr() == ("", "")


def test_summary(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    reporting.write_details("evaluate", EVALUATE)
    reporting.summary()
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["test", "RMSE", "test", "NDCG@10"] in lines
    assert ["global", "mean", "1.1200"] in lines
    assert ["damped", "biases", "0.9410", "0.0500"] in lines
    assert ["popularity", "0.1700"] in lines
    assert ["model", "0.9051"] in lines
    assert lines[-1] == ["blend", "0.3900"]


@pytest.mark.parametrize("content", [None, "{"])
def test_summary_without_a_whole_run(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    if content:
        (tmp_path / "plots/evaluate").mkdir(parents=True)
        (tmp_path / "plots/evaluate/details.json").write_text(content, "utf-8")
    with pytest.raises(MovierecError, match=r"details\.json: missing or damaged; run dvc repro$"):
        reporting.summary()


def test_the_program_is_named_by_its_path_unless_the_environment_is_active(tmp_path, monkeypatch):
    """After `make run`, only the PATH of make contains the environment's folder."""
    script = tmp_path / ".venv/bin/movierec"
    script.parent.mkdir(parents=True)
    script.touch(mode=0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setenv("VIRTUAL_ENV", "/another")
    for path in (script.parent, tmp_path):
        monkeypatch.setenv("PATH", str(path))
        assert reporting.program(tmp_path) == ".venv/bin/movierec"
        assert reporting.program(tmp_path / "docs") == str(script)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / ".venv"))
    assert reporting.program(tmp_path) == "movierec"
    monkeypatch.delenv("VIRTUAL_ENV")
    shutil.copy2(script, tmp_path / "movierec")  # where an installer of programs puts a link to it
    monkeypatch.setenv("PATH", str(tmp_path))
    assert reporting.program(tmp_path) == "movierec"
