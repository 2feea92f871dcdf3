"""A file that is there whole or not at all, though two processes write it at once."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file to write, which takes the place of `path` when it is whole."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    yield partial
    partial.replace(path)
