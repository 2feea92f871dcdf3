"""Commands on hostile data and unusual command lines: clean output, or one line."""

import csv
import io
import json
import os
import sys

import numpy as np
import pytest

from movierec.cli.interactive import Session
from movierec.core.text import printable
from movierec.serving.workspace import Project
from tests.core.test_console import is_clean
from tests.helpers import archives
from tests.helpers.clone import ROOT
from tests.helpers.small_project import run_stages, write_params
from tests.helpers.terminal import STYLE, answering, command_line, on_terminal

ESCAPE = "Red \x1b[31m\x1b]0;owned\x07 (1990)"
TITLES = [ESCAPE, "Two\u2028lines (1991)", "\u202eesreveR (1992)", "=cmd|'/C calc'!A0 (1993)"]
TITLES += ["Tab\there\x9b2J\x7f (1994)", "[bold]Plain[/bold] :smile: (1995)", "日本 (1996)"]
GENRES = ["Sci-Fi", "=1+1", "\x1b[5mBlink", "Science Fiction", "A, B"]
USER = "=user \x1b[7m"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A project whose titles, genres and user ids are what a terminal or a spreadsheet obeys."""
    folder = tmp_path_factory.mktemp("project")
    rng = np.random.default_rng(1)
    ratings = [
        (f'"{USER}{user}"', movie + 1, 0.5 + int(rng.integers(10)) / 2, int(rng.integers(1e9)))
        for user in range(20)
        for movie in rng.choice(len(TITLES), 5, replace=False)
    ]
    movies = [(n, title, [f'"{GENRES[n % 5]}"']) for n, title in enumerate(TITLES, 1)]
    archive = archives.write(folder, "csv", ratings, movies)
    write_params(folder, archive, train={"n_factors": 2}, implicit={"n_factors": 2})
    models = "train", "implicit", "item_regression"
    run_stages(folder, "download", "index", "split", *models, "evaluate", "recommend")
    return folder


@pytest.fixture
def call(hostile, monkeypatch, capsys):
    monkeypatch.chdir(hostile)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("MOVIEREC_LOG", raising=False)

    return command_line(monkeypatch, capsys)


COMMANDS = [
    ["recommend", "--user-id", f"{USER}1", "--explain", "-n", "50"],
    ["recommend", "--like", "plain", "--dislike", "two lines", "--explain"],
    ["similar", "plain"],
    ["search", "red"],
    ["search", "two lines"],
    ["search", "\x1b[31m\u202ezzzzz"],
    ["summary"],
    ["provenance"],
    ["provenance", "data/index"],
]
REFUSED = [
    ["similar", "\x1b[\n\u202ezzzzzz"],
    ["recommend", "--like", "(19\x1b[31m"],
    ["recommend", "--user-id", "\x1b[31m"],
    ["recommend", "--like", "plain", "--genre", "\x1b[31m"],
    ["recommend", "--ratings", "\x1b[31m\n.csv"],
    ["provenance", "\x1b[31m\n\udcff"],
    ["compare-runs", "\x1b[31m", "\n"],
    ["--project", "\x1b[31m\udcff", "search", "x"],
    ["\x1b[31m"],
    ["search", "--\x1b[31m", "x"],
    ["search", "x", "-n", "\x1b[31m\n"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_hostile_data_is_printed_clean(call, command):
    status, out, errors = call(*command)
    assert status == 0
    assert is_clean(out)
    assert is_clean(errors)


@pytest.mark.parametrize("command", REFUSED, ids=repr)
def test_hostile_arguments_are_printed_clean_in_one_line(call, command):
    status, out, errors = call(*command)
    assert status in (1, 2)
    assert out == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert is_clean(errors)


@pytest.mark.parametrize("command", COMMANDS[:5], ids=" ".join)
def test_programs_get_exact_titles_and_no_formulas(call, command):
    rows = json.loads(call(*command, "--json")[1])
    assert rows
    assert {row["title"] for row in rows} <= {*TITLES}
    out = call(*command, "--csv")[1]
    assert is_clean(out)
    for row, cells in zip(rows, csv.DictReader(io.StringIO(out)), strict=True):
        assert cells["title"].removeprefix("'") == printable(row["title"])
        assert cells["n_ratings"] == str(row["n_ratings"])
        assert not any(cell.startswith(("=", "@", "\t")) for cell in cells.values())


@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_real_terminal_gets_only_our_own_styles(hostile, columns):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": columns}
    command = [sys.executable, "-m", "movierec", *COMMANDS[1]]
    out = STYLE.sub("", on_terminal(command, environment, hostile))
    assert is_clean(out)
    assert r"Two\u2028lines (1991)" in out
    assert len(max(out.splitlines()[1:], key=len)) <= int(columns)


# --- The values of options

YEARS = "a year, a range of years or a decade, such as 1994, 1990-1999, 1990-, -1999 or 1990s"


@pytest.mark.parametrize(
    ("options", "value", "allowed"),
    [
        ("--diverse", value, "a number from 0 to 1")
        for value in ("nan", "inf", "1.1", "1e400", "x", "")
    ]
    + [
        ("-n", value, "a whole number from 1")
        for value in ("0", "-1", "1.5", "nan", "x", "", "9" * 5000)
    ]
    + [("--min-ratings", value, "a whole number from 0") for value in ("-1", "nan", "2e1", "")]
    + [("--year", value, YEARS) for value in ("99999", "nan", "1e3", "90s", "1-2-3", "-", "")]
    + [
        (option, value, "a number from 0 to 1")
        for option in ("--known", "--obscure")
        for value in ("1.1", "nan", "")
    ],
)
def test_values_out_of_range(call, options, value, allowed):
    status, out, errors = call("recommend", "--like", "plain", f"{options}={value}")
    if options == "-n":
        status, out, errors = call("recommend", "--like", "plain", "-n", value)
    assert (status, out) == (2, "")
    assert errors.startswith(f"error: invalid value for '{options}': '{value[:900]}")
    assert errors.endswith(f"' is not {allowed}; see movierec recommend --help\n")
    assert len(errors) < 2100


@pytest.mark.parametrize(
    "options",
    ["-n " + "9" * 30, "--min-ratings " + "9" * 30, "--diverse 1e-300", "--year 1-"],
)
def test_extreme_values_that_are_allowed(call, options):
    assert call("recommend", "--like", "plain", *options.split())[0] == 0


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["recomend"], 2, "no such command 'recomend'; did you mean recommend?"),
        (["search", "x", "--cvs"], 2, "no such option '--cvs'; did you mean --csv?"),
        (["search"], 2, "missing argument 'QUERY'; see movierec search --help"),
        (["summary", "x"], 2, "got unexpected extra argument (x); see movierec summary --help"),
        (
            ["recommend", "--ratings", "no.csv", "--scale", "ten"],
            2,
            "invalid value for '--scale': 'ten' is not the lowest and the highest rating, such as"
            " 1-10; see movierec recommend --help",
        ),
        (["recommend", "--like", ""], 1, "no title given; give words of one"),
        (["recommend", "--like", "=5"], 1, "no title given; give words of one"),
        (["similar", "!!"], 1, 'no movie called "!!"; these data end in 1996'),
        (
            ["search", "\udcff"],
            2,
            r"invalid value for 'QUERY': '\xff' is not UTF-8; see movierec search --help",
        ),
        (
            ["similar", "plain", "--year", "1992-1990"],
            2,
            "invalid value for '--year': 1992 is after 1990; write 1990-1992; see movierec similar"
            " --help",
        ),
    ],
)
def test_a_wrong_command_line_is_one_line(call, arguments, status, line):
    assert call(*arguments) == (status, "", f"error: {line}\n")


def test_underscores_in_options_are_hyphens(call):
    command = ["recommend", "--user-id", f"{USER}1", "--not-genre", "sci fi", "--json"]
    other = [part.replace("-id", "_id").replace("-genre", "_genre") for part in command]
    assert call(*command) == call(*other)
    assert "_id" not in call("recommend", "--help")[1]


# --- The interactive session


@pytest.fixture
def talk(hostile, monkeypatch, capsys):
    """Answer all prompts of a session; returns whether it goes on, and what it printed."""
    monkeypatch.chdir(hostile)
    monkeypatch.setenv("COLUMNS", "80")
    session = Session(Project.at())

    def say(*lines):
        waiting = answering(monkeypatch, lines)
        capsys.readouterr()
        goes_on = [session.turn(line) for line in waiting][-1]
        out = capsys.readouterr().out
        assert is_clean(out)
        return goes_on, out

    say.session = session
    return say


def test_help_at_every_prompt(talk):
    talk.session.project.movies.index.titles[:2] = ["e two", "e red"]
    assert "undo" in talk("help")[1]
    _, out = talk("e", "help", "1", "help", "4")
    assert out.count("Press Enter to skip; undo goes back, quit ends the session.") == 2
    assert out.count("Type a number from 1 to 3.") == 1
    assert out.count("Type a number from 0.5 to 5, or like, so-so or dislike.") == 1
    assert "You have rated 1 movie." in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("word", ["quit", "q", "EXIT"])
@pytest.mark.parametrize("before", [[], ["e"], ["e", "1"], ["plain"]])
def test_quit_at_every_prompt(talk, before, word):
    talk.session.project.movies.index.titles[:2] = ["e two", "e red"]
    assert talk(*before, word)[0] is False
    assert not talk.session.ratings


def test_undo_at_every_prompt(talk):
    session = talk.session
    session.project.movies.index.titles[:2] = ["e two", "e red"]
    assert "There is nothing to undo." in talk("undo")[1]
    talk("e", "undo")  # at the choice: back to the title
    _, out = talk("e", "1", "undo", "2", "3")  # at the rating: back to the choice
    assert out.count("Which one") == 2
    assert session.ratings == {1: 3}
    talk("plain", "undo")
    assert session.ratings == {1: 3}
    talk("plain", "5", "")
    before = [row["title"] for row in session.rows]
    talk("drop 1", "genre science fiction", "forget 1")
    assert len(session.ratings) == 1
    _, out = talk("undo", "undo", "undo")
    assert [line.split()[0] for line in out.splitlines()] == ["Undone:"] * 3
    talk("")
    assert [row["title"] for row in session.rows] == before
    talk("undo", "undo")
    assert session.ratings == {}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("genre science fiction", ("Science Fiction",)),
        ("genre Science  Fiction, sci fi", ("Science Fiction", "Sci-Fi")),
        ("genre sci-fi SCIENCE-FICTION", ("Sci-Fi", "Science Fiction")),
        ("genre a, b science fiction", ("A, B", "Science Fiction")),
        ("genre ,", ()),
        ("genre", ()),
    ],
)
def test_genres_of_several_words(talk, line, names):
    talk("plain", "5", line)
    assert talk.session.listing.genre == names


def test_a_filter_that_leaves_nothing_is_not_set(talk):
    _, out = talk("plain", "5", "year 2000-")
    assert "no movies from 2000 or later; those of the data set are from 1990 to 1996" in out
    assert talk.session.listing.year is None
    assert talk("genre science")[1].startswith("unknown genre 'science'; choose from ")


def test_explain_fits_80_columns(talk):
    _, out = talk("plain", "5", "two lines", "1", "", "explain 1")
    assert max(map(len, out.splitlines())) <= 80
    assert r"Two\u2028lines (1991)" in out
