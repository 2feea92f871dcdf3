"""The docstrings of the package: their examples run."""

from tests.helpers import docstrings


def test_the_examples_of_docstrings_show_what_they_say(tmp_path, monkeypatch) -> None:
    """Those that need a finished run are in tests/pipeline/test_python_api.py."""
    monkeypatch.chdir(tmp_path)
    examples = [each for each in docstrings.examples() if not docstrings.needs_a_run(each)]
    assert docstrings.failures(examples) == ""
