"""The one place that prints: what it prints is clean, whatever the data and the streams."""

import ast
import csv
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movierec.core import console, log
from movierec.core.text import printable
from tests.core.test_text import HOSTILE, TEXTS
from tests.helpers.clone import ROOT
from tests.helpers.terminal import STYLE, on_terminal

SRC = ROOT / "src/movierec"
QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
PEOPLE = {
    "lines": console.lines,
    "styled": lambda text: console.styled((text, "bold"), (text, "")),
    "notes": console.notes,
    "error": lambda text: console.error(text, [text]),
    "out": lambda text: console.out().print(text, soft_wrap=True),
    "log": lambda text: logging.getLogger("movierec.test").warning("read %s", text),
}


def show_table(*texts):
    table = console.table()
    table.add_column(texts[0])
    table.add_row(texts[0])
    table.add_row(console.cell(*texts))
    console.out().print(table)


def is_clean(printed):
    return all(printable(line) == line for line in printed.split("\n"))


@pytest.mark.parametrize("name", PEOPLE)
@QUIET
@given(text=TEXTS)
def test_what_people_read_is_clean(capsys, name, text):
    log.configure(False)
    PEOPLE[name](text)
    printed = "".join(capsys.readouterr())
    assert is_clean(printed)
    if "\n" in text:
        assert "\\n" in printed


@QUIET
@given(texts=st.lists(TEXTS, min_size=1, max_size=3))
def test_tables_are_clean(capsys, texts):
    show_table(*texts)
    assert is_clean(capsys.readouterr().out)


def test_texts_are_printed_as_they_are(capsys):
    """No markup, no emoji codes, no wrapping."""
    line = "[bold]epoch[/bold] :smile: " + "x" * 300
    for name in PEOPLE:
        PEOPLE[name](line)
        assert line in "".join(capsys.readouterr()), name


@QUIET
@given(texts=st.lists(TEXTS, max_size=3))
def test_json_is_clean_and_exact(capsys, texts):
    value = [{"title": text, "n": 1.5} for text in texts]
    console.print_json(value)
    printed = capsys.readouterr().out
    assert is_clean(printed)
    assert json.loads(printed) == value


CELLS = st.builds(
    "{}{}".format, st.sampled_from(["", "=", "+", "-", "@", " =", "＝", "\t="]), TEXTS
)


@QUIET
@given(cells=st.lists(CELLS, max_size=3))
def test_csv_is_clean_and_has_no_formulas(capsys, cells):
    console.print_csv(["title", "n"], [{"title": cell, "n": -1.5} for cell in cells])
    printed = capsys.readouterr().out
    assert is_clean(printed)
    header, *rows = csv.reader(io.StringIO(printed))
    assert header == ["title", "n"]
    assert [row[1] for row in rows] == ["-1.5"] * len(cells)
    for cell, (title, _) in zip(cells, rows, strict=True):
        assert title in (printable(cell), "'" + printable(cell))
        assert not title.strip().startswith(tuple("=+-@＝＋－＠")) or float(title) is not None


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"),
        ("+1+1", "'+1+1"),
        ("-5", "-5"),
        ("+3.5", "+3.5"),
        ("-5 Nights (1999)", "'-5 Nights (1999)"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", r"'\t=1"),
        (" =1", "' =1"),
        ("Amélie", "Amélie"),
        (-5, -5),
    ],
)
def test_formulas_and_numbers(value, cell):
    assert console.csv_cell(value) == cell


def calls(path):
    """The names of what a module calls, such as print or sys.stdout.write."""
    tree = ast.parse(path.read_text("utf-8"))
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def imports(path):
    tree = ast.parse(path.read_text("utf-8"))
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {f"{node.module}.{alias.name}" for node in froms for alias in node.names}


