"""dvc.yaml against the code: a stage lists the rooms of everything it imports, and no other."""

import ast
from pathlib import Path

import pytest
import yaml
from gto.constants import assert_name_is_valid

ROOT = Path(__file__).parents[2]
ROOMS = ROOT / "src/movierec"
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]
NO_DEP = {"engine"}  # results do not depend on where work runs


def imported(path: Path) -> set[Path]:
    """The files of movierec that a file imports, including their packages."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = set()
    for name in names:
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            module = ROOT.joinpath("src", *parts[:depth])
            files |= {module.with_suffix(".py"), module / "__init__.py"}
    return {file for file in files if file.is_file()}


def rooms_of(path: Path) -> set[str]:
    """The rooms of all modules that a file imports, directly or not."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            if file != ROOMS / "__init__.py":  # it imports its public names when they are used
                waiting.extend(imported(file))
    inside = (file.relative_to(ROOMS).parts for file in found if file.is_relative_to(ROOMS))
    return {parts[0] for parts in inside if len(parts) > 1}


def code_deps(name: str) -> set[str]:
    return {dep for dep in STAGES[name]["deps"] if dep.startswith(("src/", "stages/"))}


@pytest.mark.parametrize("name", STAGES)
def test_code_deps_are_the_rooms_of_the_imports(name: str) -> None:
    script = f"stages/{name}.py"
    rooms = {f"src/movierec/{room}" for room in rooms_of(ROOT / script) - NO_DEP}
    assert code_deps(name) == {script, *rooms}


@pytest.mark.parametrize("name", ["train", "implicit"])
def test_what_cannot_change_a_model_trains_nothing_again(name: str) -> None:
    harmless = {"cli", "report", "plotting", "evaluation", "serving", "engine", "recommending"}
    assert code_deps(name).isdisjoint(f"src/movierec/{room}" for room in harmless)


@pytest.mark.parametrize("name", STAGES)
def test_plots_of_a_stage_are_one_folder(name: str) -> None:
    plots = [path_of(entry) for entry in STAGES[name].get("plots", [])]
    assert plots in ([], [f"plots/{name}"])


def test_the_file_and_each_stage_fit_on_a_screen_or_few() -> None:
    text = (ROOT / "dvc.yaml").read_text()
    assert len(text.splitlines()) <= 320
    for name in STAGES:
        stage = text.partition(f"\n  {name}:\n")[2].partition("\n\n")[0]
        assert len(stage.splitlines()) + 1 <= 40


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_says_what_it_does(name: str) -> None:
    assert len(STAGES[name]["desc"].split()) >= 5


def test_what_python_leaves_beside_code_is_no_part_of_a_dep() -> None:
    ignored = (ROOT / ".dvcignore").read_text().split()
    assert {"__pycache__", "*.pyc"} <= set(ignored)


def test_test_ratings_are_read_by_evaluate_alone() -> None:
    readers = {
        path.name for path in (ROOT / "stages").glob("*.py") if "test.parquet" in path.read_text()
    }
    assert readers == {"evaluate.py"}  # the split stage writes them


def path_of(out: str | dict[str, dict[str, bool]]) -> str:
    return out if isinstance(out, str) else next(iter(out))


def test_artifacts_are_outputs_with_names_that_a_registry_takes() -> None:
    outs = {path for entry in STAGES.values() for path in map(path_of, entry.get("outs", []))}
    for name, artifact in PIPELINE["artifacts"].items():
        assert_name_is_valid(name)
        assert artifact.keys() == {"path", "type", "desc", "labels"}
        assert artifact["path"] in outs
        assert artifact["labels"]
