"""The library alone: what the wheel holds works with the dependencies that it names."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata

from tests.helpers.clone import ROOT

PROGRAM = """
import importlib.metadata, sys

blocked, plots = {blocked!r}, {plots!r}

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
import movierec as mr
ratings = [1, 1, 1, 2, 2, 2, 3, 3], [1, 2, 3, 1, 2, 4, 3, 4], [5, 4, 1, 5, 3, 1, 4, 5]
blend = mr.Blend(mr.ImplicitALS(n_factors=2), mr.ALS(n_factors=2)).fit(ratings)
print(blend.save("model.safetensors"), len(mr.load("model.safetensors").recommend([1])))
print(*(blend.recommend_for({{1: 5}}, n=1).columns))
try:
    blend.rated.plot_training()
except Exception as error:
    print(error)
blocked -= plots
print(len(blend.rated.plot_training().axes), "panel")
"""
RESULT = """model.safetensors 1
rank item_id score
pictures need Matplotlib: pip install movierec[plots]
1 panel
"""


def closure(requirements: list[str]) -> set[str]:
    """The names of these packages and of all that they need."""
    names: set[str] = set()
    waiting = [re.match(r"[\w.-]+", requirement)[0] for requirement in requirements]
    while waiting:
        name = waiting.pop().lower().replace("_", "-").replace(".", "-")
        if name in names:
            continue
        names.add(name)
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another platform or Python
            continue
        waiting += [re.match(r"[\w.-]+", one)[0] for one in needed if "extra ==" not in one]
    return names


def test_the_library_needs_only_what_it_names(tmp_path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    plots = project["optional-dependencies"]["plots"]
    blocked, blocked_with_plots = (
        {
            module
            for module, owners in metadata.packages_distributions().items()
            if not {owner.lower().replace("_", "-").replace(".", "-") for owner in owners} & allowed
        }
        - {"movierec", "_distutils_hack", "pip", "setuptools"}
        for allowed in map(closure, (project["dependencies"], project["dependencies"] + plots))
    )
    assert {"dvc", "matplotlib", "jinja2", "requests", "distributed", "yaml"} <= blocked
    shutil.copytree(
        ROOT / "src/movierec",
        tmp_path / "site/movierec",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(blocked=blocked, plots=blocked - blocked_with_plots)],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == RESULT
