"""params.yaml: typed, closed and explained; each mistake in it is one line."""

import re
from itertools import pairwise

import pytest
import yaml

from movierec.core.errors import MovierecError
from movierec.core.params import SOURCES, Params, load_params
from tests.helpers.clone import ROOT

COMMITTED = ROOT / "params.yaml"
BLOCKS = ("index", "split", "train", "implicit", "evaluate", "recommend")


@pytest.fixture
def refusal(tmp_path):
    """Change one key of the committed params, or drop it (no value); return the one line."""

    def change(key, *value):
        content = yaml.safe_load(COMMITTED.read_text("utf-8"))
        *blocks, name = key.split("/")
        block = content
        for inner in blocks:
            block = block[inner]
        if value:
            block[name] = value[0]
        else:
            del block[name]
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
        with pytest.raises(MovierecError) as caught:
            load_params(path)
        assert "\n" not in str(caught.value)
        return str(caught.value).removeprefix(f"{path}: ")

    return change


def test_committed_params_load():
    params = load_params(COMMITTED)
    assert params.data == params.datasets[params.dataset]
    assert params.train.max_epochs >= 1


def test_params_are_frozen():
    params = load_params(COMMITTED)
    with pytest.raises(ValueError, match="frozen"):
        params.train.n_factors = 4


def test_number_in_the_notation_of_science(tmp_path):
    text = COMMITTED.read_text("utf-8")
    assert "min_improvement: 0.0001" in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("min_improvement: 0.0001", "min_improvement: 2e-4"), "utf-8")
    assert load_params(path).train.min_improvement == 0.0002


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("seed", -1, "should be greater than or equal to 0, not -1"),
        ("seed", "x", "should be a valid integer, not 'x'"),
        ("seed", True, "should be a valid integer, not True"),
        ("dataset", 100, "should be a valid string, not 100"),
        ("train", 3, "should be a block of keys, not 3"),
        ("datasets", 3, "should be a block of keys, not 3"),
        ("train/n_factors", 8.5, "should be a valid integer, not 8.5"),
        ("train/n_factors", True, "should be a valid integer, not True"),
        ("train/n_factors", 2000, "should be less than or equal to 1024, not 2000"),
        ("train/factor_precision", True, "should be a number, not True"),
        (
            "train/factor_precision",
            "much",
            "should be a valid number, unable to parse string as a number, not 'much'",
        ),
        ("train/factor_precision", float("nan"), "should be a finite number, not nan"),
        ("train/rating_precision", 0, "should be greater than 0, not 0"),
        ("train/refit", 1, "should be a valid boolean, not 1"),
        ("train/dtype", "f16", "should be 'float32' or 'float64', not 'f16'"),
        ("split/test_fraction", 1.0, "should be less than 1, not 1.0"),
        ("split/test_fraction", 0, "should be greater than 0, not 0"),
        (
            "split/protocol",
            "random",
            "should be 'per_user_random', 'per_rating_random', 'last_per_user' or 'point_in_time',"
            " not 'random'",
        ),
        (
            "split/fraction",
            0.1,
            "unknown key; allowed here: protocol, test_fraction, validation_fraction",
        ),
        (
            "sed",
            3,
            "unknown key; allowed here: seed, dataset, datasets, index, split, train, implicit,"
            " evaluate, recommend, engine",
        ),
        (
            "datasets/local/url",
            "x",
            "unknown key; allowed here: layout, folder, encoding, rating_min, rating_max, licence,"
            " source, path, sha256",
        ),
        ("datasets/local/path", 3, "should be a valid string, not 3"),
        (
            "datasets/local/sha256",
            "abc",
            "should be 64 hexadecimal digits in lower case, not 'abc'",
        ),
        (
            "datasets/local/layout",
            "xls",
            "should be 'csv', 'dat', '100k', 'recbole', 'ratings_csv' or 'ratings_parquet',"
            " not 'xls'",
        ),
        (
            "datasets/ml-1m/url",
            "ftp://x",
            "should be an address that begins with https:// or http://, not 'ftp://x'",
        ),
        (
            "datasets/ml-1m/file",
            "../x.zip",
            "should be a file's name, without a folder, not '../x.zip'",
        ),
        (
            "datasets/ml-25m/mirror_url",
            "films.example",
            "should be an address that begins with https:// or http://, not 'films.example'",
        ),
        ("datasets/ml-100k/requirement", "recbole>1", "should be name==version, not 'recbole>1'"),
        *(
            (
                "datasets/ml-1m/folder",
                folder,
                f"should be a folder inside the archive: a or a/b, without .., not {folder!r}",
            )
            for folder in ("/etc", "..", "../x", "a/../b", "a/..", "./a", "a/", "a//b", "a\\b")
        ),
    ],
)
def test_bad_value(refusal, key, value, reason):
    assert refusal(key, value) == f"{key.replace('/', '.')}: {reason}"


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (
            "datasets/local/source",
            "ftp",
            "datasets.local: source should be package or url or path, not 'ftp'",
        ),
        (
            "datasets/local/rating_min",
            7,
            "datasets.local: rating_min should be less than rating_max",
        ),
        ("datasets/ml-1m/sha256", None, "datasets.ml-1m: sha256 or md5 should be set"),
    ],
)
def test_values_that_do_not_fit_each_other(refusal, key, value, line):
    assert refusal(key, value) == line


