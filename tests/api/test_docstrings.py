"""The docstrings of the package: their examples run, and those of the Python API are complete."""

import functools
import inspect
import re
import runpy
import typing
from collections.abc import Iterator
from typing import Any

import movierec as mr
from tests.helpers import docstrings
from tests.helpers.clone import ROOT

PROPERTIES = property | functools.cached_property
HAS_EXAMPLES = re.compile(r"^Examples\n-{8}\n>>> ", re.MULTILINE)


def public_objects() -> Iterator[tuple[str, Any]]:
    """Every public name, and the methods and properties of classes, by path."""
    for name in mr.__all__:
        item = getattr(mr, name)
        yield name, item
        for kind in inspect.getmro(item) if inspect.isclass(item) else ():
            for key, member in vars(kind).items():
                if not kind.__module__.startswith("movierec.") or key.startswith("_"):
                    continue
                if isinstance(member, PROPERTIES):
                    yield f"{name}.{key}", member
                elif inspect.isroutine(member):
                    yield f"{name}.{key}", getattr(item, key)


def signature_of(member: Any) -> inspect.Signature:
    function = getattr(member, "fget", None) or getattr(member, "func", None) or member
    signature = inspect.signature(function)
    own = [each for key, each in signature.parameters.items() if key != "self"]
    return signature.replace(parameters=own)


PUBLIC = dict(public_objects())


def test_the_examples_of_docstrings_show_what_they_say(tmp_path, monkeypatch) -> None:
    """Those that need a finished run are in tests/pipeline/test_python_api.py."""
    monkeypatch.chdir(tmp_path)
    examples = [each for each in docstrings.examples() if not docstrings.needs_a_run(each)]
    assert docstrings.failures(examples) == ""


def test_every_public_name_has_a_docstring_that_begins_with_a_sentence_and_has_examples() -> None:
    assert {"TrainedRun.recommend", "TrainedRun.items", "Blend.user_ids_", "ALS.load"} <= set(
        PUBLIC
    )
    for name, member in PUBLIC.items():
        first, *rest = (inspect.getdoc(member) or "").split("\n")
        assert re.fullmatch(r"[A-Z].+\.", first), f"{name}: {first}"
        assert rest[:1] == [""], f"{name}: the first line should be one sentence"
        assert HAS_EXAMPLES.search("\n".join(rest)), f"{name}: no Examples"


def test_every_public_signature_has_types_that_say_what_is_meant() -> None:
    for name, member in PUBLIC.items():
        signature = signature_of(member)
        types = [parameter.annotation for parameter in signature.parameters.values()]
        types += [] if inspect.isclass(member) else [signature.return_annotation]
        assert not {inspect.Signature.empty, "Any"} & set(types), f"{name}{signature}"


def test_load_returns_a_run_unless_it_may_be_given_a_file() -> None:
    returned = [each.__annotations__["return"] for each in typing.get_overloads(mr.load)]
    assert returned == ["TrainedRun", "TrainedRun", "TrainedRun | Estimator"]


def test_the_reference_describes_every_public_name_and_all_its_parameters() -> None:
    reference = runpy.run_path(str(ROOT / "docs/user-guide/generate_reference.py"))
    groups = reference["entries"](reference["read_package"]()).values()
    entries = {entry.title.removeprefix("class "): entry for group in groups for entry in group}
    for name, member in PUBLIC.items():
        entry = entries.get(name) or entries.get(f"Estimator.{name.partition('.')[2]}")
        assert entry, f"{name}: add it to docs/user-guide/generate_reference.py"
        section = entry.section("parameters") or entry.section("attributes") or []
        described = [key.lstrip("*") for each in section for key in each.name.split(", ")]
        if "property" not in entry.item.labels:
            parameters = signature_of(member).parameters
            assert described == [key for key in parameters if key[0] != "_"], name
