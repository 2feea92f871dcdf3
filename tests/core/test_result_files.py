"""Files of results: written without infinity, read strictly, and only if of the params here."""

import json
import math
import os

import numpy as np
import pandas as pd
import pytest
import yaml

from movierec.core import result_files
from movierec.core.errors import MovierecError
from movierec.core.params import load_params
from movierec.core.paths import details
from tests.core.test_reporting import EVALUATE
from tests.helpers.clone import ROOT

PARAMS = load_params(ROOT / "params.yaml")
PATH = details("evaluate")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- Writing


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.123456789, 0.123457),
        (1234567.8, 1234570.0),
        (1e-12 / 3, 3.33333e-13),
        (12345678, 12345678),
        (np.float32(0.1), 0.1),
        (np.int64(3), 3.0),
        (math.nan, None),
        (True, True),
        ({"test": {"rmse": 2 / 3}, "n": 5}, {"test": {"rmse": 0.666667}, "n": 5}),
        ([{"p": math.nan}, 1], [{"p": None}, 1]),
    ],
)
def test_rounded(value, expected):
    assert result_files.round_metrics(value) == expected


def test_write_metrics(folder):
    result_files.write_metrics("train", {"rmse": 1 / 3, "nothing": math.nan, "n": 3})
    text = (folder / "metrics/train.json").read_text("utf-8")
    assert text == '{\n  "rmse": 0.333333,\n  "nothing": null,\n  "n": 3\n}\n'


def test_write_plot(folder):
    rows = pd.DataFrame({"epoch": [1, 2], "rmse": [1 / 3, 0.25], "validation_rmse": [None, 0.5]})
    result_files.write_plot("plots/training.csv", rows)
    expected = b"epoch,rmse,validation_rmse\n1,0.333333,\n2,0.25,0.5\n"
    assert (folder / "plots/training.csv").read_bytes() == expected


def test_a_plot_has_no_tags(folder):
    titles = ["<script>x</script> (1999)", "<!-- x", "I <3 NY, 1 < 2 > 0", "</title>"]
    titles += ["{refresh_tag} {a}", None]
    rows = pd.DataFrame({"title": titles})
    result_files.write_plot("plot.csv", rows)
    assert pd.read_csv("plot.csv", skip_blank_lines=False)["title"].tolist()[:5] == [
        "‹script>x‹/script> (1999)",
        "‹!-- x",
        "I <3 NY, 1 < 2 > 0",
        "‹/title>",
        "‹refresh_tag} {a}",
    ]
    assert rows["title"][0] == titles[0], "the table itself is as it was"


@pytest.mark.parametrize(
    "write",
    [
        lambda: result_files.write_metrics("train", {"a": {"rmse": math.inf}}),
        lambda: result_files.write_details("evaluate", PARAMS, EVALUATE | {"x": [-math.inf]}),
        lambda: result_files.write_plot("metrics/a.csv", pd.DataFrame({"x": [1, math.inf]})),
        lambda: result_files.write_plot(
            "metrics/a.csv", pd.DataFrame({"x": np.float32([math.inf])})
        ),
    ],
)
def test_infinity_is_never_written(folder, write):
    with pytest.raises(MovierecError, match=r"^[^\n]*: not written: .* infinite, [^\n]*$"):
        write()
    assert not list(folder.rglob("*.*"))


# --- The params


def test_results_are_read_only_with_the_params_that_they_were_made_with():
    result_files.write_details("evaluate", PARAMS, EVALUATE)
    assert result_files.read_details("evaluate", params=PARAMS).items() >= EVALUATE.items()
    seed = PARAMS.model_copy(update={"seed": 1})
    with pytest.raises(
        MovierecError,
        match=r"since seed was 20, but is 1 in params\.yaml; run dvc repro, or set it",
    ):
        result_files.read_details("evaluate", params=seed)
    split = seed.split.model_copy(update={"test_fraction": 0.5})
    with pytest.raises(MovierecError, match=r"since seed .*, and split\.test.* or set them back$"):
        result_files.read_details("evaluate", params=seed.model_copy(update={"split": split}))
    data = PARAMS.data.model_copy(update={"rating_max": 7.0})
    with pytest.raises(
        MovierecError, match=r"since ml-100k\.rating_max was 5\.0, but is 7\.0 in datasets\.yaml"
    ):
        result_files.read_details("evaluate", params=PARAMS.model_copy(update={"data": data}))
    other = PARAMS.model_copy(update={"dataset": "ml-25m"})
    with pytest.raises(
        MovierecError, match=r"made from data set 'ml-100k', but params\.yaml says 'ml-25m'"
    ):
        result_files.read_details("evaluate", params=other)
    elsewhere = PARAMS.data.model_copy(update={"file": "a.whl", "licence": "free"})
    moved = PARAMS.model_copy(update={"data": elsewhere, "engine": None})
    assert result_files.read_details("evaluate", params=moved)


