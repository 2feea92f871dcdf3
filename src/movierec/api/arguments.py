"""Checks of arguments of the Python API: what cannot be used is refused in one line."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np

from movierec.core.errors import MovierecError
from movierec.core.yaml_file import shorten
from movierec.data.rating_arrays import Array

BLOCK = re.compile(r"\b(split|train|implicit)\.(?=[a-z])")  # of params.yaml


@contextmanager
def named() -> Iterator[None]:
    """Turn what the pipeline's code refuses into ValueError, which names arguments, not params."""
    try:
        yield
    except MovierecError as error:
        raise ValueError(BLOCK.sub("", str(error))) from None


def plain(value: Any) -> Any:
    """A NumPy number as a number of Python; other values as they are."""
    return value.item() if isinstance(value, np.generic) else value


def integer(value: Any, name: str, low: int = 1, high: int = 2**63 - 1) -> int:
    """The value as an int; ValueError unless it is an integer from low to high.

    Examples
    --------
    >>> integer(np.int32(3), "n")
    3
    >>> integer(1.5, "n")
    Traceback (most recent call last):
    ValueError: n should be an integer from 1, not 1.5
    """
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_integer or not low <= value <= high:
        raise ValueError(f"{name} should be an integer from {low}, not {shorten(plain(value))}")
    return int(value)


def number(value: Any, name: str, low: float, high: float = math.inf) -> float:
    """The value as a float; ValueError unless it is a finite number from low to high."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not (low <= value <= high and math.isfinite(value)):
        upper = f" to {high:g}" if math.isfinite(high) else ""
        ends = f"{low:g}{upper}"
        raise ValueError(f"{name} should be a number from {ends}, not {shorten(plain(value))}")
    return float(value)


def threads(value: Any) -> int | None:
    """n_jobs; −1 and None are all cores."""
    return None if value is None else -1 if value == -1 else integer(value, "n_jobs")


def rating_scale(value: Any) -> tuple[float, float] | None:
    """The lowest and the highest rating; ValueError unless it is None or two such numbers."""
    if value is None:
        return None
    ends = [] if isinstance(value, str | bytes) or not np.iterable(value) else list(value)
    if len(ends) != 2 or not all(isinstance(end, Real) and math.isfinite(end) for end in ends):
        raise ValueError(f"rating_scale should be two numbers, not {shorten(value)}")
    low, high = map(plain, ends)
    if low >= high:
        raise ValueError(f"rating_scale: {low:g} should be below {high:g}")
    return low, high


def read_only(array: Array) -> Array:
    """The array, if it cannot be changed, or a view that cannot."""
    if not array.flags.writeable:
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def stack_level() -> int:
    """The stacklevel of a warning to the caller's caller, at the first line that is not ours."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("movierec."):
        level, frame = level + 1, frame.f_back
    return level
