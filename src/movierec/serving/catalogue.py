"""The movies of the data set, read without pandas, which is slow to load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from movierec.serving.title_search import TitleIndex

if TYPE_CHECKING:
    from movierec.core.array_files import Array


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

    def genres(self, item: int) -> list[str]:
        return self.table["genres"][item].as_py()

    def of_genres(self, wanted: Iterable[str]) -> Array:
        """Which movies are of any of these genres (n_movies,) bool."""
        lists = self.table["genres"].combine_chunks()
        encoded = lists.flatten().dictionary_encode()
        names = encoded.dictionary.to_pylist()
        codes = {name.casefold(): code for code, name in enumerate(names)}
        for name in wanted:
            if name.casefold() not in codes:
                raise MovierecError(
                    f"unknown genre {name!r}; choose from {', '.join(sorted(names))}"
                )
        is_wanted = np.isin(_numbers(encoded.indices), [codes[name.casefold()] for name in wanted])
        movies = np.repeat(np.arange(len(self)), _numbers(lists.value_lengths()))
        return np.bincount(movies[is_wanted], minlength=len(self)) > 0

    def passing(
        self,
        min_ratings: int = 0,
        genres: Sequence[str] = (),
        not_genres: Sequence[str] = (),
        from_year: int | None = None,
        to_year: int | None = None,
    ) -> Array:
        """Which movies pass all of these filters (n_movies,) bool; a filter by year excludes
        movies without one."""
        passed = self.n_ratings >= min_ratings
        if genres:
            passed &= self.of_genres(genres)
        if not_genres:
            passed &= ~self.of_genres(not_genres)
        if from_year is not None or to_year is not None:
            years = _numbers(self.table["year"].fill_null(-1))
            last = years.max(initial=0) if to_year is None else to_year
            passed &= (years >= (from_year or 0)) & (years <= last)
        return passed


def _numbers(column: pa.Array | pa.ChunkedArray) -> Array:
    """A column without nulls; its own to_numpy would load pandas."""
    return np.from_dlpack(column.combine_chunks() if hasattr(column, "chunks") else column)
