"""What the values of options and arguments may be."""

from __future__ import annotations

import re
from contextlib import suppress
from math import inf, nan

import click

from movierec.core.text import is_utf8, printable
from movierec.serving.years import Years


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


class ScaleRange(click.ParamType[tuple[float, float]]):
    """The lowest and the highest rating, such as 1-10."""

    name = "scale"
    form = re.compile(r"\s*(-?[0-9.,]+)\s*(?:-|–|to)\s*(-?[0-9.,]+)\s*")

    def convert(
        self, value: str, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, float]:
        match = self.form.fullmatch(value)
        with suppress(ValueError):
            low, high = (float(end.replace(",", ".")) for end in (match.groups() if match else ()))
            if -1e9 <= low < high <= 1e9:
                return low, high
        what = "the lowest and the highest rating, such as 1-10"
        return self.fail(f"{value!r} is not {what}", param, context)


class YearRange(click.ParamType[Years]):
    """A year, a range of years or a decade, such as 1990s."""

    name = "years"

    def convert(
        self,
        value: str | Years,
        param: click.Parameter | None,
        context: click.Context | None,
    ) -> Years:
        if not isinstance(value, str):
            return value
        try:
            return Years.from_text(value)
        except ValueError as error:
            return self.fail(str(error), param, context)


SHARE = Number(0.0, 1.0)
WORDS = Words()
YEARS = YearRange()
SCALE = ScaleRange()
