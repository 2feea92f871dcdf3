"""The library alone: its wheel, installed with what it names, in an empty environment elsewhere."""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from movierec import __version__, cli
from movierec.kernels.compilation import COMPILING
from tests.helpers import tutorials
from tests.helpers.clone import ROOT, copy_project

# What the commands need from an extra; the others need none.
EXTRAS = {"report": "jinja2", "compare-runs": "dvc"}
ARGUMENTS = {
    "recommend": ["--like", "Alien", "--json"],
    "similar": ["Alien"],
    "search": ["alien"],
    "dataset": ["add", "own.csv"],
}
CHECK = """
import sys
assert mr.__file__.startswith(sys.prefix)
print(run.recommend({"Star Wars": 5, "Toy Story": 4.5}, n=10).equals(
    mr.load("run.zip").recommend({"Star Wars": 5, "Toy Story": 4.5}, n=10)))
"""
PLOT = """
import movierec as mr
als = mr.ALS(n_factors=1, max_epochs=2).fit(([1, 1, 2], [7, 8, 7], [5, 2, 4]))
for plot in (lambda: mr.load("movierec").plot("factors"), als.plot_training, als.plot_factors):
    try:
        plot()
    except mr.MovierecError as error:
        print(error)
"""


def run(*command: str | Path, folder: Path, fails: bool = False) -> tuple[str, str]:
    """The output and the errors of a command, which sees no source code of ours."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment | {"NUMBA_NUM_THREADS": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout, done.stderr.replace(f"{COMPILING}\n", "")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    copy_project(folder / "tree")
    pinned = "--require-hashes", "--build-constraints", ROOT / "requirements-setup.lock"
    uv("build", "-q", "--wheel", *pinned, "-o", folder, folder / "tree")
    [built] = folder.glob("*.whl")
    return built


def uv(*arguments: str | Path) -> None:
    run(Path(sys.prefix, "bin/uv"), *arguments, folder=ROOT)


@pytest.fixture(scope="module")
def programs(wheel) -> Path:
    """The programs of an environment that has the wheel and what it needs, and nothing else."""
    environment, required = wheel.parent / "empty", wheel.parent / "requirements.txt"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    required.write_text(f"movierec @ {wheel.as_uri()} --hash=sha256:{digest}", "utf-8")
    uv("venv", "-q", "--no-project", "--python", sys.executable, environment)
    pinned = "--require-hashes", "--constraint", ROOT / "requirements.lock"
    uv("pip", "install", "-q", "--python", environment, *pinned, "-r", required)
    return environment / "bin"


def test_the_wheel_contains_the_package_and_nothing_else(wheel) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        [metadata] = (archive.read(name) for name in names if name.endswith("/METADATA"))
    source = ROOT / "src"
    files = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    package = {name for name in names if ".dist-info/" not in name}
    assert package == {name for name in files if "__pycache__" not in name}
    assert {"movierec/py.typed", "movierec/report/templates/page.html"} < package
    extras: dict[str, set[str]] = {}
    for line in message_from_bytes(metadata).get_all("Requires-Dist"):
        requirement, _, extra = line.partition("; extra == ")
        extras.setdefault(extra.strip("\"'"), set()).add(requirement.strip())
    assert {"", "pipeline", "plots", "dask", "dev"} <= extras.keys()
    assert extras["plots"] <= extras["pipeline"]


def test_the_lines_of_the_readme_run_in_any_folder(programs, workspace, tmp_path) -> None:
    section = tutorials.read_section("../README.md", "Use it in a notebook")
    [lines] = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    (tmp_path / "movierec").symlink_to(workspace.path)
    (tmp_path / "lines.py").write_text(lines + CHECK, "utf-8")
    assert run(programs / "python", "lines.py", folder=tmp_path) == ("True\n", "")


@pytest.mark.parametrize("name", ["", *cli.cli.commands])
def test_a_command_runs_or_says_which_extra_it_needs(name, programs, workspace) -> None:
    (workspace.path / "own.csv").write_text("user_id,movie_id,rating\n1,1,5\n2,1,4\n", "utf-8")
    command = [programs / "movierec", *[name] * bool(name), *ARGUMENTS.get(name, [])]
    package = EXTRAS.get(name)
    output, errors = run(*command, folder=workspace.path, fails=package is not None)
    line = f"error: {package} is not installed; run pip install 'movierec[pipeline]'\n"
    assert errors == (line if package else "")
    assert bool(output) == (package is None)


def test_pictures_need_the_extra_plots(programs, workspace, tmp_path) -> None:
    (tmp_path / "movierec").symlink_to(workspace.path)
    output, errors = run(programs / "python", "-c", PLOT, folder=tmp_path)
    line = "matplotlib is not installed; run pip install 'movierec[plots]'\n"
    assert (output, errors) == (3 * line, "")


def test_it_knows_its_version_and_a_revision_needs_dvc(programs, workspace, tmp_path) -> None:
    shown, _ = run(programs / "movierec", "--version", folder=tmp_path)
    assert shown == f"movierec, version {__version__}\n"
    load = f"import movierec; movierec.load({json.dumps(str(workspace.path))}, rev='HEAD')"
    _, errors = run(programs / "python", "-c", load, folder=tmp_path, fails=True)
    line = "MovierecError: dvc is not installed; run pip install 'movierec[pipeline]'"
    assert errors.splitlines()[-1].endswith(line)
