"""Titles as people write them; the data and the exports keep MovieLens' own."""

import re

# fmt: off
ARTICLES = ("The", "A", "An", "La", "Le", "Les", "L'", "L’", "Un", "Une", "Il", "Lo", "I", "Gli",
            "Una", "Uno", "El", "Los", "Las", "O", "Os", "As", "Der", "Die", "Das", "Ein", "Eine",
            "De",
            "Het", "Den", "Det", "En", "Ett", "Et")
# fmt: on
_ARTICLE = "|".join(ARTICLES)
# A title, or an alternative title in parentheses, that ends in its article. Two at the end stay: it
# is not clear which is one.
_ARTICLE_AT_END = re.compile(
    rf"(?P<before>^|\((?:a\.?k\.?a\.?:? )?)"
    rf"(?P<name>[^\s(),][^()]*?)(?<!,), (?P<article>{_ARTICLE})(?=\s*(?:[()]|$))",
    re.IGNORECASE,
)
_ENDS_IN_ARTICLE = re.compile(rf",\s*(?:{_ARTICLE})\s*$", re.IGNORECASE)


def display_title(title: str) -> str:
    """A title with its articles in front, as people write it.

    Examples
    --------
    >>> display_title("Postino, Il (1994)")
    'Il Postino (1994)'
    >>> display_title("Big Blue, The (Grand bleu, Le) (1988)")
    'The Big Blue (Le Grand bleu) (1988)'
    """
    return _ARTICLE_AT_END.sub(_with_article_in_front, title)


def _with_article_in_front(match: re.Match[str]) -> str:
    name, article = match["name"], match["article"]
    if _ENDS_IN_ARTICLE.search(name):
        return match[0]
    space = "" if article.endswith(("'", "’")) else " "
    return f"{match['before']}{article}{space}{name}"
