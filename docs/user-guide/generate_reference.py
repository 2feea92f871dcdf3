"""Write python-reference.md, the reference of the Python API, from its docstrings: `make docs`.

griffe reads the sources, without importing them, and the sections of the docstrings.
"""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import griffe

PAGE = Path(__file__).with_name("python-reference.md")
SOURCES = Path(__file__).parents[2] / "src"
GROUPS = {
    "A trained run": ("load", "TrainedRun"),
    "Estimators": (
        *("ALS", "GibbsMF", "ImplicitALS", "ItemRegression", "Blend", "ItemKNN", "Popularity"),
    ),
    "All estimators": (),  # what they have in common
    "Split and evaluate": ("split", "Split", "evaluate"),
    "Pictures": ("plot_training",),
    "Data and errors": ("RatingTable", "MovierecError", "UnknownIdError", "NotFittedError"),
}
INTRODUCTION = """\
# Python reference

All public names of `import movierec as mr`. For an introduction, see
[Use movierec from Python](python.md). In a notebook, `mr.ALS?` shows the same text.

Examples with `run = mr.load()` need a finished run of the pipeline in the current folder. The
others run anywhere.
"""
TYPES = "In signatures, `pd` is pandas, `Array` a NumPy array, `Figure` a Matplotlib figure, and:"
WIDTH = 88  # of a signature on one line


class Entry(NamedTuple):
    """A public name, or a method or property; owners: the estimators that have it, if not all."""

    title: str
    item: Any
    owners: tuple[str, ...] = ()

    def section(self, kind: str) -> Any:
        """The content of a section of the docstring, None without."""
        sections = self.item.docstring.parsed if self.item.docstring else []
        return next((section.value for section in sections if section.kind.value == kind), None)


def read_package() -> griffe.Object:
    return griffe.load("movierec", search_paths=[SOURCES], docstring_parser="numpy")


def entries(package: griffe.Object) -> dict[str, list[Entry]]:
    """The entries of each group, in the order of the page."""
    groups: dict[str, list[Entry]] = {}
    for group, names in GROUPS.items():
        groups[group] = [] if names else list(common_entries(package))
        for name in names:
            item = package[name].final_target
            groups[group].append(Entry(f"class {name}" if item.is_class else name, item))
            if item.is_class and group != "Estimators":
                groups[group] += [Entry(f"{name}.{key}", one) for key, one in members(item)]
    return groups


def common_entries(package: griffe.Object) -> Iterator[Entry]:
    """Each method and property of estimators once, as the first class that has it defines it."""
    estimators = [package[name].final_target for name in GROUPS["Estimators"]]
    found = set()
    for kind in [*base_classes(package), *estimators]:
        for name, member in members(kind):
            if name not in found:
                found.add(name)
                owners = tuple(one.name for one in estimators if name in one.all_members)
                is_everywhere = len(owners) == len(estimators)
                yield Entry(f"Estimator.{name}", member, () if is_everywhere else owners)


def base_classes(package: griffe.Object) -> list[Any]:
    """The base classes of estimators, the most general first."""
    return package["ALS"].final_target.mro()[::-1]


def members(kind: Any) -> Iterator[tuple[str, Any]]:
    """The public methods that a class defines, then its properties."""
    named = [(name, member) for name, member in kind.members.items() if name[0] != "_"]
    yield from ((name, member) for name, member in named if member.is_function)
    yield from ((name, member) for name, member in named if "property" in member.labels)


def render(package: griffe.Object) -> str:
    """The text of the page."""
    groups, blocks = entries(package), [INTRODUCTION]
    blocks += ["\n".join(contents(groups))]
    for group, listed in groups.items():
        blocks.append(f"## {group}")
        if not GROUPS[group]:
            blocks += common_blocks(package)
        for entry in listed:
            blocks += entry_blocks(entry)
    blocks += ["## Types", TYPES, "\n".join(types(package["api.input_types"]))]
    return "\n\n".join(block.strip() for block in blocks) + "\n"


