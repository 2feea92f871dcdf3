"""The code of each job in each library, for docs/user-guide/python-peers.md, and its lines.

A line counts if it has code: blank lines, comments and imports do not. All scripts are formatted by
ruff, in lines of at most 100 characters.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = ("movierec", "LensKit", "implicit")
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}
Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class Snippet:
    """The code of a job, and the imports of the names that it uses."""

    imports: str
    code: str

    @property
    def text(self) -> str:
        return f"{self.imports}\n\n{self.code}" if self.imports else self.code

    @property
    def n_lines(self) -> int:
        return count_lines(self.code)

    @property
    def n_lines_with_imports(self) -> int:
        return count_lines(self.text)


def path_of(library: str) -> Path:
    return Path(__file__).with_name(f"with_{library.lower()}.py")


def read_snippets(library: str) -> dict[str, Snippet]:
    """The snippets of a script by the title of the job, which begins a cell as in `# %% title`."""
    head, *cells = re.split(r"^# %% ", path_of(library).read_text("utf-8"), flags=re.MULTILINE)
    imports = [node for node in ast.parse(head).body if isinstance(node, Import)]
    snippets = {}
    for title, _, code in (cell.partition("\n") for cell in cells):
        snippets[title] = Snippet("\n".join(used(imports, code)), code.strip())
    return snippets


def used(imports: list[Import], code: str) -> Iterator[str]:
    """The imports of what the code uses."""
    names = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    for node in imports:
        kept = [alias for alias in node.names if (alias.asname or alias.name) in names]
        if kept and isinstance(node, ast.ImportFrom):
            yield ast.unparse(ast.ImportFrom(node.module, kept, node.level))
        elif kept:
            yield ast.unparse(ast.Import(kept))


def count_lines(text: str) -> int:
    """The number of lines with code."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = (token for token in tokens if token.type not in NO_CODE)
    return len({line for token in code for line in range(token.start[0], token.end[0] + 1)})
