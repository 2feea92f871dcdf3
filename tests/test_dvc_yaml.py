"""dvc.yaml against the code: the deps of a stage are exactly what it imports."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())


def imported(path: Path) -> set[Path]:
    """Files of movierec that a file imports, with the packages they lie in."""
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


def closure(path: Path) -> set[str]:
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting.extend(imported(file))
    return {str(file.relative_to(ROOT)) for file in found}


@pytest.mark.parametrize("name", PIPELINE["stages"])
def test_code_deps_are_the_imports(name: str) -> None:
    code = {dep for dep in PIPELINE["stages"][name]["deps"] if dep.endswith(".py")}
    assert code == closure(ROOT / "stages" / f"{name}.py")


@pytest.mark.parametrize("name", PIPELINE["stages"])
def test_every_stage_says_what_it_does(name: str) -> None:
    assert len(PIPELINE["stages"][name]["desc"].split()) >= 5


def test_test_ratings_are_read_by_evaluate_alone() -> None:
    readers = {
        path.name for path in (ROOT / "stages").glob("*.py") if "test.parquet" in path.read_text()
    }
    assert readers == {"evaluate.py"}  # split writes them, in split_blocks.py
