"""Import ratings from a file: a Letterboxd or IMDb export, or a plain CSV."""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from movierec.core.errors import MovierecError

# The columns by which a file is recognised, and its scale; a plain CSV has that of the data set.
KINDS: dict[str, tuple[set[str], tuple[float, float] | None]] = {
    "IMDb": ({"const", "your rating", "title"}, (1, 10)),
    "Letterboxd": ({"letterboxd uri", "name", "rating"}, (0.5, 5)),
    "CSV": ({"title", "rating"}, None),
    "CSV by id": ({"movie_id", "rating"}, None),
}
# IMDb's title types that are movies, in lower case without spaces (not series, episodes, games).
MOVIE_TYPES = {"movie", "tvmovie", "short", "tvshort", "tvspecial", "video"}
Row = Mapping[str, str]


@dataclass(frozen=True)
class ImportedRating:
    """A rating in a file, with all titles, the year and the id of its movie, where given."""

    titles: tuple[str, ...]
    year: int | None
    rating: float
    movie_id: str = ""

    def __str__(self) -> str:
        year = f" ({self.year})" if self.year else ""
        return f"{self.titles[0]}{year}" if self.titles else f"movie_id {self.movie_id}"


@dataclass(frozen=True)
class Export:
    """The ratings in a file, on the data set's scale, and how many rows were skipped, by reason."""

    kind: str
    rated: list[ImportedRating] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def read(path: Path, scale: tuple[float, float]) -> Export:
    """The ratings in a file, or in the ratings.csv of a Letterboxd zip.

    Ratings on another scale are mapped linearly to the data set's. Raises MovierecError, with the
    line number, if a rating is not a number on its scale.
    """
    rows = csv.DictReader(io.StringIO(_text(path)))
    columns = {name.strip().casefold() for name in rows.fieldnames or ()}
    kind = next((kind for kind, (needed, _) in KINDS.items() if needed <= columns), "")
    if not kind:
        raise MovierecError(
            f"{path}: unknown format; use ratings exported by Letterboxd or IMDb, or a CSV file"
            " with the columns title and rating, or movie_id and rating"
        )
    export, own_scale = Export(kind), KINDS[kind][1] or scale
    for row in _rows(rows):
        text = row.get("your rating" if kind == "IMDb" else "rating")
        title_type = row.get("title type", "").casefold().replace(" ", "")
        if not text:
            export.skipped["without a rating"] += 1
        elif title_type and title_type not in MOVIE_TYPES:
            export.skipped["that are not movies"] += 1
        else:
            rating = _rating(text, own_scale, scale, f"{path}: line {rows.line_num}")
            export.rated.append(_imported(row, rating))
    return export


def _text(path: Path) -> str:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return archive.read("ratings.csv").decode("utf-8-sig")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file") from None
    except KeyError:
        raise MovierecError(
            f"{path}: contains no ratings.csv; use a zip exported by Letterboxd"
        ) from None
    except UnicodeDecodeError:
        raise MovierecError(f"{path}: not UTF-8 text; save it as CSV in UTF-8") from None


def _rows(rows: "csv.DictReader[str]") -> Iterator[Row]:
    """Each row, with its column names in lower case."""
    for row in rows:
        named = {name.strip().casefold(): value for name, value in row.items() if name}
        yield {name: (value or "").strip() for name, value in named.items()}


def _imported(row: Row, rating: float) -> ImportedRating:
    titles = row.get("name") or row.get("title", ""), row.get("original title", "")
    year = row.get("year", "")[:4]
    return ImportedRating(
        tuple(filter(None, dict.fromkeys(titles))),
        int(year) if year.isdecimal() else None,
        rating,
        row.get("movie_id", ""),
    )


def _rating(text: str, own: tuple[float, float], scale: tuple[float, float], where: str) -> float:
    """A rating mapped from its own scale to another. where: named by errors."""
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        raise MovierecError(f"{where}: {text!r} is not a rating") from None
    if not own[0] <= number <= own[1]:
        raise MovierecError(f"{where}: ratings range from {own[0]:g} to {own[1]:g}, not {text}")
    share = (number - own[0]) / (own[1] - own[0])
    return scale[0] + share * (scale[1] - scale[0])
