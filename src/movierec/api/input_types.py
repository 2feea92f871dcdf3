"""The types of what the Python API takes: ids, ratings, genres and titles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import pandas as pd

    from movierec.api.rating_table import RatingTable


class ArrowTable(Protocol):
    """A pandas, Polars or Arrow table, or another with Arrow's PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class SparseMatrix(Protocol):
    """A sparse matrix or array of scipy, in any format."""

    def tocoo(self) -> Any: ...


Id: TypeAlias = int | np.integer[Any] | str
"""The id of a user or an item: an integer of at most 64 bits, or text.

An integer and its text, such as 1 and `"1"`, are different ids. Floats that are whole numbers below
2**53 are read as integers; anything else, such as a date, is refused.
"""

IdsLike: TypeAlias = Id | Sequence[Id] | ArrayLike
"""One id, or a list, array or column of them."""

RatingsLike: TypeAlias = "RatingTable | ArrowTable | SparseMatrix | tuple[ArrayLike, ...]"
"""Ratings in one of these forms:

- a pandas, Polars or Arrow table with the columns `user_id`, `item_id` (or `movie_id`), `rating`
  and optionally `timestamp`, in seconds since 1970 or as dates; other columns are ignored;
- a sparse matrix of scipy (users × items), whose row and column numbers are the ids;
- a tuple of three or four arrays: users, items, ratings and optionally timestamps;
- a `RatingTable`, such as one part of a `Split`.
"""

# Keys are ids. With Id for Any, type checkers would refuse a variable of type dict[str, float].
UserRatings: TypeAlias = Mapping[Any, float]
"""The ratings of one user, such as `{"Alien": 5, "Up": 2.5}`."""

MoviesLike: TypeAlias = str | Path | Iterable[Id]
"""A list of movies: by title or id, such as `["Alien", 50]`, or a file with them.

A file is a watchlist, list or ratings exported by Letterboxd, IMDb, Trakt, TMDB, Simkl or
movielens.org, a CSV file with a column title or movie_id, or a text file with one movie on each
line. You get a warning if it has movies that are not in the data set.
"""

GenresLike: TypeAlias = "Mapping[Any, Iterable[str]] | pd.Series[Any]"
"""The genres of items by id, such as `{"Alien": ["Horror", "Sci-Fi"]}`, or a Series of lists."""

TitlesLike: TypeAlias = "Mapping[Any, str] | pd.Series[Any]"
"""The titles of items by id, such as `{50: "Star Wars (1977)"}`, or a Series."""

Combine: TypeAlias = Literal["mean", "least_misery"]
"""The score of several people: the mean of their scores, or the lowest."""

Unknown: TypeAlias = Literal["error", "prior_mean"]
"""What to do about ids that the model was not fitted on: `"error"` or `"prior_mean"`."""
