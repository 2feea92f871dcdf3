"""Write files and folders atomically: they appear complete or not at all."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from movierec.core import log
from movierec.core.errors import MovierecError, reason_of


@contextmanager
def atomic_file(path: Path, shared: bool = False) -> Iterator[Path]:
    """Yield a file to write, which replaces `path` on success and is deleted on failure.

    shared: whether other processes may write the same path at the same time.
    Raises MovierecError if it cannot be written.
    """
    unique = f".{uuid.uuid4().hex}" if shared else ""
    partial = path.with_name(f".{path.name}{unique}.partial")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _delete(partial)
        try:
            with log.timed("wrote", path, partial):
                yield partial
            partial.replace(path)
        finally:
            with suppress(OSError):
                _delete(partial)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a folder to fill, which replaces `path` on success and is deleted on failure.

    `path` never contains part of a folder: the old one is moved aside, then deleted. A link or a
    file in its place is replaced, too, but not what the link points to.
    Raises MovierecError if it cannot be written.
    """
    partial, old = (path.with_name(f".{path.name}.{kind}partial") for kind in ("", "old."))
    with _explained(path):
        _delete(partial, old)
        partial.mkdir(parents=True)
        try:
            with log.timed("wrote", path, partial):
                yield partial
            with suppress(FileNotFoundError):
                path.rename(old)
            partial.rename(path)
        finally:
            with suppress(OSError):
                _delete(partial, old)


def _delete(*paths: Path) -> None:
    """Delete folders, files and links, where there are any."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an OSError into one line that says why `path` was not written."""
    try:
        yield
    except OSError as error:
        raise MovierecError(f"{path}: not written: {reason_of(error)}") from None
