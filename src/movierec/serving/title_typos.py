"""Find movies by misspelled titles: few that are really close, rather none than a wrong one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from movierec.serving.title_names import ARTICLES, ROMAN, Name, spell_folded, without_articles

# A typo is a letter that is wrong, missing, added or exchanged with the next. From so many letters
# on, one, two and three are allowed; tests/pipeline/test_title_search.py counts what this finds.
LETTERS_FOR_TYPOS = (5, 8, 14)
MAX_TYPOS_IN_WORD = 2
MIN_LETTERS_ALONE = 8  # of the only word of a query, if it is one of several in the title


@dataclass(frozen=True)
class Typos:
    """The full names of movies, in order of popularity."""

    names: Sequence[Name]

    def find(self, folded: str) -> list[int]:
        """Movies with nearly this name; if there are none, those with all its words but one, and
        nearly that one. The nearest come first, then the most rated."""
        distances = self._by_name(folded) or self._by_words(folded)
        return sorted(distances, key=lambda item: (distances[item], item))

    def _by_name(self, folded: str) -> dict[int, int]:
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        distances: dict[int, int] = {}
        n_letters, numbers = _n_letters(without_articles(folded)), _numbers(folded)
        for asked in _with_fewer_articles(folded):
            matches = process.extract(
                asked.replace(" ", ""),
                self._joined,
                scorer=OSA.distance,
                score_cutoff=_max_typos(n_letters),
                limit=None,
            )
            for _, distance, place in matches:
                item, name = self._spellings[place]
                n_common = min(n_letters, _n_letters(without_articles(name)))
                if (
                    distance <= _max_typos(n_common)
                    and _numbers(name) == numbers  # "Toy Story 3" is not "Toy Story 2"
                    and _are_close(asked.split(), name.split(), distance)
                ):
                    distances[item] = min(distance, distances.get(item, distance))
        return distances

    def _by_words(self, folded: str) -> dict[int, int]:
        words = [word for word in spell_folded(folded).split() if word not in ARTICLES]
        by_word = [self._near_word(word) for word in words]
        items = set(by_word[0]).intersection(*by_word[1:]) if by_word else ()
        typos = {item: [distances[item] for distances in by_word] for item in items}
        near = {item: sum(n) for item, n in typos.items() if sum(map(bool, n)) == 1}
        closest = min(near.values(), default=0)
        if len(words) == 1 and (closest > 1 or len(words[0]) < MIN_LETTERS_ALONE):
            return {}
        return {item: distance for item, distance in near.items() if distance == closest}

    def _near_word(self, word: str) -> dict[int, int]:
        """The movies with nearly this word in a name, and how many typos it then has."""
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        distances = dict.fromkeys(self._items.get(word, ()), 0)
        max_typos = min(MAX_TYPOS_IN_WORD, _max_typos(len(word)))
        if not max_typos or not word.isalpha():
            return distances
        matches = process.extract(
            word, self._words, scorer=OSA.distance, score_cutoff=max_typos, limit=None
        )
        for other, distance, _ in matches:
            if distance <= _max_typos(len(other)) and other[0] == word[0]:
                for item in self._items[other]:
                    distances[item] = min(distance, distances.get(item, distance))
        return distances

    @cached_property
    def _spellings(self) -> list[tuple[int, str]]:
        """The folded names by item, with their articles and without."""
        bare = without_articles("\n".join(name.folded for name in self.names)).split("\n")
        pairs = zip(self.names, bare, strict=False)  # without names, one line that is empty
        spellings = ((name.item, text) for name, bare in pairs for text in (name.folded, bare))
        return list(dict.fromkeys(spellings))

    @cached_property
    def _joined(self) -> list[str]:
        return [name.replace(" ", "") for _, name in self._spellings]

    @cached_property
    def _items(self) -> dict[str, set[int]]:
        """The movies that have a word in a name, with numbers also as digits."""
        items: dict[str, set[int]] = defaultdict(set)
        for name in self.names:
            for word in f"{name.folded} {name.spelled}".split():
                items[word].add(name.item)
        return items

    @cached_property
    def _words(self) -> list[str]:
        return list(self._items)


def _with_fewer_articles(folded: str) -> Iterable[str]:
    """A name as it is; without articles; and if its first word is nearly "the", without that."""
    from rapidfuzz.distance import OSA

    bare = without_articles(folded)
    first, _, rest = bare.partition(" ")
    is_article = rest and OSA.distance(first, "the") == 1
    return dict.fromkeys((folded, bare, rest) if is_article else (folded, bare))


def _max_typos(n_letters: int) -> int:
    return sum(n_letters >= least for least in LETTERS_FOR_TYPOS)


def _n_letters(name: str) -> int:
    return len(name.replace(" ", ""))


def _numbers(name: str) -> list[str]:
    """The numbers in a folded name as digits, but for 1, which a first part may lack."""
    numbers = (ROMAN.get(word, word) for word in name.split())
    return sorted(number for number in numbers if number.isdecimal() and number != "1")


def _are_close(asked: list[str], name: list[str], distance: int) -> bool:
    """Whether no word has too many typos; if a word is missing or added, one is allowed in all."""
    from rapidfuzz.distance import OSA

    if len(asked) != len(name):
        return distance <= 1
    return all(
        OSA.distance(one, two) <= min(MAX_TYPOS_IN_WORD, 1 + _max_typos(min(len(one), len(two))))
        for one, two in zip(asked, name, strict=True)
    )
