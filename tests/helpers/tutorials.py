"""Follow a tutorial as a reader does: save its files, edit the params, run its commands."""

import re

from tests.helpers.clone import ROOT, Workspace

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Of numbers the sign may differ, too; a hash is one.
NUMBER = r"(?:\b[0-9a-f]{7,64}\b|[-+]?\d[\d.,]*)"


def follow(name: str, workspace: Workspace, heading: str = "") -> dict[str, str]:
    """Follow a page of docs/, or one section; returns the last output of each command."""
    outputs = {}
    for language, text in BLOCK.findall(read_section(name, heading)):
        if language == "python":
            (workspace.path / text.removeprefix("# ").split(":")[0]).write_text(text, "utf-8")
        elif language == "diff":
            edit(workspace, text)
        else:
            assert language == "console", language
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, *shown = part.splitlines()
                if command.startswith("cd "):
                    workspace = Workspace(workspace.path / command.removeprefix("cd "))
                else:
                    outputs[command] = run(workspace, command, shown)
    return outputs


def read_section(name: str, heading: str = "") -> str:
    """A page of docs/, or one section of it."""
    page = (ROOT / "docs" / name).read_text("utf-8")
    if not heading:
        return page
    _, found, after = page.partition(f"\n## {heading}\n")
    assert found, f"docs/{name} has no section {heading!r}"
    return after.partition("\n## ")[0]


def edit(workspace: Workspace, diff: str) -> None:
    """Change params.yaml or datasets.yaml, whichever has the old lines of this diff."""
    old, new = (
        "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] in signs)
        for signs in (" -", " +")
    )
    for path in (workspace.path / "params.yaml", workspace.path / "datasets.yaml"):
        before, found, after = path.read_text("utf-8").partition(f"\n{old.rstrip()}")
        if found:
            path.write_text(f"{before}\n{new.rstrip()}{after}", "utf-8")
            return
    raise AssertionError(f"neither params.yaml nor datasets.yaml has\n{old}")


def run(workspace: Workspace, command: str, shown: list[str]) -> str:
    """Run a command and check its status, and its lines in order, ignoring numbers."""
    fails = any(line.startswith("ERROR") for line in shown)
    output = workspace.run("sh", "-c", command, fails=fails)
    check_shown(command, output, shown)
    return output


def check_shown(command: str, output: str, shown: list[str]) -> None:
    """Check that an output has the lines shown, in order, but for numbers."""
    rest = output
    for line in shown:
        match = re.search(pattern(line), rest)
        assert match, f"$ {command}\ndoes not show\n{line}\nbut\n{output}"
        rest = rest[match.end() :]


def pattern(line: str) -> str:
    """A shown line up to its "…", with any numbers, hashes and spaces."""
    words = line.partition("…")[0].replace("─", " ").split()
    return r"[\s─]*".join(NUMBER.join(map(re.escape, re.split(NUMBER, word))) for word in words)
