"""Find movies by the words of their titles, ignoring case and accents."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from movierec.core.errors import MovierecError
from movierec.data.titles import display_title
from movierec.serving.title_matching import TitleMatcher
from movierec.serving.title_names import without_year, year_of

WORD = re.compile(r"\w+")
N_CANDIDATES = 8
ELISION = re.compile(r"\bl['’]\s*", re.IGNORECASE)  # "L'Enfer" has the words of "Enfer, L'"


def fold(text: str) -> str:
    """Without case, accents and apostrophes."""
    plain = unicodedata.normalize("NFKD", ELISION.sub("l ", text))
    for mark in {letter for letter in set(plain) if unicodedata.combining(letter)} | {"'", "’"}:
        plain = plain.replace(mark, "")
    return plain.casefold()


def words(title: str) -> list[str]:
    """The folded words of a title: "Amélie (2001)" → ["amelie", "2001"]."""
    return WORD.findall(fold(title))


@dataclass(frozen=True)
class TitleIndex:
    """Titles in order of popularity; a movie's place is its item_index."""

    titles: Sequence[str]

    @cached_property
    def _folded(self) -> list[str]:
        return fold("\n".join(title.replace("\n", " ") for title in self.titles)).split("\n")

    @cached_property
    def matcher(self) -> TitleMatcher:
        return TitleMatcher(self.titles)

    def search(self, query: str) -> list[int]:
        """Movies whose titles contain all words of the query, the most rated first."""
        wanted = set(words(query))
        if not wanted:
            return []
        matches: Sequence[int] = range(len(self.titles))
        for word in wanted:  # as a substring first: splitting all titles is slow
            matches = [item for item in matches if word in self._folded[item]]
        return [item for item in matches if wanted <= set(words(self.titles[item]))]

    def find(self, query: str) -> int:
        """The item that a query means: the only match, or the only one with exactly these words.

        Of several with the same title, the most rated. Raises MovierecError with candidates if no
        movie or several match.
        """
        matches, wanted = self.search(query), sorted(words(query))
        if not matches and (match := self.matcher.match([query])).item is not None:
            return match.item

        def is_exact(title: str) -> bool:
            return wanted in (sorted(words(title)), sorted(words(without_year(title))))

        matches = [item for item in matches if is_exact(self.titles[item])] or matches
        if len({self.titles[item] for item in matches}) == 1:
            return matches[0]
        if matches:
            more = ", …" if len(matches) > N_CANDIDATES else ""
            raise MovierecError(
                f"{len(matches)} movies match {query!r}: {self.quoted(matches[:N_CANDIDATES])}"
                f"{more}; give more of the title, or the year"
            )
        if close := self.similar(query):
            meant = f"did you mean {self.quoted(close)}?"
            raise MovierecError(f"no movie title matches {query!r}; {meant}")
        raise self.no_match(query)

    def no_match(self, query: str) -> MovierecError:
        """The error for a query that matches nothing: the words to leave out, or what there is."""
        text = f"no movie title matches {query!r}"
        wanted = list(dict.fromkeys(words(query)))
        if not wanted:
            return MovierecError(f"{text}; give words of a title")
        absent = [word for word in wanted if not self.search(word)]
        if not absent:
            return MovierecError(f"{text}; no title has all of its words, so give fewer")
        if len(absent) < len(wanted):
            return MovierecError(f"{text}; leave out {', '.join(map(repr, absent))}")
        years = [year for title in self.titles if (year := year_of(title))]
        span = f" from {min(years)} to {max(years)}" if years else ""
        return MovierecError(f"{text}; the data set has {len(self.titles):,} movies{span}")

    def similar(self, query: str) -> list[int]:
        """Movies whose titles are spelled similarly to the query, the most similar first."""
        from rapidfuzz import fuzz, process

        names = [" ".join(WORD.findall(without_year(text))) for text in self._folded]
        matches = process.extract(
            " ".join(words(query)), names, scorer=fuzz.ratio, limit=4, score_cutoff=60
        )
        return [item for _, _, item in matches]

    def quoted(self, items: Iterable[int]) -> str:
        """The titles of movies as people write them, for a sentence."""
        return ", ".join(f'"{display_title(self.titles[item])}"' for item in items)
