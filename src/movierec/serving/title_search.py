"""Find movies by their titles or parts of them, ignoring case, accents and articles."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from movierec.core.errors import MovierecError
from movierec.core.text import shortened
from movierec.data.titles import display_title
from movierec.serving.title_matching import TitleMatcher
from movierec.serving.title_names import (
    ARTICLES,
    MAX_LETTERS,
    fold,
    join_words,
    names_of,
    spell,
    spell_folded,
    split_year,
    without_articles,
    without_year,
    year_of,
)

N_CANDIDATES, N_CLOSE = 8, 3
MAX_SHOWN = 100  # letters of a query
WITHIN_WORD = re.compile(r"(?<=\w)[^\w\s](?=\w)")  # "Schindler's", "Spider-Man", "Face/Off"
APOSTROPHE = re.compile("['’]")
IS_YEAR = re.compile(r" [0-9]{4} ?")


class Rank(IntEnum):
    """What a query is of a movie, the best first."""

    TITLE = 0
    TITLE_BUT_ARTICLES = 1
    WORDS = 2  # of a title
    BEGINNINGS = 3  # of such words
    YEAR = 4
    OTHER_SPELLING = 5  # of a title, with its year


@dataclass(frozen=True)
class TitleIndex:
    """Titles in order of popularity; a movie's place is its item_index."""

    titles: Sequence[str]

    @cached_property
    def matcher(self) -> TitleMatcher:
        return TitleMatcher(self.titles)

    def search(self, query: str) -> list[int]:
        """Movies whose titles and years have all words of the query, or words that begin so.

        The best rank comes first, and in each rank the most rated. If there are none, those with
        this title in another spelling, such as "Star Wars: A New Hope (1977)". Raises MovierecError
        for an empty query.
        """
        return [item for items in self._by_rank(query).values() for item in items]

    def find(self, query: str) -> int:
        """The movie that a query means: the only one of the best rank.

        Of several with the same title, the most rated. Raises MovierecError with candidates if no
        movie or several match, or if the query has incomplete words, or only a year.
        """
        ranks = self._by_rank(query)
        if not ranks:
            raise MovierecError(self.no_movie(query))
        rank, items = next(iter(ranks.items()))
        if len({self.titles[item] for item in items}) > 1:
            more = ", …" if len(items) > N_CANDIDATES else ""
            raise MovierecError(
                f"{len(items)} movies match {_shown(query)}: {self.quoted(items[:N_CANDIDATES])}"
                f"{more}; give more of the title, or the year"
            )
        if rank in (Rank.BEGINNINGS, Rank.YEAR):  # "Brave" is not "Braveheart"
            raise MovierecError(self._did_you_mean(query, items[:1]))
        return items[0]

    def no_movie(self, query: str) -> str:
        """A line for a query that matches nothing: what it may mean, or which years there are."""
        if close := self.close(query):
            return self._did_you_mean(query, close)
        years = [year for year in self._years if year]
        if not years:
            return f"no movie called {_shown(query)} in these data"
        _, year = split_year(query)
        if year and year > max(years):
            return f"{_shown(query)} is not in these data, which end in {max(years)}"
        if year and year < min(years):
            return f"{_shown(query)} is not in these data, which begin in {min(years)}"
        return f"no movie called {_shown(query)}; these data end in {max(years)}"

    def close(self, query: str) -> list[int]:
        """The few movies that may be meant by a query that matches nothing, the nearest first.

        They have its title or subtitle, or nearly its spelling. If it has a year, theirs differs by
        one at most; but not if they have its title, and its year is not after the data's last.
        """
        name, year = split_year(query[:MAX_LETTERS].replace("\n", " "))
        items = self.matcher.same_title(name)
        if items and (year is None or year <= max(filter(None, self._years), default=year)):
            return items[:N_CLOSE]
        items = items or self.matcher.typos.find(fold(name))
        near = [i for i in items if year is None or abs((self._years[i] or year) - year) <= 1]
        return near[:N_CLOSE]

    def quoted(self, items: Iterable[int], between: str = ", ") -> str:
        """The titles of movies as people write them, for a sentence."""
        return between.join(f'"{display_title(self.titles[item])}"' for item in items)

    def _did_you_mean(self, query: str, items: Sequence[int]) -> str:
        titles = self.quoted(items, " or ")
        return f"no movie called {_shown(query)}; did you mean {titles}?"

    @cached_property
    def _years(self) -> list[int | None]:
        return [year_of(title) for title in self.titles]

    @cached_property
    def _words(self) -> list[str]:
        """The folded words of each title, without its year, each between spaces.

        Those of "Spider-Man" are written apart and together, and numbers also as digits.
        """
        names = [without_year(title).replace("\n", " ") for title in self.titles]
        lines = fold("\n".join(names)).split("\n")
        places = [place for place, name in enumerate(names) if WITHIN_WORD.search(name)]
        for between in (" ", ""):
            others = "\n".join(WITHIN_WORD.sub(between, names[place]) for place in places)
            for place, line in zip(places, fold(others).split("\n"), strict=False):
                lines[place] += f" {line}"
        spelled = map(spell_folded, lines)
        return [
            f" {line} " if line == other else f" {line} {other} "
            for line, other in zip(lines, spelled, strict=True)
        ]

    def _by_rank(self, query: str) -> dict[Rank, list[int]]:
        """The movies that match, the most rated first in each rank; raises for an empty query."""
        query = query.replace("\n", " ").strip()[:MAX_LETTERS]
        if not query:
            raise MovierecError("no title given; give words of one")
        ranks = self._containing(query)
        ranks |= self._of_title(query, [i for i, rank in ranks.items() if rank != Rank.BEGINNINGS])
        if not ranks:
            ranks = dict.fromkeys(self.matcher.match([query]).items, Rank.OTHER_SPELLING)
        by_rank: dict[Rank, list[int]] = defaultdict(list)
        for item in sorted(ranks, key=lambda item: (ranks[item], item)):
            by_rank[ranks[item]].append(item)
        return by_rank

    def _containing(self, query: str) -> dict[int, Rank]:
        """The movies whose titles have all words of a query, or words that begin with them."""
        if not fold(query):  # such as "$"
            text = query.casefold()
            found = (item for item, title in enumerate(self.titles) if text in title.casefold())
            return dict.fromkeys(found, Rank.WORDS)
        ranks: dict[int, Rank] = {}
        for words in _wordings(query):
            items = self._having(words, range(len(self.titles)))
            complete = self._having([f"{word.rstrip()} " for word in words], items)
            for item in items:
                is_year = not any(word in self._words[item] for word in words)
                rank = Rank.YEAR if is_year else Rank.BEGINNINGS
                ranks[item] = min(rank, ranks.get(item, rank))
            ranks |= {item: Rank.WORDS for item in complete if ranks[item] != Rank.YEAR}
        return ranks

    def _having(self, words: Sequence[str], items: Sequence[int]) -> Sequence[int]:
        """The items that have all these words, of a title or a year."""
        for word in words:
            year = int(word) if IS_YEAR.fullmatch(word) else -1
            items = [i for i in items if word in self._words[i] or self._years[i] == year]
        return items

    def _of_title(self, query: str, items: Sequence[int]) -> dict[int, Rank]:
        """The ranks of the items that have the query as a title, with its year or without."""
        name, year = split_year(query)
        [asked, undated] = _keys([query, name])
        names = [
            (item, text.replace("\n", " "))
            for item in items
            for kind, text in names_of(self.titles[item])
            if kind.is_full
        ]
        ranks: dict[int, Rank] = {}
        for (item, _), keys in zip(names, _keys([text for _, text in names]), strict=True):
            for wanted in (asked, undated) if self._years[item] == year else (asked,):
                is_same, but_articles = (
                    key == other for key, other in zip(keys, wanted, strict=True)
                )
                if but_articles or is_same:
                    rank = Rank.TITLE if is_same else Rank.TITLE_BUT_ARTICLES
                    ranks[item] = min(rank, ranks.get(item, rank))
        return ranks


