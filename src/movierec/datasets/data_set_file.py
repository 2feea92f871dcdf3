"""Add a block to datasets.yaml; the rest of the file, with its comments, stays as it is."""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from movierec.core.atomic import atomic_file
from movierec.core.errors import MovierecError
from movierec.core.params import load_data_sets

NAME = re.compile("[A-Za-z][A-Za-z0-9_-]*")
NO_NAMES = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}  # words of YAML


def name_for(path: Path) -> str:
    """A name for a data set, from the name of its file."""
    name = re.sub("[^a-z0-9_]+", "-", path.stem.casefold()).strip("-_")
    return name if is_name(name) else f"own-{name}".rstrip("-")


def is_name(name: str) -> bool:
    return NAME.fullmatch(name) is not None and name.lower() not in NO_NAMES


def _represent_none(representer: Any, _: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def add(file: Path, name: str, block: Mapping[str, Any], replace: bool = False) -> None:
    """Add a data set. Raises MovierecError, and writes nothing, if its name is known or invalid."""
    if not is_name(name):
        raise MovierecError(
            f"{name!r}: not a name for a data set; use letters, digits, - and _, such as my-ratings"
        )
    if name in load_data_sets(file) and not replace:
        raise MovierecError(
            f"{file}: {name} is there already; choose another --name, or --replace it"
        )
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 10_000
    yaml.representer.add_representer(type(None), _represent_none)
    try:
        content = yaml.load(file.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise MovierecError(f"{file}: not valid YAML: {' '.join(str(error).split())}") from None
    is_new = name not in content
    content[name] = dict(block)
    if is_new:
        comment = "Your own ratings, added by movierec dataset add."
        content.yaml_set_comment_before_after_key(name, before=f"\n{comment}")
    text = io.StringIO()
    yaml.dump(content, text)
    with atomic_file(file) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
        load_data_sets(partial)
