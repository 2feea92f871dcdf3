"""Names of a movie, spelled the same way whatever catalogue its title is from.

Many are spelled at once, one a line: each step is then one pass over the whole text.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import islice
from typing import NamedTuple

from movierec.data.titles import display_title

YEAR_AT_END = re.compile(r"[(\[](\d{4})[^()]*[)\]]\s*(?:\((?:V|TV|VG|I+)\)\s*)?$")
BARE_YEAR = re.compile(r"(?<=\s)((?:18|19|20)\d\d)\s*$")
IN_BRACKETS = re.compile(r"\(([^()]*)\)")
BETWEEN_NAMES = re.compile(r"\s+/\s+|,?\s*\ba\.?k\.?a\.?:?\s+", re.IGNORECASE)
# A colon or a dash before a subtitle; not in "3:10 to Yuma" or "Spider-Man".
BEFORE_SUBTITLE = re.compile(r"[:\-–—](?:(?<=[^\d]:)|(?<=:)(?!\d)|(?<=\s[-–—])(?=\s))\s*")
# "William Shakespeare's Romeo and Juliet", but not "It's a Wonderful Life"
AUTHOR = re.compile(
    r"(?!(?:It|That|What|Who|Let|There|Here|He|She)['’])"
    r"(?:[A-Z][\w.]*\s+){0,2}[A-Z]\w*['’]s?\s+"
)
OR_AT_END = re.compile(r",?\s+or\s*$", re.IGNORECASE)  # "Dr. Strangelove or: How I Learned …"
# A subtitle that only numbers the movie, but for the first of its kind: "Part II", "Vol. 2"
SEQUEL = re.compile(
    r"(?:(?:part|pt|vol|volume|chapter|book)\b\W*)?(?!(?:one|1|i)\b)"
    r"(?:\d+|[ivx]+|two|three|four|five|six|seven|eight|nine|ten|deux)\b",
    re.IGNORECASE,
)

LETTERS = {"ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L"}
LETTERS |= {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ı": "i"}
LETTERS |= {"&": " and ", "+": " and "} | dict.fromkeys("'’‘ʼ′`´", "")
FRACTION = re.compile("[¼-¾⅐-⅞]")  # "8½" is "8 1/2"
INITIALS = re.compile(
    r"[.*](?<=\b[^\W\d_][.*]) ?(?=[^\W\d_]\b)"
)  # "L.A." is "LA", "M*A*S*H" "MASH"
THOUSANDS = re.compile(r",(?<=\d,)(?=\d{3}\b)")
NO_WORD = re.compile(r"[^\w\n]+|_")
BETWEEN_NUMBERS = re.compile(r" (?<=\d )(?=\d)")
ARTICLES = ("the", "a", "an")

# fmt: off
UNITS = {word: value for value, word in enumerate((
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
))}
TENS = {word: 10 * value for value, word in enumerate((
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
), 2)}
# fmt: on
DIGITS = range(1, 10)
ROMAN = {
    tens + ones: str(10 * n_tens + n_ones)
    for n_tens, tens in enumerate(("", "x", "xx", "xxx"))
    for n_ones, ones in enumerate(("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"))
    if tens + ones
}
# fmt: off
SPELLINGS = ROMAN | {
    "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th",
    "sixth": "6th", "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th",
    "thirteenth": "13th", "se7en": "7", "thir13en": "13", "doctor": "dr", "mister": "mr",
    "versus": "vs", "theatre": "theater", "grey": "gray", "colour": "color", "colours": "colors",
    "sergeant": "sgt", "boulevard": "blvd", "saint": "st", "mount": "mt",
}
PARTS = frozenset(("part", "pt", "vol", "volume", "chapter", "episode"))
# Subtitles of these words only belong to many movies: "The Movie", "Director's Cut".
NO_NAME = PARTS | frozenset((
    "the", "a", "an", "of", "and", "movie", "film", "motion", "picture", "series", "special",
    "edition", "cut", "directors", "extended", "uncut", "original", "unrated", "version",
    "beginning", "end", "final", "last", "next", "new", "true", "story", "musical", "documentary",
    "short", "book", "saga", "trilogy", "collection", "complete", "1st", "2nd", "3rd",
))
# fmt: on
COUNTED = UNITS.keys() | TENS.keys() | SPELLINGS.keys() | PARTS


MAX_LETTERS = 500  # of a title, and
MAX_SUBTITLES = 4  # that count: more would take long


class Kind(IntEnum):
    """What a name is to its title."""

    TITLE = 0
    ALTERNATIVE = 1  # in brackets
    START = 2  # before a subtitle
    SUBTITLE = 3

    @property
    def is_full(self) -> bool:
        return self <= Kind.ALTERNATIVE


class Name(NamedTuple):
    """A name of a movie; its words folded, and also in one spelling."""

    item: int
    kind: Kind
    folded: str
    spelled: str
    start: str  # of a title before this subtitle, spelled


def read_names(titles: Sequence[str]) -> list[Name]:
    """All names of the movies with these titles; an item is a title's place."""
    names = [
        (item, kind, text.replace("\n", " "))
        for item, title in enumerate(titles)
        for kind, text in names_of(title)
    ]
    folded = fold("\n".join(text for _, _, text in names)).split("\n") if names else []
    spelled = [spell_folded(line) for line in folded]
    before = [
        words if kind == Kind.START else ""
        for (_, kind, _), words in zip(names, spelled, strict=True)
    ]
    return [
        Name(item, kind, line, words, start if kind == Kind.SUBTITLE else "")
        for (item, kind, _), line, words, start in zip(
            names, folded, spelled, ["", *before], strict=False
        )
        if is_name(kind, words)
    ]


