"""What the values of options and arguments may be."""

from __future__ import annotations

from math import inf, nan

import click

from movierec.core.text import is_utf8, printable


class Number(click.ParamType[int | float]):
    """A number within bounds, whole if the lower bound is; never NaN."""

    name = "number"

    def __init__(self, low: float, high: float = inf) -> None:
        self.low, self.high = low, high

    def convert(
        self, value: str | float, param: click.Parameter | None, context: click.Context | None
    ) -> int | float:
        try:
            number = type(self.low)(value)
        except ValueError:
            number = nan
        if self.low <= number <= self.high:
            return number
        kind = "a whole number" if isinstance(self.low, int) else "a number"
        bounds = f"from {self.low:g}" + ("" if self.high == inf else f" to {self.high:g}")
        return self.fail(f"{str(value)!r} is not {kind} {bounds}", param, context)


class Words(click.ParamType[str]):
    """A text, which may not have bytes that are not UTF-8."""

    name = "text"

    def convert(
        self, value: str, param: click.Parameter | None, context: click.Context | None
    ) -> str:
        if not is_utf8(value):
            self.fail(f"'{printable(value)}' is not UTF-8", param, context)
        return value


YEAR = Number(1, 9999)
WORDS = Words()
