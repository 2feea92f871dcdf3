"""Find the columns of ratings in a header, and what separates them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from movierec.core.errors import MovierecError
from movierec.datasets.csv_reader import MAX_LINE, split_line
from movierec.datasets.validation import COLUMNS, shown

SEPARATORS = (",", ";", "\t", "|")
SPELLINGS = {
    "user_id": ("user_id", "userId", "user_id:token"),
    "movie_id": ("movie_id", "movieId", "item_id:token"),
    "rating": ("rating", "rating:float"),
    "timestamp": ("timestamp", "timestamp:float"),
    "title": ("title", "movie_title:token_seq"),
    "genres": ("genres", "class:token_seq"),
    "year": ("release_year:token",),
}
# Other words for columns, as small letters only; `dataset add` looks for them.
WORDS = {
    "user_id": {"userid", "user", "username", "uid", "reviewerid", "memberid", "member"},
    "movie_id": {
        "movieid",
        "movie",
        "itemid",
        "item",
        "iid",
        "filmid",
        "film",
        "productid",
        "asin",
    },
    "rating": {"rating", "ratings", "userrating", "stars", "score", "overall"},
    "timestamp": {"timestamp", "time", "ts", "date", "datetime", "ratedat", "when"},
}
OPTIONAL = {"timestamp"}
NUMBER = re.compile(r"[0-9]+([.,][0-9]+)?")
NO_TEXT = {  # how files begin that are no text of fields, and what they are
    b"\xff\xfe": "UTF-16; save it as CSV in UTF-8",
    b"\xfe\xff": "UTF-16; save it as CSV in UTF-8",
    b"\x1f\x8b": "compressed by gzip; unpack it",
    b"BZh": "compressed by bzip2; unpack it",
    b"\xfd7zXZ": "compressed by xz; unpack it",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard; unpack it",
    b"7z\xbc\xaf": "compressed by 7-Zip; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"PK\3\4": "an incomplete zip archive; download it again",
    b"PARE": "encrypted Parquet; decrypt it",
    b"{": "JSON; save it as CSV",
    b"[": "JSON; save it as CSV",
    b"<": "HTML or XML; save it as CSV",
    b"%PDF": "PDF; save it as CSV",
}
N_NAMED = 12  # columns that an error lists

Names = Mapping[str, str | None]  # the file's name for a column; None: ignore it


@dataclass(frozen=True)
class Header:
    """The header of a text file. n_lines: up to the first row. places: of columns, by our name."""

    names: list[str]
    separator: str
    n_lines: int
    places: dict[str, int]

    @property
    def fields(self) -> tuple[str, ...]:
        """Our name of each column, or its number."""
        ours = {place: column for column, place in self.places.items()}
        return tuple(ours.get(place, f"field {place}") for place in range(len(self.names)))


def read_header(
    stream: IO[bytes],
    where: str,
    encoding: str = "utf-8",
    separator: str | None = None,
    names: Names | None = None,
    columns: Sequence[str] = COLUMNS,
) -> Header:
    """Read the header of a text file.

    separator: by default the one with which all columns are found. names: the file's names for
    columns, where they are not one of SPELLINGS. Raises MovierecError if a column is missing or
    there twice.
    """
    candidates, n_lines = read_names(stream, where, encoding, separator)
    best = find_separator(candidates, dict.fromkeys(candidates, names or {}), columns)
    places = places_of(candidates[best], where, names, columns)
    return Header(candidates[best], best, n_lines, places)


def read_names(
    stream: IO[bytes], where: str, encoding: str = "utf-8", separator: str | None = None
) -> tuple[dict[str, list[str]], int]:
    """The names in a header by each separator that it may have, and the number of lines up to it.

    Raises MovierecError if it is not a line of text.
    """
    lines = _first_lines(stream, where, encoding)
    if match := re.fullmatch(r'"?sep=([,;:|\t ])"?', lines[-1], re.IGNORECASE):
        separator = separator or match[1]
        lines += _first_lines(stream, where, encoding)
    separators = [separator] if separator else SEPARATORS
    return {one: [name.strip() for name in split_line(lines[-1], one)] for one in separators}, len(
        lines
    )


def find_separator(
    candidates: Mapping[str, list[str]],
    names: Mapping[str, Names],
    columns: Sequence[str] = COLUMNS,
) -> str:
    """The separator with which a header has most columns. candidates, names: by separator."""

    def n_found(separator: str) -> int:
        header = set(candidates[separator])
        spellings = (_spellings(column, names[separator]) for column in columns)
        return sum(not header.isdisjoint(known) for known in spellings)

    return max(candidates, key=n_found)


def guess_names(header: Sequence[str], names: Names) -> dict[str, str | None]:
    """The names in a header for COLUMNS, where they are not one of SPELLINGS, in common words.

    names: those that are known.
    """
    guessed = dict(names)
    for column in COLUMNS:
        if column not in names and not set(SPELLINGS[column]) & set(header):
            alike = [name for name in header if _simplified(name) in WORDS[column]]
            if len(alike) == 1:
                guessed[column] = alike[0]
    return guessed


def _simplified(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.casefold())


def places_of(
    header: Sequence[str],
    where: str,
    names: Names | None = None,
    columns: Sequence[str] = COLUMNS,
) -> dict[str, int]:
    """The position of each column in a header; raises MovierecError as read_header does."""
    places: dict[str, int] = {}
    listed = _listed(header)
    if len(header) == 1 and re.search(r"\W", header[0]):
        listed += "; fields should be separated by commas, semicolons, tabs or |"
    elif any(NUMBER.fullmatch(name) for name in header):
        listed += "; the first line should be the names of the columns"
    for column in columns:
        spellings = _spellings(column, names or {})
        matches = [place for place, name in enumerate(header) if name in spellings]
        is_optional = column in OPTIONAL and column not in (names or {})
        if not matches and spellings and not is_optional:
            name = shown(spellings[0]) if column in (names or {}) else column
            raise MovierecError(f"{where}: no column {name}; its columns are: {listed}")
        if len(matches) > 1:
            both = " and ".join(shown(header[place]) for place in matches[:2])
            raise MovierecError(
                f"{where}: two columns for {column}: {both}; rename or delete one of them"
            )
        if matches and matches[0] in places.values():
            raise MovierecError(
                f"{where}: column {shown(header[matches[0]])} cannot be two of"
                f" {', '.join(columns)}; correct the data set's columns in datasets.yaml"
            )
        if matches:
            places[column] = matches[0]
    return places


def _spellings(column: str, names: Names) -> tuple[str, ...]:
    if column not in names:
        return SPELLINGS[column]
    name = names[column]
    return () if name is None else (name,)


def _listed(header: Sequence[str]) -> str:
    some = ", ".join(shown(name) for name in header[:N_NAMED]) or "none"
    return some + (f" and {len(header) - N_NAMED} more" if len(header) > N_NAMED else "")


def _first_lines(stream: IO[bytes], where: str, encoding: str) -> list[str]:
    """The blank lines that follow, if any, and the line after them."""
    lines = []
    while line := stream.readline(MAX_LINE):
        kinds = [kind for start, kind in NO_TEXT.items() if line.lstrip(b" ").startswith(start)]
        if kinds or b"\0" in line:
            raise MovierecError(
                f"{where}: {(kinds or ['UTF-16 or binary, not text; save it as CSV in UTF-8'])[0]}"
            )
        text = line.removeprefix(b"\xef\xbb\xbf").decode(encoding).rstrip("\r\n")
        if "\r" in text:
            raise MovierecError(
                f"{where}: its lines end in lone carriage returns; save it with line feeds (LF)"
            )
        lines.append(text)
        if text.strip():
            return lines
    raise MovierecError(f"{where}: is empty; it needs a line with the names of its columns")
