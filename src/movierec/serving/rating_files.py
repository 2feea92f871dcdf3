"""Read the text of a file of ratings or movies: a file, a pipe or a zip, in any usual encoding."""

import codecs
from pathlib import Path

from movierec.core.errors import MovierecError
from movierec.datasets import zip_members

MAX_SIZE = 64_000_000  # bytes
RATINGS = "ratings.csv"  # in an export that is a zip
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # begins with UTF-16's
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def read_content(path: Path, name: str = RATINGS) -> bytes:
    """The bytes of a file, or of the member of this name in a zip.

    Raises MovierecError if it is a folder, does not exist, is too large, or a zip that is damaged
    or has no or several such members.
    """
    if path.is_dir():
        raise MovierecError(f"{path}: a folder; give a file, such as the {name} in it")
    if not path.exists():
        raise MovierecError(f"{path}: no such file")
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_SIZE + 1)
    except OSError as error:  # of which those of read() have no name
        raise OSError(error.errno, error.strerror, str(path)) from None
    if len(content) > MAX_SIZE:
        raise MovierecError(
            f"{path}: more than the {MAX_SIZE:,} bytes allowed; give one person's ratings"
        )
    if content.startswith(zip_members.SIGNATURES):
        content = zip_members.read_only_member(path, content, name, MAX_SIZE)
    return content


def decode(content: bytes, path: Path) -> tuple[str, int]:
    """Text by its byte order mark, else UTF-8 or UTF-16; and the first line that is neither, or 0.

    If there is one, the text is read as Windows-1252. Lines end in a line feed. Raises
    MovierecError if it is not text.
    """
    encoding, not_utf8 = _encoding(content), 0
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise MovierecError(
                f"{path}: damaged {encoding.upper()} text; save it as CSV in UTF-8"
            ) from None
        not_utf8 = content[: error.start].count(b"\n") + 1
        text = content.decode("windows-1252", "replace")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise MovierecError(f"{path}: line {line}: NUL in the text; is it a CSV file?")
    return text, not_utf8


def _encoding(content: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return encoding
    if content[1:2] == b"\0" != content[:1]:
        return "utf-16-le"
    return "utf-16-be" if content[:1] == b"\0" != content[1:2] else "utf-8"
