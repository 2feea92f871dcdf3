"""What is printed: lines, blocks of facts, progress, the summary of a run."""

import io
import shutil
import sys
from contextlib import suppress

import pytest
from rich.console import Console

from movierec.core import console, reporting

ENDS = {"low": 0.1, "high": 1.2}
BASELINES = {"global_mean": 1.12, "damped_biases": 0.941}
RANKINGS = {"blend": 0.39, "damped_biases": 0.05, "popularity": 0.17}
EVALUATE = {  # details.json of a run
    "test": {"rmse": 0.9051, "mae": 0.7},
    "baseline": {name: {"rmse": rmse, "mae": 0.8} for name, rmse in BASELINES.items()},
    "ranking": {name: {"ndcg@10": ndcg, "coverage@10": 0.5} for name, ndcg in RANKINGS.items()},
    "n_ranked_users": 9,
    "calibration": {"error": 0.03},
    "interval_coverage": {"95": 0.94},
    "intervals": {
        "test": {"rmse": ENDS},
        "baseline": {name: {"rmse": ENDS} for name in BASELINES},
        "ranking": {name: {"ndcg@10": ENDS} for name in RANKINGS},
    },
    "made_from": "0" * 64,
}


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


def test_a_notebook_shows_a_bar_that_leaves_nothing(monkeypatch, capsys):
    shown = []

    class Handle:
        def update(self, content, raw):
            shown.append(content)

    def display(content, raw, display_id):
        shown.append(content)
        return Handle()

    notebook = Console(force_jupyter=True)
    monkeypatch.setattr(console, "out", lambda: notebook)
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(reporting, "BETWEEN", 0)
    with reporting.progress("ALS", 3) as advance:
        advance()
    assert shown == [], "not a second yet"
    monkeypatch.setattr(reporting, "DELAY", 0)
    with suppress(ValueError), reporting.progress("<ALS>", 3) as advance:
        advance()
        advance()
        raise ValueError
    assert shown == [
        {
            "text/plain": f"<ALS> {done}/3",
            "text/html": f'<progress max="3" value="{done}"></progress> &lt;ALS&gt; {done}/3',
        }
        for done in (1, 2)
    ] + [{}]
    assert capsys.readouterr() == ("", "")


def test_summary(capsys):
    reporting.summary(EVALUATE)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["test", "RMSE", "test", "NDCG@10"] in lines
    assert ["global", "mean", "1.1200"] in lines
    assert ["damped", "biases", "0.9410", "0.0500"] in lines
    assert ["popularity", "0.1700"] in lines
    assert ["model", "0.9051"] in lines
    assert lines[-1] == ["blend", "0.3900"]


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
