"""The movies of the index as people see them, read without pandas, which is slow to load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from movierec.core.errors import MovierecError
from movierec.core.paths import INDEX
from movierec.serving.title_search import TitleIndex

if TYPE_CHECKING:
    from movierec.core.array_files import Array


@dataclass(frozen=True)
class Catalogue:
    """Row number of the table = item_index."""

    table: pa.Table

    @classmethod
    def read(cls, folder: Path = INDEX) -> Catalogue:
        path = folder / "items.parquet"
        try:
            with pq.ParquetFile(path) as file:  # read_table would load pandas
                return cls(file.read())
        except FileNotFoundError:
            raise MovierecError(f"{path}: no such file; run dvc repro") from None
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise MovierecError(f"{path}: {reason}; restore it with dvc checkout --force") from None

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def titles(self) -> list[str]:
        return self.table["title"].to_pylist()

    @cached_property
    def catalogue(self) -> TitleIndex:
        return TitleIndex(self.titles)

    @cached_property
    def n_ratings(self) -> Array:
        return _numbers(self.table["n_ratings"])

    @cached_property
    def movie_ids(self) -> list[Any]:
        return self.table["movie_id"].to_pylist()

    def genres(self, item: int) -> list[str]:
        return self.table["genres"][item].as_py()

    @cached_property
    def _genres(self) -> tuple[list[str], Array, Array]:
        """The names of all genres; of each movie's each genre the number of its name, the movie."""
        lists = self.table["genres"].combine_chunks()
        encoded = lists.flatten().dictionary_encode()
        films = np.repeat(np.arange(len(self)), _numbers(lists.value_lengths()))
        return encoded.dictionary.to_pylist(), _numbers(encoded.indices), films

    def of_genres(self, wanted: Iterable[str]) -> Array:
        """Which movies are of any of these genres (n_films,) bool."""
        names, numbers, films = self._genres
        known = {name.casefold(): number for number, name in enumerate(names)}
        for name in wanted:
            if name.casefold() not in known:
                raise MovierecError(f"no genre {name!r}; there are {', '.join(sorted(names))}")
        found = np.zeros(len(self), bool)
        found[films[np.isin(numbers, [known[name.casefold()] for name in wanted])]] = True
        return found

    def chosen(
        self,
        min_ratings: int = 0,
        genres: Sequence[str] = (),
        not_genres: Sequence[str] = (),
        from_year: int | None = None,
        to_year: int | None = None,
    ) -> Array:
        """Which movies pass all of these filters (n_films,) bool; one without a year is of none."""
        passed = self.n_ratings >= min_ratings
        if genres:
            passed &= self.of_genres(genres)
        if not_genres:
            passed &= ~self.of_genres(not_genres)
        if from_year is not None or to_year is not None:
            years = np.array([year or -1 for year in self.table["year"].to_pylist()])
            low = 0 if from_year is None else from_year
            high = np.iinfo(np.int32).max if to_year is None else to_year
            passed &= (years >= low) & (years <= high)
        return passed


def _numbers(column: pa.Array | pa.ChunkedArray) -> Array:
    """A column without nulls; its own to_numpy would load pandas."""
    return np.from_dlpack(column.combine_chunks() if hasattr(column, "chunks") else column)
