"""The one error that people see, and how a program ends on it."""

import os
import sys
from collections.abc import Callable


class MovierecError(Exception):
    """Bad input, in one line: what is wrong, where, and what to do about it."""


def run(main: Callable[[], None]) -> None:
    """Run a program's `main`; on bad input print one line to stderr and exit with status 1.

    With MOVIEREC_LOG=debug in the environment the traceback is shown instead.
    """
    try:
        main()
    except (MovierecError, OSError) as error:
        if os.environ.get("MOVIEREC_LOG") == "debug":
            raise
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
