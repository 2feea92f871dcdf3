"""The error that users see, and how a program exits on it."""

import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterable

from movierec.core import log

_ROOM = "; make room on that disk, then run this again"
_RIGHTS = "; make it writable, then run this again"
REMEDIES = {errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM, errno.EFBIG: _ROOM}
REMEDIES |= {errno.EACCES: _RIGHTS, errno.EPERM: _RIGHTS, errno.EROFS: _RIGHTS}


class MovierecError(Exception):
    """Bad input, in one line: what is wrong, where, and what to do about it.

    details: lines to show below it.
    """

    def __init__(self, text: str, details: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.details = tuple(details)


def reason_of(error: OSError) -> str:
    """Describe an OSError: the file, the system's message, and what to do about it."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{reason}{REMEDIES.get(error.errno or 0, '')}"


def run(main: Callable[[], None]) -> None:
    """Run a program's `main`; on bad input print one line to stderr and exit with status 1.

    With MOVIEREC_LOG=debug in the environment, debug messages are logged and a traceback is printed
    above that line.
    """
    from movierec.core import environment  # which imports this module

    log.configure(False)
    try:
        level = os.environ.get(log.VARIABLE, "")
        if level not in ("", "debug"):
            raise MovierecError(f"{log.VARIABLE} is {level!r}: set it to debug, or unset it")
        log.configure(level == "debug")
        environment.check()
        main()
    except (MovierecError, OSError) as error:
        if log.is_debug():
            traceback.print_exc()
        _show(error)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)


def _show(error: MovierecError | OSError) -> None:
    from rich.console import Console  # slow to import, and rarely needed

    text = reason_of(error) if isinstance(error, OSError) else str(error)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("error:", style="bold red", end=" ")
    for line in (
        " ".join(text.split()),
        *(f"  {detail}" for detail in getattr(error, "details", ())),
    ):
        console.print(line, markup=False)
