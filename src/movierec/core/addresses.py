"""Web addresses: they contain no password, and what is printed or stored hides their query."""

import re
from urllib.parse import urlsplit

_SCHEME = "[a-z][a-z0-9+.-]{0,31}://"
_ADDRESS = re.compile(
    rf"(?P<scheme>{_SCHEME})(?P<user>[^\s/?#]*@)?"
    rf"(?P<place>(?:(?!{_SCHEME})[^\s?#'\"])*)(?P<query>[?#][^\s'\"]*)?",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """A text whose web addresses are without user names, passwords and query strings.

    Examples
    --------
    >>> masked("https://anna:secret@example.org/a.zip?token=1: not found")
    'https://example.org/a.zip?… not found'
    >>> masked("https://example.org/a.zip: not found")
    'https://example.org/a.zip: not found'
    >>> masked("http://mirror.example/https://anna:secret@example.org")
    'http://mirror.example/https://example.org'
    """
    return _ADDRESS.sub(lambda m: m["scheme"] + m["place"] + ("?…" if m["query"] else ""), text)


def has_password(address: str) -> bool:
    """Whether an address contains a user name or a password; ValueError if it is none."""
    return "@" in urlsplit(address).netloc
