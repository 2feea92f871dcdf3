"""Match titles of other catalogues with the movies of this one: rather none than a wrong one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from movierec.serving.title_names import (
    ARTICLES,
    Kind,
    Name,
    join_words,
    read_names,
    without_articles,
    year_of,
)
from movierec.serving.title_typos import Typos

MIN_LETTERS = 6  # of a word that may be misspelled
N_NEAREST = 3
MIN_SIMILARITY = 75  # of rapidfuzz' ratio, in per cent, to the nearest titles

# How two names agree, the surest first.
SAME, ALTERNATIVE, BUT_ARTICLE, PART = range(4)


@dataclass(frozen=True)
class Match:
    """Which movies a title may mean, the most rated first, and what does not agree.

    item: the one that it means; None if there is none, or if several titles match equally well.
    namesakes: further movies that have one of its names, and its year if that is known.
    """

    items: tuple[int, ...] = ()
    item: int | None = None
    difference: str = ""  # "year", "part" or "spelling"
    namesakes: tuple[int, ...] = ()


@dataclass(frozen=True)
class TitleMatcher:
    """Titles in order of popularity; a movie's place is its item_index."""

    titles: Sequence[str]

    @cached_property
    def _years(self) -> list[int | None]:
        return [year_of(title) for title in self.titles]

    @cached_property
    def _all_names(self) -> list[Name]:
        return read_names(self.titles)

    @cached_property
    def _names(self) -> dict[str, list[Name]]:
        """The names that have the same words, but for articles."""
        names = self._all_names
        places: dict[str, list[Name]] = {}
        for name, key in zip(names, _keys(name.spelled for name in names), strict=True):
            places.setdefault(key, []).append(name)
        return places

    @cached_property
    def typos(self) -> Typos:
        return Typos([name for name in self._all_names if name.kind.is_full])

    def match(self, titles: Iterable[str], year: int | None = None) -> Match:
        """The movie with any of these titles, which are those of one movie.

        With a year, a part of a title is enough, or a year that differs by one, or a small mistake
        in a long word; without one, the full title is needed, and no other movie may have it.
        """
        titles = tuple(titles)
        year = year or next(filter(None, map(year_of, titles)), None)
        asked = read_names(titles)
        agreeing = self._agreeing(asked)
        if year is None:
            return self._best({item: how for item, how in agreeing.items() if how < PART})
        years = self._years
        in_year = {item: how for item, how in agreeing.items() if years[item] == year}
        if in_year:
            return self._best(in_year)
        undated = {i: how for i, how in agreeing.items() if years[i] is None and how < PART}
        if undated:
            return self._best(undated)
        near = {
            item: how
            for item, how in agreeing.items()
            if how <= ALTERNATIVE and abs((years[item] or 0) - year) == 1
        }
        if near:
            return self._best(near, "year")
        return self._best(dict.fromkeys(self._misspelled(asked, year), SAME), "spelling")

    def same_title(self, title: str) -> list[int]:
        """Movies of any year with this title, then those with its subtitle.

        What is before the subtitle does not count: "Star Wars: The Force Awakens" isn't Star Wars.
        """
        agreeing = self._agreeing([name for name in read_names([title]) if name.kind != Kind.START])
        return sorted(agreeing, key=lambda item: (agreeing[item], item))

    def nearest(self, titles: Iterable[str], year: int | None = None) -> list[int]:
        """Movies with nearly such a title, the nearest first; none of them need be meant."""
        from rapidfuzz import fuzz, process

        titles = tuple(titles)
        year = year or next(filter(None, map(year_of, titles)), None)
        asked = read_names(titles)
        named = {
            other.item: abs((self._years[other.item] or 0) - (year or 0))
            for key in _keys(name.spelled for name in asked)
            for other in self._names.get(key, ())
        }
        found = sorted(named, key=named.__getitem__)
        full = [name for name in asked if name.kind.is_full]
        if year is None:
            found += [item for name in full for item in self.typos.find(name.folded)]
            return list(dict.fromkeys(found))[:N_NEAREST]
        near: dict[int, str] = {}
        for one in (year, year - 1, year + 1):
            near |= self._spelled_of_year.get(one, {})
        # The second because "Frankenstein" is in "Mary Shelley's …".
        scorers = ((fuzz.ratio, MIN_SIMILARITY), (fuzz.token_set_ratio, 100))
        for name in full:
            for scorer, least in scorers:
                matches = process.extract(
                    name.spelled, near, scorer=scorer, limit=N_NEAREST, score_cutoff=least
                )
                found += [item for _, _, item in matches]
        return list(dict.fromkeys(found))[:N_NEAREST]

    def _agreeing(self, asked: list[Name]) -> dict[int, int]:
        """The items that agree with any of these names, and how."""
        agreeing: dict[int, int] = {}
        for name, key in zip(asked, _keys(name.spelled for name in asked), strict=True):
            for other in self._names.get(key, ()):
                how = self._agreement(name, other)
                if how is not None:
                    agreeing[other.item] = min(how, agreeing.get(other.item, how))
        return agreeing

    def _agreement(self, name: Name, other: Name) -> int | None:
        """How a name agrees with another that has the same words but for articles."""
        if name.kind.is_full and other.kind.is_full:
            if join_words(name.spelled) == join_words(other.spelled):
                return SAME if name.kind == other.kind == Kind.TITLE else ALTERNATIVE
            first = {name.spelled.partition(" ")[0], other.spelled.partition(" ")[0]}
            is_other = len(first.intersection(ARTICLES)) > 1  # "A Wife" is not "The Wife"
            return None if is_other else BUT_ARTICLE
        if name.kind.is_full or other.kind.is_full:
            return None if other.kind == Kind.START and not self._is_first(other) else PART
        starts = sorted((f"{name.start} ", f"{other.start} "), key=len)
        is_same = starts[0] > " " and starts[1].startswith(starts[0])
        return PART if is_same else None  # "Star Trek II: …" is "Star Trek: …"

    def _is_first(self, start: Name) -> bool:
        """Whether no earlier movie is called so: "Star Wars" is the first of them."""
        [key] = _keys([start.spelled])
        others = self._names[key]
        years = [self._years[name.item] or 0 for name in others if name.kind != Kind.SUBTITLE]
        return min(years) == (self._years[start.item] or 0)

    def _best(self, agreeing: Mapping[int, int], difference: str = "") -> Match:
        if not agreeing:
            return Match()
        best = min(agreeing.values())
        items = tuple(sorted(item for item, how in agreeing.items() if how == best))
        is_one = len({self.titles[item] for item in items}) == 1
        said = difference or ("part" if best == PART else "")
        others = tuple(item for item, how in agreeing.items() if best < how < PART)
        return Match(items, items[0] if is_one else None, said if is_one else "", others)

    @cached_property
    def _spelled_of_year(self) -> dict[int | None, dict[int, str]]:
        """The titles of each year by item."""
        titles: dict[int | None, dict[int, str]] = defaultdict(dict)
        for name in self._all_names:
            if name.kind == Kind.TITLE:
                titles[self._years[name.item]][name.item] = name.spelled
        return titles

    def _misspelled(self, asked: list[Name], year: int) -> set[int]:
        """Items of a year whose title has a letter more, less or elsewhere within a long word."""
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        titles = self._spelled_of_year.get(year, {})
        return {
            item
            for name in asked
            if name.kind == Kind.TITLE
            for spelled, _, item in process.extract(
                name.spelled, titles, scorer=OSA.distance, score_cutoff=1, limit=None
            )
            if _is_misspelling(name.spelled, spelled)
        }


def _keys(spelled: Iterable[str]) -> list[str]:
    """What names of the same words, but for articles, have in common."""
    text = "\n".join(spelled)
    return join_words(without_articles(text)).split("\n") if text else []


def _is_misspelling(title: str, other: str) -> bool:
    """Whether two spelled titles are the same but for letters inside one long word."""
    pairs = list(zip(title.split(), other.split(), strict=False))
    unequal = [(one, two) for one, two in pairs if one != two]
    if len(title.split()) != len(other.split()) or len(unequal) != 1:
        return False
    [(one, two)] = unequal
    is_inside = one[0] == two[0] and one[-1] == two[-1]
    is_replaced = len(one) == len(two) and sorted(one) != sorted(two)
    return min(len(one), len(two)) >= MIN_LETTERS and is_inside and not is_replaced