def _keys(names: Sequence[str]) -> list[tuple[str, str]]:
    """What is the same for the same name in any spelling; that but for articles."""
    spelled = spell("\n".join(names))
    with_articles = join_words(spelled).split("\n")
    without = join_words(without_articles(spelled)).split("\n")
    return [
        (one or name.strip(), other or name.strip())
        for name, one, other in zip(names, with_articles, without, strict=False)
    ]


def _wordings(query: str) -> list[list[str]]:
    """The words of a query without articles, each after a space: as they are, and spelled.

    One that must be complete has a space on both sides: a spelled number, because "ten" does not
    begin "101", and the "L" of "L'Enfer", which MovieLens writes "Enfer, L'".
    """
    wordings = []
    apart, together = APOSTROPHE.sub(" ", query), WITHIN_WORD.sub("", query)
    for text in (query, apart, together):
        folded = fold(text)
        for line in (folded, spell_folded(folded)):
            words = [word for word in line.split() if word not in ARTICLES] or line.split()
            wording = [
                f" {word} "
                if (line != folded and word.isdecimal()) or (text != query and len(word) < 3)
                else f" {word}"
                for word in words
            ]
            if wording and wording not in wordings:
                wordings.append(wording)
    return wordings


def _shown(query: str) -> str:
    return f'"{shortened(" ".join(query.split()), MAX_SHOWN)}"'
