"""The one place that prints: cleaned text for people, JSON and CSV for programs.

rich is slow to import, so only styled text and tables load it.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from movierec.core.errors import MovierecError
from movierec.core.text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

NARROW = 40  # columns: a narrower table would lose its text
WIDE = 10_000  # columns, where no terminal sets a width: nothing wraps
ROOM_TO_ANSWER = 15  # columns
STDOUT = "standard output"  # the name of this file in errors
STREAM_OPTIONS = ("encoding", "line_buffering", "write_through")
IN_ASCII = {"±": "+-", "✓": "+", "✗": "x", "–": "-", "—": "-", "−": "-", "’": "'", "×": "x"}
SIZE = re.compile("[1-9][0-9]{0,4}")  # what COLUMNS and LINES may be; others are ignored
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, "CSV injection").
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")


class Output(io.FileIO):
    """Standard output, whose errors name it."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, STDOUT) from None


@contextmanager
def streams() -> Iterator[None]:
    """Make the standard streams safe to use, and write what is left in stdout's buffer at the end.

    What stdout's encoding lacks is printed in ASCII, and input that cannot be decoded is replaced.
    Raises MovierecError if stdout is closed, OSError that names it if it cannot be written.
    """
    is_closed = sys.stdout is None
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed: keep other files from getting its number
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, SIM115
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
    if is_closed:
        raise MovierecError("standard output is closed; redirect it to a file or to /dev/null")
    codecs.register_error("ascii", _in_ascii)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout is sys.__stdout__:  # tests have others
            output = io.BufferedWriter(Output(sys.stdout.fileno(), "w", closefd=False))
            options = {name: getattr(sys.stdout, name) for name in STREAM_OPTIONS}
            sys.stdout = io.TextIOWrapper(output, **options)
        sys.stdout.reconfigure(errors="ascii")
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            with suppress(OSError):  # what is left in the buffer would fail again at exit
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """What to print instead of characters that an encoding lacks: "e" for "é", else "?"."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    texts = []
    for character in error.object[error.start : error.end]:
        plain = IN_ASCII.get(character) or unicodedata.normalize("NFKD", character)
        texts.append(plain.encode("ascii", "ignore").decode() or "?")
    return "".join(texts), error.end


def out() -> Console:
    """stdout: as wide as the terminal; elsewhere so wide that nothing wraps. It cleans strings."""
    return _console(_width(), False)


def err() -> Console:
    """The console of stderr, of the same width."""
    return _console(_width(), True)


def is_animated() -> bool:
    """Whether a bar can move on stdout; FORCE_COLOR alone makes no terminal of a file."""
    return out().is_terminal and not out().is_dumb_terminal and out().file.isatty()


def _width() -> int | None:
    columns = os.environ.get("COLUMNS", "")
    if SIZE.fullmatch(columns):
        return max(NARROW, int(columns))
    return None if sys.stdout.isatty() else WIDE


@cache  # a progress bar and the lines above it need the same console
def _console(width: int | None, stderr: bool) -> Console:
    from rich.console import Console
    from rich.text import Text

    class CleanConsole(Console):
        def render_str(self, text: str, *, style: Any = "", **options: Any) -> Text:
            options = {name: options.get(name) for name in ("justify", "overflow")}
            return Text(printable(text), style, **options)

    environment = {name: os.environ[name] for name in os.environ.keys() - {"COLUMNS", "LINES"}}
    return CleanConsole(stderr=stderr, width=width, highlight=False, _environ=environment)


def lines(*texts: str) -> None:
    """Print each text as one line."""
    for text in texts:
        print(printable(text))


def styled(*parts: tuple[str, str]) -> None:
    """Print one line of texts with their styles; on a terminal, above any progress bar."""
    from rich.text import Text

    cleaned = [(printable(text), style) for text, style in parts]
    out().print(Text.assemble(*cleaned), soft_wrap=True)


def notes(*texts: str) -> None:
    """Print each text as one line on stderr, as far as it can be written."""
    with suppress(OSError):
        for text in texts:  # to the current sys.stderr, which rich replaces while it draws a bar
            print(printable(text), file=sys.stderr)


@contextmanager
def replaceable() -> Iterator[Callable[[str, str], None]]:
    """Yield a function that shows a text, or its HTML, in a notebook, in place of the last one.

    In the end nothing is shown, and the stored notebook has an output without content at most.
    """
    from IPython.display import display

    handle: Any = None

    def show(text: str, html: str) -> None:
        nonlocal handle
        content = {"text/plain": printable(text), "text/html": html}
        if handle is None:
            handle = display(content, raw=True, display_id=True)
        else:
            handle.update(content, raw=True)

    try:
        yield show
    finally:
        if handle is not None:
            handle.update({}, raw=True)


def error(text: str, details: Iterable[str] = ()) -> None:
    """Print the line of an error, then its details, on stderr, as far as it can be written."""
    with suppress(OSError):
        err().print("error:", style="bold red", end=" ")
        err().print(text, soft_wrap=True)
    notes(*(f"  {detail}" for detail in details))


def table(padding: tuple[int, int, int, int] | tuple[int, int] = (0, 1, 0, 0)) -> Table:
    """A table without columns yet, whose only line is below its header.

    Its cells are strings, or made by `cell`. padding: rich's.
    """
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=padding)


def cell(*texts: str) -> Text:
    """A cell of several lines."""
    from rich.text import Text

    return Text("\n".join(map(printable, texts)))


def ask(prompt: str) -> str:
    """The line that the user types. Raises EOFError or KeyboardInterrupt if they leave.

    Only the last line of a prompt that does not fit is on the line where they type.
    """
    width = max(NARROW, out().width) - ROOM_TO_ANSWER
    *above, last = textwrap.wrap(printable(prompt), width, break_on_hyphens=False)
    lines(*above)
    return input(f"{last} ").strip()


def print_json(value: Any) -> None:
    """Print JSON that is safe on a terminal: what `printable` escapes becomes JSON's escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=not _is_unicode(), allow_nan=False)
    print("\n".join(map(_escaped, text.split("\n"))))


def _is_unicode() -> bool:
    return sys.stdout.encoding.lower().startswith("utf")


def _escaped(line: str) -> str:
    """A line of JSON, whose characters that are not printable are all within strings."""
    if line.isprintable():
        return line
    return "".join(
        character if printable(character) == character else json.dumps(character)[1:-1]
        for character in line
    )


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print CSV with a header, whose text cells are cleaned and never formulas.

    Raises MovierecError if stdout's encoding lacks a character.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
    encoding = sys.stdout.encoding
    try:
        text.getvalue().encode(encoding)
    except UnicodeEncodeError as error:
        character = text.getvalue()[error.start]
        raise MovierecError(
            f"standard output has the encoding {encoding}, which lacks {character!a}; set"
            " PYTHONIOENCODING=utf-8, or use --json"
        ) from None
    print(text.getvalue(), end="")


def csv_cell(value: Any) -> Any:
    """A value as a CSV cell: a text that a spreadsheet would run as a formula gets a ' in front.

    Examples
    --------
    >>> csv_cell("=1+1"), csv_cell("-3.5"), csv_cell(-3.5)
    ("'=1+1", '-3.5', -3.5)
    """
    if not isinstance(value, str):
        return value
    is_formula = FORMULA.match(value) and not NUMBER.fullmatch(value)
    return printable(f"'{value}" if is_formula else value)
