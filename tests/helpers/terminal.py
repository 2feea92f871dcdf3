"""What a program writes on a terminal."""

import os
import pty
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

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
