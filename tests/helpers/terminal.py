"""Run movierec: on a terminal, in this process, and its session."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from movierec import cli
from movierec.core import console

STYLE = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> str:
    """What a command writes on a terminal, with its styles; it must succeed."""
    leader, follower = pty.openpty()
    running = subprocess.Popen(
        command,
        cwd=folder,
        env={**environment, "TERM": "xterm-256color"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    out = b""
    try:
        while piece := os.read(leader, 4096):
            out += piece
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(leader)
    assert running.wait(20) == 0, out
    return out.decode().replace("\r\n", "\n")


def command_line(monkeypatch, capsys):
    """A function that runs movierec as the shell would: its status, output and errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["movierec", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return caught.value.code, *capsys.readouterr()

    return call


def answering(monkeypatch, lines):
    """An iterator of the lines, whose next one also answers any question of the session."""
    waiting = iter(lines)

    def answer(prompt):
        console.lines(prompt)
        return next(waiting)

    monkeypatch.setattr(console, "ask", answer)
    return waiting
