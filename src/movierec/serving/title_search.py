"""Find movies by the words of their titles, or by title and year, ignoring case and accents."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from movierec.core.errors import MovierecError
from movierec.data.titles import display_title

WORD = re.compile(r"\w+")
YEAR_AT_END = re.compile(r"\s*\((\d{4})[^)]*\)\s*$")
IN_BRACKETS = re.compile(r"\(([^()]*)\)")
ALSO_KNOWN_AS = re.compile(r"^a\.?k\.?a\.?:? ", re.IGNORECASE)
# fmt: off
ARTICLES = frozenset(("the", "a", "an", "le", "la", "les", "l", "el", "los", "las", "il", "lo",
                      "der", "die", "das", "un", "una", "une", "ein", "eine"))
# fmt: on
N_CANDIDATES = 8
MIN_SIMILARITY = 90  # of rapidfuzz' ratio, in per cent: one title may be the other, misspelled
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


def year_of(title: str) -> int | None:
    """The year at a title's end."""
    match = YEAR_AT_END.search(title)
    return int(match[1]) if match else None


def names_of(title: str) -> list[str]:
    """Names of a movie, folded, without year and article: its title, then its alternative titles
    in parentheses, then what precedes a colon."""
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
    name = words(display_title(text.strip()).replace("&", " and "))
    return " ".join(name[1:] if len(name) > 1 and name[0] in ARTICLES else name)


@dataclass(frozen=True)
class TitleIndex:
    """Titles in order of popularity; a movie's place is its item_index."""

    titles: Sequence[str]

    @cached_property
    def _folded(self) -> list[str]:
        return fold("\n".join(title.replace("\n", " ") for title in self.titles)).split("\n")

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        """The items that have each name."""
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
        """The item that a query means: the only match, or the only one with exactly these words.

        Of several with the same title, the most rated. Raises MovierecError with candidates if no
        movie or several match.
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
                f"{len(matches)} movies match {query!r}: {self._quoted(matches[:N_CANDIDATES])}"
                f"{more}; give more of the title, or the year"
            )
        if close := self.similar(query):
            meant = f"did you mean {self._quoted(close)}?"
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
        years = [year for year in self._years if year]
        span = f" from {min(years)} to {max(years)}" if years else ""
        return MovierecError(f"{text}; the data set has {len(self.titles):,} movies{span}")

    def match(self, title: str, year: int | None = None) -> int | None:
        """The item with a title from another catalogue; None if no movie or several match.

        A year may differ by one. If no movie has this name, one of the same year may match whose
        title has the same numbers and almost the same spelling.
        """
        year = year or year_of(title)
        name = name_of(title)
        called = self._by_name.get(name, [])
        if year is None:
            named = self._named(title)
            return named[0] if len({self.titles[item] for item in named}) == 1 else None
        for distance in (0, 1):
            near = [i for i in called if abs((self._years[i] or 0) - year) == distance]
            exact = [item for item in near if name_of(self.titles[item]) == name]
            if near:
                return (exact or near)[0]
        return self._misspelled(name, year) if name else None

    def is_ambiguous(self, title: str, year: int | None = None) -> bool:
        """Whether `match` needs the year, because several movies have this title."""
        named = self._named(title)
        return not (year or year_of(title)) and len({self.titles[item] for item in named}) > 1

    def _named(self, title: str) -> list[int]:
        """The items with this name as their title; if there are none, as another of their names."""
        name = name_of(title)
        called = self._by_name.get(name, [])
        return [item for item in called if name_of(self.titles[item]) == name] or called

    def _misspelled(self, name: str, year: int) -> int | None:
        from rapidfuzz import fuzz, process

        numbers = re.findall(r"\d+", name)
        of_year = {i: name_of(self.titles[i]) for i, its in enumerate(self._years) if its == year}
        near = {i: text for i, text in of_year.items() if re.findall(r"\d+", text) == numbers}
        best = process.extractOne(name, near, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY)
        return best[2] if best else None

    def similar(self, query: str) -> list[int]:
        """Movies whose titles are spelled similarly to the query, the most similar first."""
        from rapidfuzz import fuzz, process

        names = [" ".join(WORD.findall(YEAR_AT_END.sub("", text))) for text in self._folded]
        matches = process.extract(
            " ".join(words(query)), names, scorer=fuzz.ratio, limit=4, score_cutoff=60
        )
        return [item for _, _, item in matches]

    def _quoted(self, items: list[int]) -> str:
        return ", ".join(f'"{display_title(self.titles[item])}"' for item in items)
