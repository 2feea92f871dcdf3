"""Read a file of ratings or movies as a table in a known format, each row accounted for."""

import csv
import html
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from movierec.core.errors import MovierecError
from movierec.core.text import count
from movierec.serving import rating_files, rating_formats
from movierec.serving.rating_formats import (
    FORMATS,
    ID_LINES,
    LIST_FORMATS,
    TITLE_LINES,
    Format,
)

if TYPE_CHECKING:
    import _csv

MAX_ROWS = 100_000
MAX_TITLE = 500  # characters
MAX_SHOWN = 60  # characters of a text that an error quotes
SEPARATORS = (",", ";", "\t", "|")
EMPTY_LINES = re.compile(r"\A(?:[,;\t| ]*\n)+")  # also those of a spreadsheet
SEPARATOR_LINE = re.compile(r'"?sep=([,;|\t])"?[ \t]*\n', re.IGNORECASE)  # as Excel writes it
LIST_PREAMBLE = re.compile(r"\ALetterboxd list export.*?\n(?=Position,)", re.DOTALL)
ENTITY = re.compile(r"&#?\w{1,8};")
Cells = Mapping[str, str]  # by the names of columns, which rating_formats.column writes


@dataclass(frozen=True)
class FileTable:
    """text: from the header on, which is on line first_line of the file."""

    path: Path
    form: Format
    separator: str
    columns: list[str]
    header: list[str]  # the columns as the file spells them
    text: str
    first_line: int

    def place(self, line: int, name: str) -> str:
        """Where an error is: the file, the line and the column."""
        return f"{self.path}: line {line}, column {self.header[self.columns.index(name)]}"

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """The line number and the cells of each row that is not empty.

        Raises MovierecError for a row that is not as long as the header, or not quoted correctly.
        """
        places = {name: self.columns.index(name) for name in self.form.columns & {*self.columns}}
        needed = self.form.ratings or self.form.titles or (self.form.movie_id,)
        n_needed = 1 + max(places[name] for name in needed if name in places)
        for line, row in self._numbered():
            if len(row) < n_needed or any(map(str.strip, row[len(self.columns) :])):
                raise MovierecError(
                    f"{self.path}: line {line}: {count(len(row), 'field')}, but the header has"
                    f" {len(self.columns):,}; are there quotes around texts with a comma?"
                )
            cells = {name: row[place] for name, place in places.items() if place < len(row)}
            if any("\n" in cell for cell in cells.values()):
                raise MovierecError(
                    f"{self.path}: line {line}: a text of several lines; is a quote missing?"
                )
            for name in self.form.titles:
                if len(cells.get(name, "")) > MAX_TITLE:
                    raise MovierecError(
                        f"{self.place(line, name)}: a title of more than {MAX_TITLE} characters; is"
                        " a quote missing?"
                    )
            yield line, {name: _printable(cell) for name, cell in cells.items()}

    def _numbered(self) -> Iterator[tuple[int, list[str]]]:
        reader = _reader(self.text, self.separator)
        line = self.first_line
        try:
            for n_rows, row in enumerate(reader):
                if n_rows > MAX_ROWS:
                    raise MovierecError(
                        f"{self.path}: more than the {MAX_ROWS:,} rows allowed; give one person's"
                        " movies"
                    )
                if n_rows and any(map(str.strip, row)):
                    yield line, row
                line = self.first_line + reader.line_num
        except csv.Error as error:
            unclosed = "unexpected end" in str(error)
            problem = "a quote that is never closed" if unclosed else str(error)
            raise MovierecError(
                f"{self.path}: line {line}: {problem}; is a quote missing, or one too many?"
            ) from None


def read_table(
    path: Path, formats: tuple[Format, ...] = FORMATS, name: str = rating_files.RATINGS
) -> FileTable:
    """The table in a file, or in the member of this name in a zip.

    A file that is not .csv may also list movies without a header, one on each line, if formats are
    LIST_FORMATS. Raises MovierecError if it has none of the formats, or is not UTF-8.
    """
    text, not_utf8 = rating_files.decode(rating_files.read_content(path, name), path)
    of_lists = formats is LIST_FORMATS
    if not text.strip():
        needed = "movies" if of_lists else "ratings"
        raise MovierecError(f"{path}: empty; give a file with {needed}")
    body = EMPTY_LINES.sub("", text)
    if of_lists:
        body = LIST_PREAMBLE.sub("", body)
    separators: tuple[str, ...] = SEPARATORS
    given = SEPARATOR_LINE.match(body)
    if given:
        separators, body = (given[1],), EMPTY_LINES.sub("", body[given.end() :])
    first_line = text[: len(text) - len(body)].count("\n") + 1
    header, form, separator = _recognise(body, separators, formats)
    if not form and of_lists and path.suffix.casefold() not in (".csv", ".zip"):
        body, form = _lines_as_csv(body)
        header, separator, first_line = body.split("\n", 1)[:1], ",", first_line - 1
    columns = [rating_formats.column(name) for name in header]
    if not_utf8 and not (form and form.is_windows):
        raise MovierecError(f"{path}: line {not_utf8}: not UTF-8 text; save it as CSV in UTF-8")
    if not form:
        first = body.partition("\n")[0]
        names = map(rating_formats.column, re.split(r"[,;\t|]", first))
        problem = rating_formats.problem(names, formats)
        accepted = rating_formats.ACCEPTED_LISTS if of_lists else rating_formats.ACCEPTED
        raise MovierecError(f"{path}: {problem} the header {shown(first)}; use {accepted}")
    for name, spelled in zip(columns, header, strict=True):
        if name in form.columns and columns.count(name) > 1:
            raise MovierecError(f"{path}: the column {spelled} appears twice; keep one of them")
    return FileTable(path, form, separator, columns, header, body, first_line)


def shown(text: str) -> str:
    """A text quoted for an error, shortened."""
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…")


def _lines_as_csv(body: str) -> tuple[str, Format]:
    """A list of movies, one on each line, as CSV with a header; integers are movie ids."""
    lines = [line.strip() for line in body.split("\n")]
    are_ids = all(map(str.isdecimal, filter(None, lines)))
    header, form = ("movie_id", ID_LINES) if are_ids else ("title", TITLE_LINES)
    quoted = ('"' + line.replace('"', '""') + '"' if line else "" for line in lines)
    return "\n".join([header, *quoted]), form


def _recognise(
    body: str, separators: tuple[str, ...], formats: tuple[Format, ...]
) -> tuple[list[str], Format | None, str]:
    """The header of a text, its format and its separator."""
    for separator in separators:
        with suppress(csv.Error):
            header = [_printable(name) for name in next(_reader(body, separator), [])]
            if form := rating_formats.recognise(map(rating_formats.column, header), formats):
                return header, form, separator
    return [], None, ""


def _reader(text: str, separator: str) -> "_csv.Reader":
    return csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True, strict=True)


def _printable(text: str) -> str:
    """A text on one line, without control characters and HTML's entities."""
    if "&" in text:
        text = ENTITY.sub(lambda match: html.unescape(match[0]), text)
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())
