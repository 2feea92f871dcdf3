"""How a program runs: its streams, its log, and how it exits on an error."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from movierec.core import console, environment, extras, log
from movierec.core.errors import MovierecError, UsageError, reason_of
from movierec.core.text import shortened

if TYPE_CHECKING:
    import click

LONGEST = 2000  # characters of an error's line, however long the value that it names


def run(main: Callable[[], None]) -> None:
    """Run a program's `main`; on bad input print one line to stderr and exit with its status.

    With MOVIEREC_LOG=debug in the environment, debug messages are logged and a traceback is printed
    above that line.
    """
    log.configure(False)
    try:
        with console.streams():
            level = os.environ.get(log.VARIABLE, "")
            if level not in ("", "debug"):
                raise MovierecError(f"{log.VARIABLE} is {level!r}: set it to debug, or unset it")
            log.configure(level == "debug")
            environment.check()
            with extras.explained():
                main()
    except (MovierecError, OSError, RuntimeWarning) as error:
        if isinstance(error, BrokenPipeError) and error.filename == console.STDOUT:
            sys.exit(1)  # such as after | head
        if log.is_debug():
            console.notes(*traceback.format_exc().splitlines())
        text = reason_of(error) if isinstance(error, OSError) else str(error)
        if isinstance(error, RuntimeWarning):  # see environment.check
            text = f"{text.splitlines()[0].rstrip('.')}; set it to another one, or unset it"
        console.error(shortened(" ".join(text.split()), LONGEST), getattr(error, "details", ()))
        sys.exit(getattr(error, "status", 1))
    except KeyboardInterrupt:
        console.notes("stopped")
        sys.exit(130)


def run_command(command: click.Command, name: str) -> None:
    """Run a command line; one that does not fit the command ends like bad input, in one line."""
    import click

    def main() -> None:
        try:
            sys.exit(command.main(prog_name=name, standalone_mode=False) or 0)
        except click.UsageError as error:
            raise UsageError(_describe(error, name)) from None
        except click.Abort:  # how click passes on Ctrl-C
            raise KeyboardInterrupt from None

    run(main)


def _describe(error: click.UsageError, name: str) -> str:
    """What is wrong, and what was meant or where to look."""
    meant = getattr(error, "possibilities", None)
    text = (error.message if meant else error.format_message()).rstrip(".")
    text = text[:1].lower() + text[1:]
    if meant:
        return f"{text}; did you mean {' or '.join(meant)}?"
    return f"{text}; see {error.ctx.command_path if error.ctx else name} --help"
