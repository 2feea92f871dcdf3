"""Text from data, made safe to print."""

import unicodedata


def printable(text: str) -> str:
    r"""One line of text without characters that a terminal obeys or does not show.

    Control characters, line breaks, bidirectional marks and other invisible characters become
    escapes such as \x1b, as in Python; bytes of a file name that are not UTF-8 become \xff.

    Examples
    --------
    >>> print(printable("Amélie\x1b[31m\n"))
    Amélie\x1b[31m\n
    """
    return text if text.isprintable() else "".join(map(_escape, text))


def _escape(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":  # such as U+00A0
        return character
    if "\udc80" <= character <= "\udcff":  # how Python reads a byte that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def is_utf8(text: str) -> bool:
    """Whether a text can be written as UTF-8; arguments of other bytes cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def shortened(text: str, length: int) -> str:
    """The text; if it is longer than this, without its middle."""
    half = (length - 3) // 2
    return text if len(text) <= length else f"{text[:half]} … {text[-half:]}"


def count(n: int, noun: str) -> str:
    """Such as "1 rating" or "2,000 ratings"."""
    return f"{n:,} {noun}{'s'[: n != 1]}"
