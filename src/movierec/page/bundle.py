"""The page as one HTML file: its modules, its style and its data in it, and nothing to fetch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

STATIC = resources.files("movierec.page") / "static"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(?P<file>[\w.]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function|const|class) )", re.MULTILINE)
COMMENT = re.compile(r"^ *(?://.*|/?\*(?:(?!\*/).)*(?:\*/)?)\n", re.MULTILINE)  # a whole line
# What the file is when there is none: DVC asks for every output of a stage.
NO_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>movierec</title>
<p>This run has no page: page.movies is 0 in params.yaml.</p></html>
"""


def render(data: str) -> str:
    """The page, with the data that payload.Page returns."""
    parts = {
        "/* style.css */": read("style.css"),
        "/* app.js */": "\n".join(modules("app.js")),
        "/* data */": data,
    }
    pattern = "|".join(re.escape(place) for place in parts)
    return re.sub(pattern, lambda match: parts[match[0]], read("index.html"))


def modules(name: str, done: set[str] | None = None) -> Iterator[str]:
    """The code of a module after those that it imports, each once."""
    done = set() if done is None else done
    if name in done:
        return
    done.add(name)
    text = read(name)
    for match in IMPORT.finditer(text):
        yield from modules(match["file"], done)
    yield bare(text)


def bare(text: str) -> str:
    """The code of a module without import, export and comments, of which it has many."""
    return COMMENT.sub("", EXPORT.sub("", IMPORT.sub("", text)))


def read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
