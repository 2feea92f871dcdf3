"""Validate rows: each row of ratings or of a list of movies is kept, or rejected and counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from movierec.core.errors import MovierecError
from movierec.data.rating_arrays import Array
from movierec.engine.threads import map_in_threads

COLUMNS = ("user_id", "movie_id", "rating", "timestamp")
IDS = COLUMNS[:2]
TYPES = {"user_id": pa.int64(), "movie_id": pa.int64(), "rating": pa.float32()}
TYPES |= {"timestamp": pa.int64()}
EMPTY = pa.schema(TYPES).empty_table()
REASONS = ("wrong_fields", "missing", "not_a_number", "not_text", "float_id")  # of every row
RATING_REASONS = (*REASONS, "not_a_time", "off_scale")
MOVIE_REASONS = (*REASONS, "duplicate")
TIMES = 0, 4_102_444_800  # seconds since 1970 that ratings may have: up to 2099
IGNORE_TIMES = "to ignore times, add the file with --column timestamp="
N_SHOWN = 10  # rejected rows that an error shows
MAX_WIDTH = 80  # characters shown of each

Scale = tuple[float, float]


class TextIdsError(Exception):
    """An id is not a 64-bit integer, so its column (one of args) has to be read as text."""


class RejectedRow(NamedTuple):
    """A rejected row: its place in the file ("line 8"), one of the reasons, and its text."""

    place: str
    reason: str
    text: str

    def __str__(self) -> str:
        return f"{self.place:<12} {self.reason:<14}{shown(self.text)}"


def shown(text: str) -> str:
    """A text as an error shows it: printable, and not too long."""
    text = "".join(letter if letter.isprintable() else " " for letter in text[: MAX_WIDTH + 1])
    return text if len(text) <= MAX_WIDTH else text[: MAX_WIDTH - 1] + "…"


Show = Callable[[int], tuple[str, str]]  # a row's place in the file, and its text


@dataclass(frozen=True)
class RowCounts:
    """Counts of the rows read and of those rejected, by reason; and the first rejected rows.

    guess: what may be wrong with one of them. times: the first and the last of the rows kept.
    """

    n_read: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    first: list[RejectedRow] = field(default_factory=list)
    guess: str = ""
    times: tuple[int, int] | None = None

    @property
    def n_kept(self) -> int:
        return self.n_read - self.rejected.total()

    @classmethod
    def from_reasons(
        cls,
        reasons: Sequence[str],
        show: Show,
        guess: str = "",
        times: tuple[int, int] | None = None,
    ) -> "RowCounts":
        """Count rows by their reasons, which are "" for rows that are kept."""
        bad = [k for k, reason in enumerate(reasons) if reason]
        first = [RejectedRow(show(k)[0], reasons[k], show(k)[1]) for k in bad[:N_SHOWN]]
        return cls(len(reasons), Counter(reasons[k] for k in bad), first, guess, times)

    def __add__(self, later: "RowCounts") -> "RowCounts":
        first = (self.first + later.first)[:N_SHOWN]
        ends = [end for times in (self.times, later.times) if times for end in times]
        return RowCounts(
            self.n_read + later.n_read,
            self.rejected + later.rejected,
            first,
            self.guess or later.guess,
            (min(ends), max(ends)) if ends else None,
        )

    def check(self, where: str, rows: str, max_rejected: int, hint: str = "") -> None:
        """Raise MovierecError, which shows the first of them, for more than max_rejected rows.

        rows: what they are. hint: more about the reasons.
        """
        n_rejected = self.rejected.total()
        if n_rejected > max_rejected:
            raise MovierecError(
                f"{where}: {n_rejected:,} of {self.n_read:,} {rows} rejected"
                f" ({self.why(hint)}), more than"
                f" index.max_rejected in params.yaml allows ({max_rejected:,}); fix them or raise"
                " it",
                [str(row) for row in self.first],
            )

    def why(self, hint: str = "") -> str:
        """The reasons, most frequent first, with what may explain them."""
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in self.rejected.most_common())
        return "; ".join(filter(None, (reasons, hint, self.guess)))

    def by_reason(self, reasons: Iterable[str]) -> dict[str, int]:
        """The number of rows rejected for each of these reasons."""
        return {reason: self.rejected[reason] for reason in reasons}


# The rows kept, with dictionary-encoded ids, and the counts of all rows.
Piece = tuple[pa.Table, RowCounts]
Reader = Callable[..., Piece]  # reads one piece
# Reads all pieces: `gather`, or a function that has the workers of an engine do it.
Gather = Callable[[Reader, Iterable[tuple[Any, ...]]], tuple[Any, RowCounts]]


def keep_all(table: pa.Table, scale: Scale) -> Piece | None:
    """The piece of a table of which all rows are kept; None if one has to be rejected."""
    if any(table[name].null_count for name in COLUMNS):
        return None
    rating, times = table["rating"], _span(table)
    low, high = (pa.scalar(end, pa.float32()) for end in scale)
    on_scale = pc.and_(pc.greater_equal(rating, low), pc.less_equal(rating, high))
    if pc.all(on_scale).as_py() is False:
        return None
    if times and not TIMES[0] <= times[0] <= times[1] < TIMES[1]:
        return None
    return encode(table), RowCounts(table.num_rows, times=times)


def keep_some(table: pa.Table, reasons: Array, show: Show, guess: str = "") -> Piece:
    """Drop the rows of a table that have a reason against them, and count them."""
    kept = table.filter(pa.array(reasons == ""))
    return encode(kept), RowCounts.from_reasons(reasons.tolist(), show, guess, _span(kept))


def _span(table: pa.Table) -> tuple[int, int] | None:
    ends = pc.min_max(table["timestamp"]).as_py()
    return None if ends["min"] is None else (ends["min"], ends["max"])


def encode(table: pa.Table) -> pa.Table:
    """The four columns, with dictionary-encoded ids."""
    ids = [table[name].dictionary_encode() for name in IDS]
    return pa.table([*ids, table["rating"], table["timestamp"]], list(COLUMNS))


def gather(read: Reader, pieces: Iterable[tuple[Any, ...]]) -> Piece:
    """Read pieces in a few threads and join their rows in order."""
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())  # returns freed memory to the system
    return join(list(map_in_threads(lambda piece: read(*piece), pieces)))


def join(pieces: list[Piece]) -> Piece:
    tables = [table for table, _ in pieces if table.num_rows]
    return pa.concat_tables(tables or [encode(EMPTY)]), sum(
        (rows for _, rows in pieces), RowCounts()
    )
