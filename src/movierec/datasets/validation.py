"""Validate rows of ratings: each is kept, or rejected and counted under one reason."""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movierec.core.errors import MovierecError
from movierec.data.rating_arrays import Array

COLUMNS = ("user_id", "movie_id", "rating", "timestamp")
IDS = COLUMNS[:2]
TYPES = {"user_id": pa.int64(), "movie_id": pa.int64(), "rating": pa.float32()}
TYPES |= {"timestamp": pa.int64()}
EMPTY = pa.schema(TYPES).empty_table()
REASONS = ("wrong_fields", "missing", "not_a_number", "not_text", "off_scale")
N_SHOWN = 10  # rejected rows that an error shows
MAX_WIDTH = 80  # characters shown of each
N_THREADS = min(4, os.cpu_count() or 1)

Scale = tuple[float, float]


class TextIdsError(Exception):
    """An id is not a 64-bit integer, so its column (args[0]) has to be read as text."""


class RejectedRow(NamedTuple):
    """A rejected row: its place in the file ("line 8"), one of REASONS, and its text."""

    place: str
    reason: str
    text: str

    def __str__(self) -> str:
        text = "".join(letter if letter.isprintable() else " " for letter in self.text)
        text = text if len(text) <= MAX_WIDTH else text[: MAX_WIDTH - 1] + "…"
        return f"{self.place:<12} {self.reason:<14}{text}"


Show = Callable[[int], tuple[str, str]]  # a row's place in the file, and its text


@dataclass(frozen=True)
class RowCounts:
    """Counts of the rows read and of those rejected, by reason; and the first rejected rows."""

    n_read: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    first: list[RejectedRow] = field(default_factory=list)

    @property
    def n_kept(self) -> int:
        return self.n_read - self.rejected.total()

    @classmethod
    def from_reasons(cls, reasons: Sequence[str], show: Show) -> "RowCounts":
        """Count rows by their reasons, which are "" for rows that are kept."""
        bad = [k for k, reason in enumerate(reasons) if reason]
        first = [RejectedRow(show(k)[0], reasons[k], show(k)[1]) for k in bad[:N_SHOWN]]
        return cls(len(reasons), Counter(reasons[k] for k in bad), first)

    def __add__(self, later: "RowCounts") -> "RowCounts":
        first = (self.first + later.first)[:N_SHOWN]
        return RowCounts(self.n_read + later.n_read, self.rejected + later.rejected, first)

    def check(self, path: Path, scale: Scale, max_rejected: int) -> None:
        """Raise MovierecError, which shows the first of them, for more than max_rejected rows."""
        n_rejected = self.rejected.total()
        if n_rejected > max_rejected:
            why = ", ".join(f"{n:,} {reason}" for reason, n in self.rejected.most_common())
            raise MovierecError(
                f"{path}: {n_rejected:,} of {self.n_read:,} rows rejected ({why}; the scale is"
                f" {scale[0]:g} to {scale[1]:g}), more than index.max_rejected in params.yaml"
                f" allows ({max_rejected:,}); fix them or raise it",
                [str(row) for row in self.first],
            )


# The rows kept, with dictionary-encoded ids, and the counts of all rows.
Piece = tuple[pa.Table, RowCounts]
Reader = Callable[..., Piece]  # reads one piece
# Reads all pieces: `gather`, or a function that has the workers of an engine do it.
Gather = Callable[[Reader, Iterable[tuple[Any, ...]]], tuple[Any, RowCounts]]


def rejection_reasons(table: pa.Table, scale: Scale) -> Array | None:
    """Why each row is rejected, "" if it is kept; None if all rows are kept."""
    rating = table["rating"]
    low, high = (pa.scalar(end, pa.float32()) for end in scale)
    on_scale = pc.and_(pc.greater_equal(rating, low), pc.less_equal(rating, high))
    columns = [table[name] for name in COLUMNS]
    if not any(column.null_count for column in columns) and pc.all(on_scale).as_py() is not False:
        return None
    missing = np.any([column.is_null().to_numpy() for column in columns], axis=0)
    no_number = rating.is_nan().fill_null(False).to_numpy()
    off_scale = ~on_scale.fill_null(False).to_numpy()
    names = ["missing", "not_a_number", "off_scale"]
    return np.select([missing, no_number, off_scale], names, "")


def reject_rows(table: pa.Table, reasons: Array, show: Show) -> Piece:
    """Drop the rows of a table that have a reason against them, and count them."""
    kept = encode(table.filter(pa.array(reasons == "")))
    return kept, RowCounts.from_reasons(reasons.tolist(), show)


def encode(table: pa.Table) -> pa.Table:
    """The four columns, with dictionary-encoded ids."""
    ids = [table[name].dictionary_encode() for name in IDS]
    return pa.table([*ids, table["rating"], table["timestamp"]], list(COLUMNS))


def gather(read: Reader, pieces: Iterable[tuple[Any, ...]]) -> Piece:
    """Read pieces in a few threads and join their rows in order."""
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())  # returns freed memory to the system
    done: list[Piece] = []
    waiting: deque[Future[Piece]] = deque()
    with ThreadPoolExecutor(N_THREADS) as pool:
        for piece in pieces:
            waiting.append(pool.submit(read, *piece))
            if len(waiting) > N_THREADS:
                done.append(waiting.popleft().result())
        done += [last.result() for last in waiting]
    return join(done)


def join(pieces: list[Piece]) -> Piece:
    tables = [table for table, _ in pieces if table.num_rows]
    return pa.concat_tables(tables or [encode(EMPTY)]), sum(
        (rows for _, rows in pieces), RowCounts()
    )
