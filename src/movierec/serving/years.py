"""A year, a range of years or a decade, as people write it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from movierec.core.text import shortened

MAX_SHOWN = 40  # characters of a text that an error quotes
YEAR = "[0-9]{1,4}"
RANGE = re.compile(rf"({YEAR})?\s*[-–]\s*({YEAR})?")
DECADE = re.compile(r"([0-9]{3}0)s")


@dataclass(frozen=True)
class Years:
    """From the first to the last year, which are included; None: without a limit."""

    first: int | None
    last: int | None

    @classmethod
    def from_text(cls, text: str) -> Years:
        """The years of "1994", "1990-1999", "1990-", "-1999" or "1990s"; ValueError for others.

        Examples
        --------
        >>> print(Years.from_text("1990s"), Years.from_text("1990-"), sep="; ")
        from 1990 to 1999; from 1990 or later
        """
        text = text.strip()
        if decade := DECADE.fullmatch(text):
            return cls(int(decade[1]), int(decade[1]) + 9)
        if re.fullmatch(YEAR, text):
            return cls(int(text), int(text))
        ends = RANGE.fullmatch(text)
        first, last = (int(end) if end else None for end in (ends.groups() if ends else ("", "")))
        if first is None and last is None:
            raise ValueError(
                f"{shortened(text, MAX_SHOWN)!r} is not a year, a range of years or a decade, such"
                " as 1994, 1990-1999, 1990-, -1999 or 1990s"
            )
        if first is not None and last is not None and first > last:
            raise ValueError(f"{first} is after {last}; write {last}-{first}")
        return cls(first, last)

    def __str__(self) -> str:
        if self.last is None:
            return f"from {self.first} or later"
        if self.first is None:
            return f"from {self.last} or earlier"
        return f"from {self.first}" + (f" to {self.last}" if self.last > self.first else "")
