"""The one error that people see, and how a program ends on it."""

import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterable

_ROOM = "; make room on that disk, then run it again"
_RIGHTS = "; make it writable, then run it again"
REMEDIES = {errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM, errno.EFBIG: _ROOM}
REMEDIES |= {errno.EACCES: _RIGHTS, errno.EPERM: _RIGHTS, errno.EROFS: _RIGHTS}
LOG = "MOVIEREC_LOG"  # the environment variable that asks for more than the results


class MovierecError(Exception):
    """Bad input, in one line: what is wrong, where, and what to do about it.

    details: lines to be shown below it, as they are.
    """

    def __init__(self, text: str, details: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.details = tuple(details)


def reason_of(error: OSError) -> str:
    """What the system says, of which file, and what to do about it."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{reason}{REMEDIES.get(error.errno or 0, '')}"


def is_debug() -> bool:
    """Whether MOVIEREC_LOG is debug; MovierecError if it is another word."""
    word = os.environ.get(LOG, "")
    if word not in ("", "debug"):
        raise MovierecError(f"{LOG} is {word!r}: set it to debug, or do not set it")
    return word == "debug"


def run(main: Callable[[], None]) -> None:
    """Run a program's `main`; on bad input print one line to stderr and exit with status 1.

    With MOVIEREC_LOG=debug in the environment the traceback stands above it.
    """
    debug = False
    try:
        debug = is_debug()
        main()
    except (MovierecError, OSError) as error:
        if debug:
            traceback.print_exc()
        _show(error)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)


def _show(error: MovierecError | OSError) -> None:
    from rich.console import Console  # here, since most programs end without an error

    text = reason_of(error) if isinstance(error, OSError) else str(error)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("error:", style="bold red", end=" ")
    for line in (" ".join(text.split()), *(f"  {each}" for each in getattr(error, "details", ()))):
        console.print(line, markup=False)
