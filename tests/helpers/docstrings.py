"""The examples in the docstrings of the package, run as a reader would run them."""

import ast
import doctest
from collections.abc import Iterable, Iterator
from importlib import import_module

from tests.helpers.clone import ROOT

SOURCES = ROOT / "src"


def examples() -> Iterator[doctest.DocTest]:
    """Each docstring that has examples; they see the names of its module.

    They are found in the source, since doctest's own finder passes over cached properties.
    """
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                text, line = ast.get_docstring(node) or "", node.body[0].lineno
                if ">>> " in text:
                    name = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
                    names, name = dict(vars(import_module(name))), f"{name}.{node.name}"
                    parser = doctest.DocTestParser()
                    yield parser.get_doctest(text, names, name, str(path), line - 1)


def needs_a_run(example: doctest.DocTest) -> bool:
    """Whether the folder has to be that of a finished run."""
    return "mr.load()" in (example.docstring or "")


def failures(examples: Iterable[doctest.DocTest]) -> str:
    """Run examples in this folder; returns what they should have shown but did not."""
    runner, reports = doctest.DocTestRunner(verbose=False), list[str]()
    for example in examples:
        runner.run(example, out=reports.append)
    assert runner.tries, "no examples"
    return "".join(reports)
