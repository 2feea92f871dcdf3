"""Finding movies by title: without case and accents, by word."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from movierec.errors import MovierecError

WORD = re.compile(r"\w+")
YEAR_AT_END = re.compile(r"\s*\(\d{4}[^)]*\)\s*$")
N_CANDIDATES = 8


def words(title: str) -> list[str]:
    """The words of a title, folded: "Amélie (2001)" → ["amelie", "2001"]."""
    plain = unicodedata.normalize("NFKD", title.replace("'", "").replace("’", ""))
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return WORD.findall(kept.casefold())


@dataclass(frozen=True)
class Catalogue:
    """Titles in order of popularity; a movie's place is its item_index."""

    titles: Sequence[str]

    def search(self, query: str) -> list[int]:
        """Movies whose titles hold all words of the query, the most rated first."""
        wanted = set(words(query))
        if not wanted:
            return []
        return [item for item, title in enumerate(self.titles) if wanted <= set(words(title))]

    def find(self, query: str) -> int:
        """The one movie that is meant: the only match, or the only one with just these words.

        Of several with the very same title it is the most rated. Raises MovierecError with
        candidates where none or several are meant.
        """
        matches = self.search(query)
        wanted = sorted(words(query))
        exact = [
            item
            for item in matches
            if wanted in (sorted(words(self.titles[item])), self._without_year(item))
        ]
        several = exact or matches
        if len({self.titles[item] for item in several}) == 1:
            return several[0]
        if several:
            more = ", …" if len(several) > N_CANDIDATES else ""
            raise MovierecError(
                f"{len(several)} films match {query!r}: {self._quoted(several[:N_CANDIDATES])}"
                f"{more}; give more of the title, or its year"
            )
        close = self.similar(query)
        meant = f"did you mean {self._quoted(close)}?" if close else "try movierec search"
        raise MovierecError(f"no film has the title {query!r}; {meant}")

    def similar(self, query: str) -> list[int]:
        """Movies whose titles are spelt much like the query, nearest first."""
        from rapidfuzz import fuzz, process

        folded = {
            item: " ".join(words(YEAR_AT_END.sub("", title)))
            for item, title in enumerate(self.titles)
        }
        found = process.extract(
            " ".join(words(query)), folded, scorer=fuzz.ratio, limit=4, score_cutoff=60
        )
        return [item for _, _, item in found]

    def _without_year(self, item: int) -> list[str]:
        return sorted(words(YEAR_AT_END.sub("", self.titles[item])))

    def _quoted(self, items: list[int]) -> str:
        return ", ".join(f'"{self.titles[item]}"' for item in items)
