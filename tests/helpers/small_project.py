"""A small project of its own in a temporary folder: params, an empty dvc.yaml, an archive."""

import contextlib
import hashlib
import runpy

import pytest
import yaml

from movierec.core import program
from movierec.datasets import recognition
from tests.helpers import archives
from tests.helpers.clone import ROOT


def write_params(folder, archive, layout="csv", **changes):
    """Write the committed params, with the data set `local` set to this archive, and a dvc.yaml."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    params["dataset"] = "local"
    params["recommend"]["min_ratings"] = 1
    for block, values in changes.items():
        params[block] |= values
    text = yaml.safe_dump(params, sort_keys=False)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    (folder / "dvc.yaml").touch()
    write_data_set(
        folder,
        path=str(archive),
        sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        layout=layout,
        folder=archives.FOLDERS.get(layout, ""),
    )


def write_data_set(where, /, **keys):
    """Write the committed datasets.yaml, with these keys for the data set `local`."""
    datasets = yaml.safe_load((ROOT / "datasets.yaml").read_text("utf-8"))
    datasets["local"] |= keys
    text = yaml.safe_dump(datasets, sort_keys=False)
    (where / "datasets.yaml").write_text(text, encoding="utf-8")


def write_parts(folder, source):
    """Set the data set `local` to a folder of parts."""
    block = recognition.describe(source).block
    datasets = yaml.safe_load((folder / "datasets.yaml").read_text("utf-8"))
    datasets["local"] = block
    (folder / "datasets.yaml").write_text(yaml.safe_dump(datasets), encoding="utf-8")


def run_stage(name):
    """Run a stage's main in this process; returns its summary."""
    return runpy.run_path(str(ROOT / "stages" / f"{name}.py"))["main"]()


def run_stages(folder, *names):
    """Run stages in a folder, one after the other."""
    with contextlib.chdir(folder):
        for name in names:
            run_stage(name)


def refusal(main, capsys):
    """Run a program that fails; returns its error line and the details below, its only output."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        program.run(main)
    assert caught.value.code == 1
    out, lines = capsys.readouterr()
    assert out == ""
    assert lines.startswith("error: ")
    return lines.removeprefix("error: ").removesuffix("\n")
