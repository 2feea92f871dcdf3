"""Finding movies by title: without case and accents, by word; by title and year."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from movierec.core.errors import MovierecError

WORD = re.compile(r"\w+")
YEAR_AT_END = re.compile(r"\s*\((\d{4})[^)]*\)\s*$")
IN_BRACKETS = re.compile(r"\(([^()]*)\)")
ALSO_KNOWN_AS = re.compile(r"^a\.?k\.?a\.?:? ", re.IGNORECASE)
# fmt: off
ARTICLES = frozenset(("the", "a", "an", "le", "la", "les", "l", "el", "los", "las", "il", "lo",
                      "der", "die", "das", "un", "una", "une", "ein", "eine"))
# fmt: on
N_CANDIDATES = 8
MIN_SIMILARITY = 90  # per cent of two titles' letters, from which one may be the other misspelt


def fold(text: str) -> str:
    """Without case, accents and apostrophes."""
    plain = unicodedata.normalize("NFKD", text)
    for mark in {letter for letter in set(plain) if unicodedata.combining(letter)} | {"'", "’"}:
        plain = plain.replace(mark, "")
    return plain.casefold()


def words(title: str) -> list[str]:
    """The words of a title, folded: "Amélie (2001)" → ["amelie", "2001"]."""
    return WORD.findall(fold(title))


def year_of(title: str) -> int | None:
    """The year at a title's end."""
    match = YEAR_AT_END.search(title)
    return int(match[1]) if match else None


def names_of(title: str) -> list[str]:
    """What a movie may be called, folded, without year and article: first its title as it stands,
    then those in brackets, then what precedes a colon."""
    bare = YEAR_AT_END.sub("", title)
    outside = IN_BRACKETS.sub(" ", bare)
    inside = [ALSO_KNOWN_AS.sub("", text) for text in IN_BRACKETS.findall(bare)]
    names = [_name(text) for text in (outside, *inside, outside.partition(":")[0])]
    return [name for name in dict.fromkeys(names) if name]


def name_of(title: str) -> str:
    """The first of names_of; empty if there is none."""
    return next(iter(names_of(title)), "")


def _name(text: str) -> str:
    """ "Matrix, The" and "The Matrix" → "matrix"."""
    name = words(text.replace("&", " and "))
    for end in (0, -1):
        if len(name) > 1 and name[end] in ARTICLES and (end == 0 or "," in text):
            del name[end]
    return " ".join(name)


@dataclass(frozen=True)
class TitleIndex:
    """Titles in order of popularity; a movie's place is its item_index."""

    titles: Sequence[str]

    @cached_property
    def _folded(self) -> list[str]:
        return fold("\n".join(title.replace("\n", " ") for title in self.titles)).split("\n")

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        """The movies that may be called so."""
        places: dict[str, list[int]] = {}
        for item, title in enumerate(self.titles):
            for name in names_of(title):
                places.setdefault(name, []).append(item)
        return places

    @cached_property
    def _years(self) -> list[int | None]:
        return [year_of(title) for title in self.titles]

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
        """The one movie that is meant: the only match, or the only one with just these words.

        Of several with the very same title it is the most rated. Raises MovierecError with
        candidates where none or several are meant.
        """
        matches, wanted = self.search(query), sorted(words(query))

        def is_exact(title: str) -> bool:
            without_year = YEAR_AT_END.sub("", title)
            return wanted in (sorted(words(title)), sorted(words(without_year)))

        matches = [item for item in matches if is_exact(self.titles[item])] or matches
        if len({self.titles[item] for item in matches}) == 1:
            return matches[0]
        if matches:
            more = ", …" if len(matches) > N_CANDIDATES else ""
            raise MovierecError(
                f"{len(matches)} films match {query!r}: {self._quoted(matches[:N_CANDIDATES])}"
                f"{more}; give more of the title, or its year"
            )
        close = self.similar(query)
        meant = f"did you mean {self._quoted(close)}?" if close else "try movierec search"
        raise MovierecError(f"no film has the title {query!r}; {meant}")

    def match(self, title: str, year: int | None = None) -> int | None:
        """The movie of this title in some other catalogue; None if none or several may be meant.

        The year may be one off. Where no movie is called so, it is one of the same year whose
        title is spelt almost so and has the same numbers.
        """
        year = year or year_of(title)
        name = name_of(title)
        called = self._by_name.get(name, [])
        if year is None:
            return called[0] if len({self.titles[item] for item in called}) == 1 else None
        for distance in (0, 1):
            near = [i for i in called if abs((self._years[i] or 0) - year) == distance]
            exact = [item for item in near if name_of(self.titles[item]) == name]
            if near:
                return (exact or near)[0]
        return self._misspelt(name, year) if name else None

    def _misspelt(self, name: str, year: int) -> int | None:
        from rapidfuzz import fuzz, process

        numbers = re.findall(r"\d+", name)
        of_year = {i: name_of(self.titles[i]) for i, its in enumerate(self._years) if its == year}
        near = {i: text for i, text in of_year.items() if re.findall(r"\d+", text) == numbers}
        best = process.extractOne(name, near, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY)
        return best[2] if best else None

    def similar(self, query: str) -> list[int]:
        """Movies whose titles are spelt much like the query, nearest first."""
        from rapidfuzz import fuzz, process

        names = [" ".join(WORD.findall(YEAR_AT_END.sub("", text))) for text in self._folded]
        matches = process.extract(
            " ".join(words(query)), names, scorer=fuzz.ratio, limit=4, score_cutoff=60
        )
        return [item for _, _, item in matches]

    def _quoted(self, items: list[int]) -> str:
        return ", ".join(f'"{self.titles[item]}"' for item in items)
