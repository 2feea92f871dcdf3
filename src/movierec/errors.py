"""The one error that people see, and how a program ends on it."""

import errno
import os
import sys
from collections.abc import Callable, Iterable

_ROOM = "; make room on that disk, then run it again"
_RIGHTS = "; make it writable, then run it again"
REMEDIES = {errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM, errno.EFBIG: _ROOM}
REMEDIES |= {errno.EACCES: _RIGHTS, errno.EPERM: _RIGHTS, errno.EROFS: _RIGHTS}


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


def run(main: Callable[[], None]) -> None:
    """Run a program's `main`; on bad input print one line to stderr and exit with status 1.

    With MOVIEREC_LOG=debug in the environment the traceback is shown instead.
    """
    try:
        main()
    except (MovierecError, OSError) as error:
        if os.environ.get("MOVIEREC_LOG") == "debug":
            raise
        text = reason_of(error) if isinstance(error, OSError) else str(error)
        print("error: " + " ".join(text.split()), file=sys.stderr)
        for line in getattr(error, "details", ()):
            print("  " + line, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