def year_of(title: str) -> int | None:
    """The year at a title's end."""
    match = YEAR_AT_END.search(title)
    return int(match[1]) if match else None


def without_year(title: str) -> str:
    match = YEAR_AT_END.search(title)
    return title[: match.start()].rstrip() if match else title


def split_year(query: str) -> tuple[str, int | None]:
    """A title as people type it, without the year at its end, and that year, in brackets or not."""
    if year := year_of(query):
        return without_year(query), year
    match = BARE_YEAR.search(query)
    return (query[: match.start()].rstrip(), int(match[1])) if match else (query, None)


def names_of(title: str) -> Iterator[tuple[Kind, str]]:
    """The names of a movie as its title spells them, without the year.

    Examples
    --------
    >>> [name for _, name in names_of("Godfather: Part II, The (1974)")]
    ['The Godfather: Part II', 'The Part II']
    """
    text = without_year(title)[:MAX_LETTERS]
    full = [(Kind.TITLE, text)]
    if "(" in text and (inside := IN_BRACKETS.findall(text)):
        outside = IN_BRACKETS.sub(" ", text)
        full = [(Kind.TITLE, outside if outside.strip() else " ".join(inside))]
        full += [
            (Kind.ALTERNATIVE, name)
            for brackets in inside
            for name in BETWEEN_NAMES.split(brackets)
            if not name.strip().isdecimal()
        ]
    for kind, name in full:
        yield kind, _displayed(name)
        for match in islice(BEFORE_SUBTITLE.finditer(name), MAX_SUBTITLES):
            subtitle = name[match.end() :]
            if not SEQUEL.match(subtitle):
                yield Kind.START, OR_AT_END.sub("", name[: match.start()])
            yield Kind.SUBTITLE, _displayed(subtitle)
        if author := AUTHOR.match(name):
            yield Kind.SUBTITLE, name[author.end() :]
    if full[0][1] is not text:
        yield Kind.ALTERNATIVE, text.replace("(", " ").replace(")", " ")


def _displayed(name: str) -> str:
    name = name.strip()
    return display_title(name) if "," in name else name


def is_name(kind: Kind, spelled: str) -> bool:
    """Whether a spelled name can stand for the movie alone."""
    if kind.is_full:
        return bool(spelled)
    words = spelled.split()
    is_generic = all(word in NO_NAME or word.isdecimal() for word in words)
    return not is_generic and (kind == Kind.START or len(words) > 1)


def fold(text: str) -> str:
    """The words of each line without case, accents and punctuation.

    Examples
    --------
    >>> fold("Léon & Twenty-One: Part II")
    'leon and twenty one part ii'
    """
    text = FRACTION.sub(lambda match: f" {unicodedata.normalize('NFKD', match[0])}", text)
    for letter in LETTERS.keys() & set(text):
        text = text.replace(letter, LETTERS[letter])
    text = unicodedata.normalize("NFKD", text)
    for mark in {letter for letter in set(text) if unicodedata.combining(letter)}:
        text = text.replace(mark, "")
    text = NO_WORD.sub(" ", THOUSANDS.sub("", INITIALS.sub("", text.casefold())))
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


def spell(text: str) -> str:
    """The words of each line in one spelling: folded, and numbers as digits.

    Examples
    --------
    >>> spell("Léon & Twenty-One: Part II")
    'leon and 21 2'
    """
    return "\n".join(map(spell_folded, fold(text).split("\n")))


def without_articles(spelled: str) -> str:
    """Each line without the, a and an."""
    text = f"\n{spelled}"
    for article in (*ARTICLES, *ARTICLES):  # again, because "the the " leaves one
        text = text.replace(f"\n{article} ", "\n").replace(f" {article} ", " ")
    return text[1:]


def join_words(spelled: str) -> str:
    """Each line without spaces but between numbers: "Night Watch" is "Nightwatch"."""
    return BETWEEN_NUMBERS.sub("_", spelled).replace(" ", "")


def spell_folded(line: str) -> str:
    """A folded line with all numbers as digits, and none called a part: "part ii" is 2."""
    words = line.split()
    if COUNTED.isdisjoint(words):
        return line
    spelled: list[str] = []
    while words:
        n_used, number = _number(words)
        spelled.append(str(number) if n_used else SPELLINGS.get(words[0], words[0]))
        del words[: n_used or 1]
    return " ".join(
        word
        for word, following in zip(spelled, [*spelled[1:], ""], strict=True)
        if word not in PARTS or not following.isdecimal()
    )


def _number(words: list[str]) -> tuple[int, int]:
    """How many of the first words are one number, and that number; (0, 0) if none."""
    thousands = value = n_used = 0
    for place, word in enumerate(words):
        is_round = value % 100 == 0 and (value or thousands or not n_used)
        if word in UNITS and (is_round or (value % 100 in TENS.values() and UNITS[word] in DIGITS)):
            value += UNITS[word]
        elif word in TENS and (is_round or value == 19):  # "Nineteen Eighty-Four"
            value = (1900 if value == 19 else value) + TENS[word]
        elif word == "hundred" and 0 < value < 100:
            value *= 100
        elif word == "thousand" and 0 < value < 1000 and not thousands:
            thousands, value = 1000 * value, 0
        elif word == "and" and place and words[place - 1] in ("hundred", "thousand"):
            continue
        else:
            break
        n_used = place + 1
    return n_used, thousands + value