def test_made_with_has_the_params_of_a_stage_and_of_those_before_it():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    maker = {
        str(out).split("/")[1].split(".")[0]: name
        for name, stage in stages.items()
        for out in stage["outs"]
        if str(out).startswith(("data/", "models/"))
    }

    def params_of(name):
        keys = {key for key in stages[name]["params"] if type(key) is str}
        for folder, what in (path.split("/")[:2] for path in stages[name]["deps"]):
            if folder in ("data", "models"):
                keys |= params_of(maker[what.split(".")[0]])
        return keys

    for name, keys in result_files.MADE_WITH.items():
        assert set(keys) - {"data"} == params_of(name), name


# --- Reading

CHANGES = {  # of the details of evaluate, and what is said
    "no test": (lambda m: m.pop("test"), "test: Field required"),
    "a text": (lambda m: m["test"].update(rmse="0.9"), "test.rmse: Input should be a valid number"),
    "a bool": (lambda m: m["test"].update(rmse=True), "test.rmse: Input should be a valid number"),
    "a list": (lambda m: m.update(baseline=[1]), "baseline: Input should be a valid dictionary"),
    "no baseline": (lambda m: m.update(baseline={}), "baseline: Dictionary should have at least 1"),
    "no ranking": (lambda m: m.update(ranking={}), "ranking: Dictionary should have at least 1"),
    "an empty ranking": (lambda m: m["ranking"].update(blend={}), "a ranking should have ndcg@n"),
    "other metrics": (lambda m: m["ranking"]["popularity"].clear(), "should have the same metrics"),
    "an interval": (
        lambda m: m["intervals"]["test"].update(rmse={"low": 1}),
        "high: Field re",
    ),
    "another end": (lambda m: m["intervals"]["test"]["rmse"].update(x=1), "rmse.x: Extra inputs"),
    "no interval": (lambda m: m["intervals"]["ranking"].pop("blend"), "should be of the rankings"),
    "a baseline more": (lambda m: m["baseline"].update(x=m["test"]), "be of the baselines"),
    "a count below 0": (
        lambda m: m.update(n_ranked_users=-1),
        "users: Input should be gr",
    ),
    "a huge count": (
        lambda m: m.update(n_ranked_users=2**64),
        "users: Input should be le",
    ),
    "no params": (lambda m: m.pop("made_with"), "made_with: should be the params of the run"),
    "other params": (lambda m: m["made_with"].pop("seed"), "made_with: should be the params of"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_other_figures_than_expected_are_a_line(name):
    change, reason = CHANGES[name]
    result_files.write_details("evaluate", PARAMS, EVALUATE)
    [measured] = json.loads(PATH.read_text("utf-8"))
    change(measured)
    PATH.write_text(json.dumps([measured]), "utf-8")
    with pytest.raises(MovierecError) as caught:
        result_files.read_details("evaluate", params=PARAMS)
    assert str(caught.value).startswith(f"{PATH}: damaged, or written by another version")
    assert reason in str(caught.value)
    assert str(caught.value).endswith("; run dvc repro")


CONTENTS = {  # no JSON, or other JSON, and what is said
    "empty": (b"", "Expecting value"),
    "text": (b"hello", "Expecting value"),
    "cut off": (b'[{"test": {"rmse": 0.9}', "Expecting"),
    "binary": (bytes(range(256)), "codec can't decode"),
    "utf-16": ("[]".encode("utf-16"), "codec can't decode"),
    "an object": (b"{}", "not a list of one object"),
    "two objects": (b"[{}, {}]", "not a list of one object"),
    "a list of a list": (b"[[]]", "not a list of one object"),
    "null": (b"null", "not a list of one object"),
    "NaN": (b'[{"rmse": NaN}]', "NaN is no number"),
    "infinity": (b'[{"rmse": -Infinity}]', "-Infinity is no number"),
    "too large": (b'[{"rmse": 1e999}]', "1e999 is no number"),
    "a key twice": (b'[{"rmse": 1, "rmse": 2}]', "a key is there twice"),
    "many digits": (b"[" + b"1" * 5000 + b"]", "Exceeds the limit"),
    "deep": (b"[" * 100_000, "recursion"),
    "two lines": (b"[\n", "Expecting value: line 2"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_no_json_of_results_is_a_line(name):
    content, reason = CONTENTS[name]
    PATH.parent.mkdir(parents=True)
    PATH.write_bytes(content)
    with pytest.raises(MovierecError, match=r"^[^\n]*; run dvc repro$") as caught:
        result_files.read_details("evaluate")
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: None, "no such file"),
        (PATH.mkdir, "not a file"),
        (lambda: os.mkfifo(PATH), "not a file"),
        (lambda: PATH.symlink_to("nowhere"), "not a file"),
        (lambda: PATH.symlink_to(PATH.name), "not a file"),
        (lambda: PATH.symlink_to("/dev/zero"), "not a file"),
        (lambda: os.truncate(os.open(PATH, os.O_CREAT | os.O_WRONLY), 10**9), "larger than 32 MB"),
    ],
)
def test_what_is_no_file_of_results_is_a_line(make, reason):
    PATH.parent.mkdir(parents=True)
    make()
    with pytest.raises(MovierecError, match=rf"^{PATH}: .*{reason}.*; run dvc repro$"):
        result_files.read_details("evaluate")
