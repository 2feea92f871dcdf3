"""The movies of the data set, read without pandas, which is slow to load."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from movierec.core.errors import MovierecError
from movierec.core.paths import INDEX
from movierec.data.parquet_files import read_item_table
from movierec.data.titles import display_title
from movierec.serving.title_names import year_of
from movierec.serving.title_search import TitleIndex

if TYPE_CHECKING:
    from movierec.core.array_files import Array

MAX_GENRES = 40  # named by an error
NO_YEAR = -(2**31)


@dataclass(frozen=True)
class Catalogue:
    """Row number of the table = item_index."""

    table: pa.Table

    @classmethod
    def read(cls, folder: Path = INDEX) -> Catalogue:
        return cls(read_item_table(folder))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def titles(self) -> list[str]:
        """As in MovieLens: "Godfather, The (1972)"."""
        return self.table["title"].to_pylist()

    def display(self, item: int) -> str:
        """The title of a movie as people write it: "The Godfather (1972)"."""
        return display_title(self.titles[item])

    @cached_property
    def index(self) -> TitleIndex:
        return TitleIndex(self.titles)

    @cached_property
    def n_ratings(self) -> Array:
        return _numbers(self.table["n_ratings"])

    @cached_property
    def movie_ids(self) -> list[Any]:
        return self.table["movie_id"].to_pylist()

    def others(self, items: Iterable[int]) -> Array:
        """Which movies are none of these (n_movies,) bool; data sets list some twice."""
        items = list(items)
        titles = {title for item in items if year_of(title := self.titles[item])}
        others = np.array([title not in titles for title in self.titles], bool)
        others[items] = False
        return others

    def genres(self, item: int) -> list[str]:
        return self.table["genres"][item].as_py()

    @cached_property
    def _genre_codes(self) -> tuple[list[str], Array]:
        """The names of all genres, and for each movie's each genre the place of its name."""
        encoded = self.table["genres"].combine_chunks().flatten().dictionary_encode()
        return encoded.dictionary.to_pylist(), _numbers(encoded.indices)

    def genre_names(self, text: str) -> list[str]:
        """The genres in a text, separated by spaces or commas; a name may have both.

        Raises MovierecError for one that no movie has.
        """
        known = {_fold(name): name for name in self._genre_codes[0] if name}
        names, rest = [], _fold(text).strip(" ,")
        while rest:
            starts = (name for name in known if re.match(rf"{re.escape(name)}(?![^ ,])", rest))
            name = max(starts, key=len, default="")
            if not name:
                raise self._unknown(re.split("[ ,]", rest)[0])
            names.append(known[name])
            rest = rest.removeprefix(name).strip(" ,")
        return names

    def of_genres(self, wanted: Iterable[str]) -> Array:
        """Which movies are of any of these genres (n_movies,) bool."""
        names, of_movies = self._genre_codes
        folded = np.array([_fold(name) for name in names], object)
        for name in wanted:
            if _fold(name) not in folded:
                raise self._unknown(name)
        codes = np.flatnonzero(np.isin(folded, [_fold(name) for name in wanted]))
        is_wanted = np.isin(of_movies, codes)
        lengths = _numbers(self.table["genres"].combine_chunks().value_lengths())
        movies = np.repeat(np.arange(len(self)), lengths)
        return np.bincount(movies[is_wanted], minlength=len(self)) > 0

    def _unknown(self, genre: str) -> MovierecError:
        names = sorted(self._genre_codes[0])
        if not names:
            return MovierecError(f"unknown genre {genre!r}; the movies have no genres")
        more = ", …" if len(names) > MAX_GENRES else ""
        return MovierecError(
            f"unknown genre {genre!r}; choose from {', '.join(names[:MAX_GENRES])}{more}"
        )

    @cached_property
    def years(self) -> tuple[Array, Array]:
        """The year of each movie (n_movies,) int32, and whether it has one (n_movies,) bool."""
        years = _numbers(self.table["year"].fill_null(NO_YEAR))
        return years, years != NO_YEAR


def _fold(genre: str) -> str:
    """Without case and hyphens: "film noir" is Film-Noir."""
    return " ".join(genre.casefold().replace("-", " ").split())


def _numbers(column: pa.Array | pa.ChunkedArray) -> Array:
    """A column without nulls; its own to_numpy would load pandas."""
    return np.from_dlpack(column.combine_chunks() if hasattr(column, "chunks") else column)