@pytest.mark.parametrize(
    "key", ["seed", "dataset", "datasets", "train", "train/dtype", "recommend/top_n"]
)
def test_missing_key(refusal, key):
    assert refusal(key) == f"{key.replace('/', '.')}: is missing"


def test_data_set_without_a_source(refusal):
    line = "datasets.local: source is missing; it should be package or url or path"
    assert refusal("datasets/local/source") == line


def test_unknown_data_set(refusal):
    line = refusal("dataset", "ml-7")
    assert line.startswith("dataset: should be a block under datasets (ml-100k, ")
    assert line.endswith(", not 'ml-7'")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        *(
            (text, r"not valid YAML: .*line \d, column \d")
            for text in ("seed: [1", "seed: 1\n  train: 2", "\tseed: 1", "a: b: c")
        ),
        *((text, "the file: should be a block of keys, not ") for text in ("", "- 1", "seed")),
        ("seed: 1\n", r"dataset: is missing \(and 8 more\)$"),
        (None, "no such file; run this in the project's folder$"),
    ],
)
def test_bad_file(tmp_path, text, line):
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(MovierecError, match=f"^{re.escape(str(path))}: {line}") as caught:
        load_params(path)
    assert "\n" not in str(caught.value)


def test_every_field_is_in_params_yaml_and_back():
    """No default hides in the code."""
    content = yaml.safe_load(COMMITTED.read_text("utf-8"))
    assert list(content) == list(Params.model_fields)
    for name in BLOCKS:
        fields = Params.model_fields[name].annotation.model_fields
        assert sorted(content[name]) == sorted(fields)
        assert all(field.is_required() for field in fields.values())
    for source, model in SOURCES.items():
        blocks = [block for block in content["datasets"].values() if block["source"] == source]
        assert set(model.model_fields) - {"encoding"} <= {key for block in blocks for key in block}


def test_every_key_is_explained():
    """A comment stands right above each key, and above each data set."""
    lines = COMMITTED.read_text("utf-8").splitlines()
    block, explained = "", set()
    for above, line in pairwise(lines):
        if found := re.match(r"(\w+):", line):
            block = found[1]
        key = re.match(r" *([\w-]+):", line)
        if key and above.lstrip().startswith("#"):
            indented = line.startswith(" ")
            explained.add(f"{block}.{key[1]}" if indented else key[1])
    content = yaml.safe_load(COMMITTED.read_text("utf-8"))
    keys = {f"{name}.{key}" for name in (*BLOCKS, "datasets") for key in content[name]}
    assert keys | {"seed", "dataset", "datasets"} <= explained