@pytest.mark.parametrize(
    "path",
    [path for path in [*SRC.rglob("*.py"), *ROOT.glob("stages/*.py")] if path.name != "console.py"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_only_the_console_prints(path):
    """checkpoint may write a fixed text in the handler of a signal."""
    printing = {
        "print",
        "input",
        "click.echo",
        "click.secho",
        "click.prompt",
        "traceback.print_exc",
    }
    printing |= {
        f"sys.{name}.{verb}" for name in ("stdout", "stderr") for verb in ("write", "buffer")
    }
    assert not calls(path) & printing
    assert not imports(path) & {"rich.text.Text", "rich.console.Console", "rich.print"}


# --- Streams that are closed, broken, full, or lack characters

PROGRAM = """
import sys
from movierec.core import console, program
from movierec.core.errors import MovierecError
def main():
    console.lines("é ± 日 \\u2014")
    for _ in range(int(sys.argv[1])): console.lines("x" * 1000)
    if sys.argv[2:]: raise MovierecError("wrong é")
program.run(main)
"""


def shell(redirection, *arguments, **variables):
    """Run the program with streams as the shell redirects them; its status, output and errors."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), **variables}
    command = ["bash", "-c", f'"$@" {redirection}', "bash", sys.executable, "-c", PROGRAM]
    done = subprocess.run([*command, *arguments], env=environment, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


CLOSED = b"error: standard output is closed; redirect it to a file or to /dev/null\n"
TEXT = "é ± 日 —\n".encode()


@pytest.mark.parametrize(
    ("redirection", "arguments", "result"),
    [
        ("<&-", ["0"], (0, TEXT, b"")),
        (">&-", ["0"], (1, b"", CLOSED)),
        (">&- 2>&-", ["0"], (1, b"", b"")),
        ("2>&-", ["0", "fail"], (1, TEXT, b"")),
        ("2>/dev/full", ["0", "fail"], (1, TEXT, b"")),
        ("| head -n 1; exit ${PIPESTATUS[0]}", ["10000"], (1, TEXT, b"")),
        ("| true; exit ${PIPESTATUS[0]}", ["10000"], (1, b"", b"")),
        ("0</dev/null", ["0", "fail"], (1, TEXT, "error: wrong é\n".encode())),
    ],
)
def test_streams(redirection, arguments, result):
    assert shell(redirection, *arguments, PYTHONIOENCODING="utf-8") == result


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
@pytest.mark.parametrize("n_lines", ["0", "100"])
def test_a_full_disk_is_named(n_lines):
    status, _, errors = shell("> /dev/full", n_lines)
    assert (status, errors.count(b"\n")) == (1, 1)
    assert errors.startswith(b"error: standard output: No space left on device; make room")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("ascii", b"e +- ? -\n"),
        ("ascii:strict", b"e +- ? -\n"),
        ("cp1251", b"e \xb1 ? \x97\n"),
        ("cp437", b"\x82 \xf1 ? -\n"),
        ("latin-1", b"\xe9 \xb1 ? -\n"),
    ],
)
def test_what_an_encoding_lacks_is_printed_in_ascii(encoding, text):
    assert shell("", "0", PYTHONIOENCODING=encoding) == (0, text, b"")


def with_encoding(monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


def test_programs_get_exact_texts_in_any_encoding(monkeypatch):
    stream = with_encoding(monkeypatch, "ascii")
    console.print_json("Amélie")
    stream.flush()
    assert stream.buffer.getvalue() == b'"Am\\u00e9lie"\n'
    with pytest.raises(console.MovierecError, match=r"ascii, which lacks '.xe9'; set PYTHON"):
        console.print_csv(["title"], [{"title": "Amélie"}])


@pytest.mark.parametrize("debug", ["", "debug"])
def test_a_terminal_gets_only_our_own_styles(debug):
    code = (
        "import logging, sys; from movierec.core import console, program, reporting\n"
        f"text = {HOSTILE!r}\n"
        "def main():\n"
        "    reporting.say(text, text, 'bold'); reporting.print_summary(text, {text: text})\n"
        "    logging.getLogger('movierec.test').warning(text); console.error(text, [text])\n"
        "    console.out().print(text)\n"
        "program.run(main)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "MOVIEREC_LOG": debug}
    assert is_clean(STYLE.sub("", on_terminal([sys.executable, "-c", code], environment)))
