"""A program ends on bad input with one line and status 1; a traceback only if asked for."""

import errno

import pytest

from movierec.core import extras
from movierec.core.errors import MovierecError
from movierec.core.program import run


def end(error):
    def main():
        raise error

    return main


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.delenv("MOVIEREC_LOG", raising=False)


def test_a_program_that_ends_well(capsys):
    run(lambda: print("done"))
    assert capsys.readouterr() == ("done\n", "")


def test_error_of_the_system_is_one_line_that_names_the_file(capsys, tmp_path):
    with pytest.raises(SystemExit) as caught:
        run(lambda: print((tmp_path / "none.txt").read_text()))
    assert caught.value.code == 1
    captured = capsys.readouterr().err
    assert captured.startswith("error: ")
    assert captured.count("\n") == 1
    assert str(tmp_path / "none.txt") in captured


def test_debug_shows_the_traceback_and_then_the_same_line(monkeypatch, capsys):
    monkeypatch.setenv("MOVIEREC_LOG", "debug")
    with pytest.raises(SystemExit) as caught:
        run(end(MovierecError("why", ["a detail"])))
    assert caught.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last):\n")
    assert "    raise error\n" in said
    assert said.endswith("\nerror: why\n  a detail\n")


def test_another_word_than_debug_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("MOVIEREC_LOG", "verbose")
    with pytest.raises(SystemExit) as caught:
        run(lambda: pytest.fail("it ran"))
    assert caught.value.code == 1
    line = "error: MOVIEREC_LOG is 'verbose': set it to debug, or unset it\n"
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize(("package", "extra"), extras.EXTRAS.items())
def test_a_missing_package_is_one_line_with_its_extra(capsys, package, extra):
    with pytest.raises(SystemExit):
        run(end(ModuleNotFoundError(name=f"{package}.part")))
    line = f"error: {package} is not installed; run pip install 'movierec[{extra}]'\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("bug", [ZeroDivisionError("a bug"), ModuleNotFoundError(name="movieric")])
def test_a_defect_is_not_dressed_up_as_bad_input(bug):
    with pytest.raises(type(bug)):
        run(end(bug))


FULL = "No space left on device; make room on that disk, then run this again"
READ_ONLY = "Read-only file system; make it writable, then run this again"


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (MovierecError("params.yaml: seed:\n   is missing"), "params.yaml: seed: is missing\n"),
        (MovierecError("films[0]: not [bold]x[/bold]"), "films[0]: not [bold]x[/bold]\n"),
        (MovierecError("two rows", ["1   a  b", "2   c"]), "two rows\n  1   a  b\n  2   c\n"),
        (OSError(errno.ENOSPC, "of a library", "data/index"), f"data/index: {FULL}\n"),
        (OSError(errno.EROFS, "of a library", "data/index"), f"data/index: {READ_ONLY}\n"),
        (OSError(errno.ENOENT, "of a library", "a"), "a: No such file or directory\n"),
    ],
)
def test_bad_input_is_one_line_then_details(capsys, error, lines):
    with pytest.raises(SystemExit) as caught:
        run(end(error))
    assert caught.value.code == 1
    assert capsys.readouterr() == ("", f"error: {lines}")