def contents(groups: dict[str, list[Entry]]) -> Iterator[str]:
    for group, listed in groups.items():
        names = (f"[`{name_of(entry)}`](#{anchor(entry.title)})" for entry in listed)
        yield f"- [{group}](#{anchor(group)}): {', '.join(names)}"


def name_of(entry: Entry) -> str:
    return re.split("[ .]", entry.title)[-1]


def anchor(title: str) -> str:
    """GitHub's anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def common_blocks(package: griffe.Object) -> Iterator[str]:
    """What the base classes say, and the attributes that they add."""
    for kind in base_classes(package):
        entry = Entry(kind.name, kind)
        if attributes := entry.section("attributes"):
            yield from paragraphs(entry.section("text"))
            yield "**Attributes**"
            yield bullets(attributes, with_types=True)


def entry_blocks(entry: Entry) -> Iterator[str]:
    yield f"{'####' if '.' in entry.title else '###'} {entry.title}"
    if shown := "\n".join(signatures(entry.item)).replace("'", '"'):
        yield f"```python\n{shown}\n```"
    yield from paragraphs(entry.section("text") or "")
    if entry.owners:
        yield f"Only for {code(entry.owners)}."
    if parameters := entry.section("parameters"):
        yield "**Parameters**"
        yield bullets(parameters)
    if attributes := entry.section("attributes"):
        yield "**Attributes**"
        yield bullets(attributes, with_types=True)
    for returned in entry.section("returns") or []:
        yield f"**Returns** `{returned.annotation}`: {joined(returned.description)}"
    if raises := entry.section("raises"):
        yield "**Raises**"
        yield "\n".join(f"- `{one.annotation}`: {joined(one.description)}" for one in raises)
    for _, example in entry.section("examples") or []:
        yield f"```pycon\n{example}\n```"


def paragraphs(text: str) -> Iterator[str]:
    return (joined(paragraph) for paragraph in text.split("\n\n"))


def joined(text: str) -> str:
    """A paragraph on one line."""
    return " ".join(text.split())


def bullets(described: list[Any], with_types: bool = False) -> str:
    """A list of parameters or attributes; those described together are on one line."""
    lines = []
    for description, same in itertools.groupby(described, lambda one: one.description):
        first, *others = same
        names = ", ".join([first.name, *(one.name for one in others)]).split(", ")
        types = f" ({code([first.annotation])})" if with_types else ""
        lines.append(f"- {code(names)}{types}: {joined(description)}")
    return "\n".join(lines)


def code(names: Iterable[object]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def signatures(item: Any) -> Iterator[str]:
    """How a function is called, an estimator constructed, or which type a property has."""
    if item.is_function:
        for function in item.overloads or [item]:
            owner = f"{item.parent.name}." if "classmethod" in item.labels else ""
            yield call(f"{owner}{item.name}", function.parameters, function.returns)
    elif not item.is_class:
        yield f"{item.name}: {item.annotation}"
    elif item.name in GROUPS["Estimators"]:
        yield call(item.name, item.parameters)


def call(name: str, parameters: Iterable[Any], returns: Any = None) -> str:
    arguments, end = list(each_argument(parameters)), f" -> {returns}" if returns else ""
    line = f"{name}({', '.join(arguments)}){end}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name}(", *(f"    {argument}," for argument in arguments), f"){end}"])


def each_argument(parameters: Iterable[Any]) -> Iterator[str]:
    """The arguments with their types and defaults, and * before those that need a name."""
    has_star = False
    for one in parameters:
        kind = one.kind.value
        if kind == "keyword-only" and not has_star:
            has_star = True
            yield "*"
        if kind == "variadic keyword":
            yield f"**{one.name}: {one.annotation}"
        elif one.name not in ("self", "cls"):
            default = "" if one.default is None else f" = {one.default}"
            yield f"{one.name}: {one.annotation}{default}"


def types(module: Any) -> Iterator[str]:
    """The aliases of types in signatures, as a list."""
    for name, alias in module.members.items():
        if not alias.is_alias and alias.is_attribute:
            yield f"- `{name}`: {textwrap.indent(alias.docstring.value, '  ').strip()}"


if __name__ == "__main__":
    PAGE.write_text(render(read_package()), "utf-8")
