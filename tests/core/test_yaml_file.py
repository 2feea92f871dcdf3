"""YAML files: the values that DVC reads, or one line; never a long wait."""

import time

import pytest
from dvc.utils.serialize import parse_yaml
from hypothesis import example, given
from hypothesis import strategies as st

from movierec.core import yaml_file
from movierec.core.errors import MovierecError


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A function that reads a text as a file; the error line if it cannot be read."""
    path = tmp_path_factory.mktemp("yaml") / "params.yaml"

    def of(text):
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        try:
            return yaml_file.read(path)
        except MovierecError as error:
            line = Refused(str(error).removeprefix(f"{path}: "))
        assert line.isprintable()
        assert len(line) < 200
        return line

    return of


class Refused(str):
    """An error line."""


SCALARS = st.one_of(
    st.from_regex(r"[-+]?[0-9_:.eExXob~a-fA-F]{1,12}", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([tT ][0-9]{2}:[0-9]{2}:[0-9]{2}Z?)?"),
    st.sampled_from(
        ["yes", "no", "on", "off", "y", "n", "true", "True", "null", "~", ".inf", ".nan", "=", "<<"]
    ),
    st.sampled_from(["!!int", "!!float", "!!bool", "!!str", "!!binary", "!!set", "!a"]).flatmap(
        lambda tag: st.text(max_size=4).map(lambda text: f"{tag} {text}")
    ),
    st.text(max_size=8),
)


@given(SCALARS)
@example("010")
@example("1:30")
@example("0o17")
@example("1_000")
@example("1e3")
@example("off")
@example("2001-01-01")
@example("2001-99-99")
@example("+_")
@example("&x 1\nb: *x")
@example("{b: 1, <<: {b: 2, c: 3}}")
@example("1\nseed: 2")
@example("1\n---\nseed: 2")
def test_values_are_those_of_dvc(read, scalar):
    text = f"seed: {scalar}\n"
    ours = read(text)
    if not isinstance(ours, Refused):
        assert repr(ours) == repr(parse_yaml(text.replace("\r\n", "\n"), "params.yaml"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("1:30", "1:30"),
        ("yes", "yes"),
        ("off", "off"),
        ("0o17", 15),
        ("0x1f", 31),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("2e-4", 0.0002),
        ("true", True),
        ("~", None),
    ],
)
def test_scalars_follow_yaml_1_2(read, text, value):
    assert read(f"a: {text}") == {"a": value}


def bomb(value):
    """Nine levels of ten aliases."""
    lines = [f"a0: &a0 {value}"]
    for level in range(1, 10):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "a: 1\nb: 2\na: 3",
            "line 3: not valid YAML: while constructing a mapping, found duplicat",
        ),
        (
            "a: 1\n---\nb: 2",
            "line 2: not valid YAML: expected a single document in the stream, but",
        ),
        ("a:\n- !!int abc", "line 2: not valid YAML: 'abc' is no int"),
        ("a: 2001-02-30", "line 1: not valid YAML: '2001-02-30' is no timestamp"),
        ("a: " + "1" * 5000, "line 1: not valid YAML: '1111111111"),
        ("a: !!python/object:os.system x", "line 1: not valid YAML: could not determine"),
        ("a: *b", "line 1: not valid YAML: found undefined alias 'b'"),
        ("&a [*a]", "line 1: not valid YAML: an alias inside its own value"),
        ("a: 1\nb: \0", "line 2: not valid YAML: character 0x00 is not allowed"),
        ("a: \x1b[31m", "line 1: not valid YAML: character 0x1b is not allowed"),
        ("a: 1".encode("utf-16"), "not UTF-8 text; save it as UTF-8"),
        (b"\xff\xfe\x00", "not UTF-8 text; save it as UTF-8"),
        ("[" * 100_000, "line 1: not valid YAML: blocks nested more than 20 deep"),
        ("- " * 100_000, "line 1: not valid YAML: blocks nested more than 20 deep"),
        ("a: 1\n" * 100_000, "line 10001: not valid YAML: more than 20,000 values"),
        (bomb("[1, 2]"), "line 5: not valid YAML: more than 20,000 values, counting aliases"),
        (bomb("{x: 1}"), "line 5: not valid YAML: more than 20,000 values, counting aliases"),
        ("a: " + "x" * 2_000_000, "more than 1,000,000 characters; make it smaller"),
    ],
    ids=range(18),
)
def test_what_is_refused_names_the_line_and_takes_no_time(read, text, line):
    start = time.perf_counter()
    assert read(text).startswith(line)
    assert time.perf_counter() - start < 10


def test_a_byte_order_mark_and_other_line_ends_do_not_matter(read):
    assert read("\ufeffa: 1\r\nb: 2\r\n") == {"a": 1, "b": 2}


def test_a_file_that_cannot_be_read(tmp_path):
    for path, line in ((tmp_path / "none", "no such file"), (tmp_path, "Is a directory")):
        with pytest.raises(MovierecError, match=f"^{path}: {line}"):
            yaml_file.read(path)
