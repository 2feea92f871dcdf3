"""Web addresses: they contain no password, and what is printed or stored hides their query."""

import re
from urllib.parse import urlsplit

_ADDRESS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]{0,31}://)(?P<user>[^\s/?#]*@)?"
    r"(?P<place>[^\s?#'\"]*)(?P<query>[?#][^\s'\"]*)?",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """A text whose web addresses are without user names, passwords and query strings.

    Examples
    --------
    >>> masked("https://anna:secret@example.org/a.zip?token=1: not found")
    'https://example.org/a.zip?…'
    >>> masked("https://example.org/a.zip: not found")
    'https://example.org/a.zip: not found'
    """
    return _ADDRESS.sub(lambda m: m["scheme"] + m["place"] + ("?…" if m["query"] else ""), text)


def has_password(address: str) -> bool:
    """Whether an address contains a user name or a password; ValueError if it is none."""
    return "@" in urlsplit(address).netloc
