"""A tutorial as a reader follows it: saves its files, edits params.yaml, types its commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.helpers.clone import ROOT, Workspace

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Of numbers the sign may differ, too; a hash is one.
NUMBER = r"(?:\b[0-9a-f]{7,64}\b|[-+]?\d[\d.,]*)"


@dataclass(frozen=True)
class Typed:
    """A command, and the lines that the tutorial shows of its output."""

    command: str
    shown: list[str]

    @property
    def fails(self) -> bool:
        return any(line.startswith("ERROR") for line in self.shown)


def follow(name: str, workspace: Workspace) -> dict[str, str]:
    """Do all that a page of docs/ says, in order; the last output of each of its commands."""
    outputs = {}
    for language, text in BLOCK.findall((ROOT / "docs" / name).read_text("utf-8")):
        if language == "python":
            (workspace.path / text.removeprefix("# ").split(":")[0]).write_text(text, "utf-8")
        elif language == "diff":
            edit(workspace, text)
        else:
            assert language == "console", language
            outputs |= {entry.command: typed(workspace, entry) for entry in commands_of(text)}
    return outputs


def edit(workspace: Workspace, diff: str) -> None:
    """Change params.yaml as a diff says, whose old lines stand there once."""
    old, new = (
        "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] in signs)
        for signs in (" -", " +")
    )
    params = workspace.path / "params.yaml"
    before, separator, after = params.read_text("utf-8").partition(f"\n{old}")
    assert separator, f"params.yaml has no\n{old}"
    params.write_text(f"{before}\n{new}{after}", "utf-8")


def commands_of(text: str) -> Iterator[Typed]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield Typed(command, shown)


def typed(workspace: Workspace, this: Typed) -> str:
    """Run a command: it ends as shown, and prints the lines shown, in order, but for numbers."""
    output = workspace.run("sh", "-c", this.command, fails=this.fails)
    rest = output
    for line in this.shown:
        match = re.search(pattern(line), rest)
        assert match, f"$ {this.command}\ndoes not show\n{line}\nbut\n{output}"
        rest = rest[match.end() :]
    return output


def pattern(line: str) -> str:
    """A shown line up to its "…", with any numbers, hashes and spaces."""
    words = line.partition("…")[0].replace("─", " ").split()
    return r"[\s─]*".join(NUMBER.join(map(re.escape, re.split(NUMBER, word))) for word in words)
