"""Filters of a list of movies, and why a list is empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movierec.core.text import count

if TYPE_CHECKING:
    from movierec.core.array_files import Array


@dataclass(frozen=True)
class Filter:
    """Which movies pass: (n_movies,) bool.

    asks: of a movie, as in "no movies from 2000 or later". instead: what the data set has, if no
    movie passes.
    """

    asks: str
    passed: Array
    instead: str


def passing(filters: Sequence[Filter], n_movies: int) -> Array:
    """Which movies pass all filters: (n_movies,) bool."""
    passed = np.ones(n_movies, bool)
    for each in filters:
        passed &= each.passed
    return passed


def why_none(filters: Sequence[Filter], others: Array) -> str:
    """Why a list is empty: the filter that no movie passes, or the one to remove.

    others: the movies that may be listed apart from filters, such as those not rated (n_movies,)
    bool.
    """
    for each in filters:
        if not each.passed.any():
            return f"no movies {each.asks}; {each.instead}"
    n_movies = len(others)
    other = "other " if passing(filters, n_movies).any() else ""
    text = f"no {other}movies {', '.join(each.asks for each in filters)}".rstrip()
    n_without = {
        each.asks: int((others & passing([f for f in filters if f is not each], n_movies)).sum())
        for each in filters
    }
    asks = max(n_without, key=lambda asks: n_without[asks], default="")
    if asks and n_without[asks]:
        what = "this filter" if len(filters) == 1 else f'"{asks}"'
        return f"{text}; without {what}: {count(n_without[asks], 'movie')}"
    return f"{text}; remove filters" if others.any() else f"{text} in the data set"
