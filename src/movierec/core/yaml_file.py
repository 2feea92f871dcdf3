"""Read YAML files as DVC reads them, so that both see the same values: YAML 1.2 by ruamel.yaml.

Under its rules `010` is ten, `yes` and `1:30` are texts, and a key may occur only once. Limits on
size, depth and aliases make a file that expands to billions of values one error line.
"""

import warnings
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError, MaxDepthExceededError
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLWarning
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.reader import ReaderError

from movierec.core.addresses import masked
from movierec.core.errors import MovierecError, reason_of

MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES = 1_000_000, 20, 20_000
MAX_SHOWN = 60  # characters of a value in an error


def read(path: Path) -> Any:
    """The contents of a YAML file.

    Raises MovierecError, which names the file and the line, for a file that is missing, no YAML or
    above a limit, and for a value that DVC cannot read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run this in the project folder") from None
    except OSError as error:
        raise MovierecError(reason_of(error)) from None
    except UnicodeDecodeError:
        raise MovierecError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    if len(text) > MAX_CHARACTERS:
        raise MovierecError(f"{path}: more than {MAX_CHARACTERS:,} characters; make it smaller")
    try:
        with warnings.catch_warnings(action="ignore", category=YAMLWarning):
            return _loader().load(text)
    except MaxDepthExceededError as error:
        line, problem = error.problem_mark.line, f"blocks nested more than {MAX_DEPTH} deep"
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line if mark else 0
        problem = ", ".join(part for part in (error.context, error.problem) if part)
    except ReaderError as error:
        line = text.count("\n", 0, error.position)
        problem = f"character {error.character:#04x} is not allowed"
    problem = problem if len(problem) <= 2 * MAX_SHOWN else f"{problem[: 2 * MAX_SHOWN]}…"
    raise MovierecError(f"{path}: line {line + 1}: not valid YAML: {' '.join(problem.split())}")


def shorten(value: object) -> str:
    """A value for an error: its repr, which escapes control characters, of MAX_SHOWN characters.

    Passwords and query strings of addresses are left out.

    Examples
    --------
    >>> shorten("one\\ntwo")
    "'one\\\\ntwo'"
    >>> len(shorten("x" * 100_000))
    60
    """
    try:
        text = masked(repr(value))
    except ValueError:  # Python does not print integers of more than 4,300 digits
        text = "an integer of thousands of digits"
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def _loader() -> YAML:
    loader = YAML(typ="safe", pure=True)
    loader.Composer, loader.Constructor = _CountingComposer, _ExplainingConstructor
    loader.max_depth = MAX_DEPTH
    return loader


class _CountingComposer(Composer):
    """Stops at MAX_VALUES; each alias counts all values that it stands for."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.warn_double_anchors = False
        self.n_values = 0
        self.sizes: dict[int, int] = {}  # the values in each composed node, by its id

    def compose_node(self, parent: Any, index: Any) -> Any:
        event, before = self.parser.peek_event(), self.n_values
        node = super().compose_node(parent, index)
        if not isinstance(event, AliasEvent):
            self.n_values += 1
            self.sizes[id(node)] = self.n_values - before
        elif id(node) in self.sizes:
            self.n_values += self.sizes[id(node)]
        else:
            raise ComposerError(None, None, "an alias inside its own value", event.start_mark)
        if self.n_values > MAX_VALUES:
            problem = f"more than {MAX_VALUES:,} values, counting aliases"
            raise ComposerError(None, None, problem, event.start_mark)
        return node


class _ExplainingConstructor(SafeConstructor):
    """Turns the exceptions for values such as the date 2001-99-99 into YAML errors."""

    def construct_non_recursive_object(self, node: Any, tag: Any = None) -> Any:
        try:
            return super().construct_non_recursive_object(node, tag)
        except YAMLError:
            raise
        except Exception:  # of any type: an IndexError for +_, a ValueError for 5,000 digits
            problem = f"{shorten(node.value)} is no {str(node.tag).rpartition(':')[2]}"
            raise ConstructorError(None, None, problem, node.start_mark) from None
