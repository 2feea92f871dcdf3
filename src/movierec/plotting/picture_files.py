"""The files of pictures: PNG, each with the digest of the results that it was drawn from."""

import io
import warnings
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from movierec.core import result_files
from movierec.core.atomic import atomic_file
from movierec.core.errors import MovierecError

DRAWN_FROM = "Drawn from"  # the text chunk with the digest
END = b"\0\0\0\0IEND\xaeB`\x82"  # the last bytes of a PNG


def write(path: Path, picture: Image.Image, drawn_from: str) -> None:
    """Write a picture. drawn_from: the digest of the results."""
    notes = PngInfo()
    notes.add_text(DRAWN_FROM, drawn_from)
    with atomic_file(path) as partial:
        picture.save(partial, format="png", optimize=True, pnginfo=notes)


def read(path: Path, drawn_from: str) -> tuple[bytes, int, int]:
    """The content of a file that `write` wrote, and the picture's width and height in pixels.

    Raises MovierecError unless it is a complete PNG, drawn from the results with this digest.
    """
    content = result_files.read_bytes(path)
    try:
        size, notes = _check_png(content)
    except Exception:  # Pillow has many for damaged files
        raise result_files.damaged(path, "not a complete PNG") from None
    if notes.get(DRAWN_FROM) != drawn_from:
        raise MovierecError(
            f"{path}: not drawn from the results in {path.parents[1]}; run dvc repro"
        )
    return content, *size


def _check_png(content: bytes) -> tuple[tuple[int, int], dict[str | tuple[int, int], object]]:
    """The size and the notes of a PNG; raises an exception if it is damaged or huge."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.verify()  # the checksums
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.load()
    if not content.endswith(END):
        raise ValueError("something follows the picture")
    return picture.size, picture.info
