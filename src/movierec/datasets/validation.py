"""Rows of ratings: each is kept, or refused for a reason and accounted for."""

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
N_SHOWN = 10  # refused rows that an error shows
WIDEST = 80  # characters shown of each
N_THREADS = min(4, os.cpu_count() or 1)

Scale = tuple[float, float]


class TextIdsError(Exception):
    """An id that is no 64-bit integer: the column, which is args[0], is to be read as text."""


class Refused(NamedTuple):
    """A refused row: its place in the file ("line 8"), one of REASONS, and what it says."""

    place: str
    reason: str
    text: str

    def __str__(self) -> str:
        text = "".join(letter if letter.isprintable() else " " for letter in self.text)
        text = text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
        return f"{self.place:<12} {self.reason:<14}{text}"


Show = Callable[[int], tuple[str, str]]  # a row's place in the file, and its text


@dataclass(frozen=True)
class RowCounts:
    """What became of rows: how many were read, how many refused by reason, the first of these."""

    n_read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    first: list[Refused] = field(default_factory=list)

    @property
    def n_kept(self) -> int:
        return self.n_read - self.refused.total()

    @classmethod
    def of(cls, reasons: Sequence[str], show: Show) -> "RowCounts":
        """Rows by the reasons against them, "" for one that is kept."""
        bad = [k for k, reason in enumerate(reasons) if reason]
        first = [Refused(show(k)[0], reasons[k], show(k)[1]) for k in bad[:N_SHOWN]]
        return cls(len(reasons), Counter(reasons[k] for k in bad), first)

    def __add__(self, later: "RowCounts") -> "RowCounts":
        first = (self.first + later.first)[:N_SHOWN]
        return RowCounts(self.n_read + later.n_read, self.refused + later.refused, first)

    def check(self, path: Path, scale: Scale, max_refused: int) -> None:
        """Raise MovierecError, which shows the first ten, if more than max_refused are refused."""
        n_refused = self.refused.total()
        if n_refused > max_refused:
            why = ", ".join(f"{n:,} {reason}" for reason, n in self.refused.most_common())
            raise MovierecError(
                f"{path}: {n_refused:,} of {self.n_read:,} rows refused ({why}; the scale is"
                f" {scale[0]:g} to {scale[1]:g}), more than the {max_refused:,} that"
                " index.max_refused in params.yaml allows; mend them or raise it",
                [str(refused) for refused in self.first],
            )


Piece = tuple[
    pa.Table, RowCounts
]  # rows kept, their ids dictionary-encoded, and what became of all
Reader = Callable[..., Piece]  # of one piece
Gather = Callable[
    [Reader, Iterable[tuple[Any, ...]]], tuple[Any, RowCounts]
]  # as `gather`, or elsewhere


def reasons_against(table: pa.Table, scale: Scale) -> Array | None:
    """Why each row is to be refused, "" if it is not; None if all are good."""
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


def keep(table: pa.Table, reasons: Array, show: Show) -> Piece:
    """Refuse rows of a table."""
    return encode(table.filter(pa.array(reasons == ""))), RowCounts.of(reasons.tolist(), show)


def encode(table: pa.Table) -> pa.Table:
    """The four columns, ids as dictionaries."""
    ids = [table[name].dictionary_encode() for name in IDS]
    return pa.table([*ids, table["rating"], table["timestamp"]], list(COLUMNS))


def gather(read: Reader, pieces: Iterable[tuple[Any, ...]]) -> Piece:
    """Read pieces in a few threads and join what comes of them, in order."""
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())  # gives back what pieces held for a while
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
