"""params.yaml and datasets.yaml: typed, closed and explained; each mistake is one line."""

import re
import shutil
from datetime import date
from itertools import pairwise

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from movierec.core import yaml_file
from movierec.core.errors import MovierecError
from movierec.core.params import SOURCES, Params, ParamsFile, TrainParams, load_params
from movierec.core.yaml_file import shorten
from tests.helpers.clone import ROOT

COMMITTED, DATA_SETS = ROOT / "params.yaml", ROOT / "datasets.yaml"
BLOCKS = ("train", "implicit", "item_regression", "recommend", "evaluate", "split", "index")
ALLOWED = ", ".join(TrainParams.model_fields)
MODELS = "should be 'damped_biases', 'biases', 'mf', 'genre_mf' or 'svdpp'"


@pytest.fixture
def folder(tmp_path):
    """A folder with the committed params, to change."""
    for path in (COMMITTED, DATA_SETS):
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.fixture
def refusal(folder):
    """Change or drop (no value) a key of params.yaml, or of datasets.yaml (`datasets/…`).

    Returns a function that does so and returns the error line.
    """

    def change(key, *value):
        path = folder / ("datasets.yaml" if key.startswith("datasets/") else "params.yaml")
        content = yaml.safe_load(path.read_text("utf-8"))
        *blocks, name = key.removeprefix("datasets/").split("/")
        block = content
        for inner in blocks:
            block = block[inner]
        if value:
            block[name] = value[0]
        else:
            del block[name]
        path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
        with pytest.raises(MovierecError) as caught:
            load_params(folder / "params.yaml")
        assert "\n" not in str(caught.value)
        return str(caught.value).removeprefix(f"{path}: ")

    return change


def test_committed_params_load():
    params = load_params(COMMITTED)
    assert params.data.folder == "recbole/dataset_example/ml-100k"
    assert params.train.max_epochs >= 1


def test_params_are_frozen():
    params = load_params(COMMITTED)
    with pytest.raises(ValueError, match="frozen"):
        params.train.n_factors = 4


def test_number_in_the_notation_of_science(folder):
    text = COMMITTED.read_text("utf-8")
    assert "min_improvement: 0.00001" in text
    path = folder / "params.yaml"
    path.write_text(text.replace("min_improvement: 0.00001", "min_improvement: 2e-4"), "utf-8")
    assert load_params(path).train.min_improvement == 0.0002


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("seed", -1, "should be an integer, 0 to 9223372036854775807, not -1"),
        ("seed", "x", "should be an integer, 0 to 9223372036854775807, not 'x'"),
        ("seed", True, "should be an integer, 0 to 9223372036854775807, not True"),
        ("seed", 2**63, "should be an integer, 0 to 9223372036854775807, not 9223372036854775808"),
        ("seed", None, "should be an integer, 0 to 9223372036854775807, not None"),
        (
            "seed",
            date(2001, 1, 1),
            "should be an integer, 0 to 9223372036854775807, not datetime.date(2001, 1, 1)",
        ),
        ("dataset", 100, "should be text, not 100"),
        ("train", 3, "should be a block of keys, not 3"),
        ("train/n_factors", 8.5, "should be an integer, 0 to 1024, not 8.5"),
        ("train/n_factors", True, "should be an integer, 0 to 1024, not True"),
        ("train/n_factors", 2000, "should be an integer, 0 to 1024, not 2000"),
        ("train/factor_precision", True, "should be a number, 0 to 1000000, not True"),
        (
            "train/factor_precision",
            "much",
            "should be a number, 0 to 1000000, not 'much'",
        ),
        ("train/factor_precision", float("nan"), "should be a number, 0 to 1000000, not nan"),
        ("train/factor_precision", 1e300, "should be a number, 0 to 1000000, not 1e+300"),
        ("train/rating_precision", 0, "should be a number, 0.000001 to 1000000, not 0"),
        ("train/init_scale", 1e-300, "should be a number, 0.0001 to 10, not 1e-300"),
        ("recommend/rating_weight", 1e39, "should be a number, 0 to 1000, not 1e+39"),
        ("train/model", "x" * 100_000, f"{MODELS}, not '{'x' * 58}…"),
        ("train/" + "k" * 100_000, 1, f"unknown key; allowed here: {ALLOWED}"),
        ("train/one\ntwo", 1, f"unknown key; allowed here: {ALLOWED}"),
        ("engine/memory_limit", 0, "should be a size such as 2 GB, 1 MB to 1 PB, not 0"),
        (
            "engine/memory_limit",
            "2,5 GB",
            "should be a size such as 2 GB, 1 MB to 1 PB, not '2,5 GB'",
        ),
        ("engine/memory_limit", True, "should be a size such as 2 GB, 1 MB to 1 PB, not True"),
        ("engine/broadcast_limit", "much", "should be a size such as 2 GB, 0 to 1 PB, not 'much'"),
        (
            "engine/broadcast_limit",
            "9" * 400,
            f"should be a size such as 2 GB, 0 to 1 PB, not '{'9' * 58}…",
        ),
        (
            "engine/scheduler",
            "10.0.0.1:8786",
            "should be local, tcp://… or tls://…, not '10.0.0.1:8786'",
        ),
        *(
            (
                "engine/host",
                host,
                f"should be an IP address or a host name of this machine, not {host!r}",
            )
            for host in (
                "",
                " ",
                "*",
                "0",
                "0x0",
                "1.2",
                "127.0.0.1:80",
                "tcp://127.0.0.1",
                "a b",
                "-a",
            )
        ),
        *(
            (
                "engine/host",
                host,
                f"should be a single address of this machine, not {host!r}",
            )
            for host in ("0.0.0.0", "::", "0::0", "::ffff:0.0.0.0")  # noqa: S104
        ),
        ("train/refit", 1, "should be true or false, not 1"),
        ("train/dtype", "f16", "should be 'float32' or 'float64', not 'f16'"),
        ("split/test_fraction", 1.0, "should be a number, above 0 and below 1, not 1.0"),
        ("split/test_fraction", 0, "should be a number, above 0 and below 1, not 0"),
        ("evaluate/relevant_rating", 0.8, "should be a number, 1 to 5, not 0.8"),
        ("evaluate/relevant_rating", 8, "should be a number, 1 to 5, not 8"),
        (
            "split/protocol",
            "random",
            "should be 'per_user_random', 'per_rating_random', 'last_per_user', 'point_in_time',"
            " 'users' or 'given', not 'random'",
        ),
        (
            "split/fraction",
            0.1,
            "unknown key; allowed here: protocol, test_fraction, validation_fraction,"
            " given_fraction, positive_rating, min_user_ratings, min_movie_ratings",
        ),
        (
            "sed",
            3,
            "unknown key; allowed here: dataset, train, implicit, item_regression,"
            " recommend, page, evaluate, split, index, seed, engine",
        ),
        (
            "train/gibbs/samples_",
            3,
            "unknown key; allowed here: start_epochs, burn_in, samples, thin",
        ),
        (
            "datasets/local/url",
            "x",
            "unknown key; allowed here: layout, folder, encoding, rating_min, rating_max, licence,"
            " source, path, sha256, parts, header, separator, columns",
        ),
        ("datasets/local/path", 3, "should be text, not 3"),
        ("datasets/local/path", "", "should be a file's path, not ''"),
        ("datasets/local/path", "a\0b", "should be a file's path, not 'a\\x00b'"),
        (
            "datasets/local/rating_max",
            1e10,
            "should be a number, -1000000000 to 1000000000, not 10000000000.0",
        ),
        (
            "datasets/a.b",
            {},
            "should be a name of letters, digits, - and _, not 'a.b' (and 1 more)",
        ),
        (
            "datasets/a[0]",
            {},
            "should be a name of letters, digits, - and _, not 'a[0]' (and 1 more)",
        ),
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
        (
            "datasets/ml-1m/url",
            "https://me:secret@x/a.zip?key=secret",
            "should be without user:password@, which belong in ~/.netrc",
        ),
        (
            "datasets/ml-1m/url",
            "https://me:sec/ret@x/a.zip",
            "should be an address that begins with https:// or http://",
        ),
        (
            "engine/scheduler",
            "tcp://me:secret@x:8786",
            "should be local, tcp://… or tls://…, not 'tcp://x:8786'",
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
    assert refusal(key, value) == f"{dotted(key)}: {reason}"


def dotted(key):
    parts = key.removeprefix("datasets/").split("/")
    return ".".join(part if re.fullmatch(r"[\w-]{1,60}", part) else shorten(part) for part in parts)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (
            "datasets/local/source",
            "ftp",
            "local: source should be package or url or path, not 'ftp'",
        ),
        (
            "datasets/local/rating_min",
            7,
            "local: rating_min should be less than rating_max",
        ),
        *(
            (
                f"datasets/local/rating_{end}",
                value,
                "local: rating_min and rating_max should be within ±1e9, and differ by at least"
                " 1e-9 and a thousandth of the larger, or ratings lose digits; shift or multiply"
                " all ratings",
            )
            for end, value in [("min", 4.999), ("max", 0.5 + 1e-9)]
        ),
        ("datasets/ml-1m/sha256", None, "ml-1m: sha256 or md5 should be set"),
        ("datasets/local/separator", ";", "local: separator is only for layout ratings_csv"),
        (
            "datasets/local/columns",
            {"rating": "stars"},
            "local: columns is only for layout ratings_csv or ratings_parquet",
        ),
        (
            "datasets/local/columns",
            {"rating": None},
            "local.columns: rating should be the name of a column",
        ),
    ],
)
def test_values_that_do_not_fit_each_other(refusal, key, value, line):
    assert refusal(key, value) == line


@pytest.mark.parametrize(
    "key", ["seed", "dataset", "train", "train/dtype", "datasets/local/layout"]
)
def test_missing_key(refusal, key):
    assert refusal(key) == f"{dotted(key)}: is missing"


def test_data_set_without_a_source(refusal):
    line = "local: source is missing; it should be package or url or path"
    assert refusal("datasets/local/source") == line


def test_unknown_data_set(refusal):
    line = refusal("dataset", "ml-7")
    assert line.startswith("dataset: should be a data set of datasets.yaml (ml-100k, ")
    assert line.endswith(", not 'ml-7'")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        *(
            (text, r"line \d: not valid YAML: ")
            for text in ("seed: [1", "seed: 1\n  train: 2", "\tseed: 1", "a: b: c")
        ),
        *((text, "the file: should be a block of keys, not ") for text in ("", "- 1", "seed")),
        ("seed: 1\n", r"dataset: is missing \(and 9 more\)$"),
        (None, "no such file; run this in the project folder$"),
    ],
)
def test_bad_file(folder, text, line):
    path = folder / "params.yaml"
    path.unlink() if text is None else path.write_text(text, "utf-8")
    with pytest.raises(MovierecError, match=f"^{re.escape(str(path))}: {line}") as caught:
        load_params(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [("ml: 3", "ml: should be "), ("- 1", "the file: should be "), (None, "no such file; ")],
)
def test_bad_file_of_data_sets(folder, text, line):
    path = folder / "datasets.yaml"
    path.unlink() if text is None else path.write_text(text, "utf-8")
    with pytest.raises(MovierecError, match=f"^{re.escape(str(path))}: {line}"):
        load_params(folder / "params.yaml")


def test_every_field_is_in_params_yaml_and_back():
    """There are no defaults in the code."""
    content = yaml.safe_load(COMMITTED.read_text("utf-8"))
    assert list(content) == list(ParamsFile.model_fields)
    for name in BLOCKS:
        fields = ParamsFile.model_fields[name].annotation.model_fields
        assert sorted(content[name]) == sorted(fields)
        assert all(field.is_required() for field in fields.values())
    for source, model in SOURCES.items():
        data_sets = yaml.safe_load(DATA_SETS.read_text("utf-8")).values()
        blocks = [block for block in data_sets if block["source"] == source]
        assert set(model.model_fields) - {"encoding"} <= {key for block in blocks for key in block}


def test_every_key_is_explained():
    """Each key and each data set has a comment on its line or just above."""
    for above, line in pairwise(COMMITTED.read_text("utf-8").splitlines()):
        if re.match(r" *[\w-]+: *\S", line):
            assert "  # " in line or above.lstrip().startswith("# "), line
    for above, line in pairwise(DATA_SETS.read_text("utf-8").splitlines()):
        if re.match(r"[\w-]+:", line):
            assert above.startswith("# "), line


def keys_of(content, *blocks):
    for key, value in content.items():
        if isinstance(value, dict):
            yield from keys_of(value, *blocks, key)
        else:
            yield (*blocks, key)


@pytest.mark.parametrize("keys", list(keys_of(yaml_file.read(COMMITTED))), ids=".".join)
def test_comments_name_the_range_that_the_error_names(refusal, keys):
    reason = refusal("/".join(keys), -1e300)
    allowed = re.search(r"should be (?:an? \w+(?: such as 2 GB)?), (.*), not -1e\+300", reason)
    if allowed:
        block = COMMITTED.read_text("utf-8")
        for key in keys[:-1]:
            block = block.partition(f"{key}:\n")[2]
        line = re.search(rf"^ *{keys[-1]}: .*", block, re.MULTILINE)[0]
        assert re.search(rf"\b{allowed[1]}\b", line)


def mutated(text):
    """The text with a few pieces replaced."""
    pieces = st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            [
                "\0",
                "\ufeff",
                "\t",
                "&a ",
                "*a",
                "<<: ",
                "!!int ",
                "- ",
                "? ",
                "{",
                "]",
                "%",
                "---\n",
            ]
        ),
        st.from_regex(r"[-+]?[0-9._:eE]{1,400}", fullmatch=True),
    )
    edit = st.tuples(st.integers(0, len(text)), st.integers(0, 40), pieces)

    def apply(edits):
        changed = text
        for start, length, piece in edits:
            changed = changed[:start] + piece + changed[start + length :]
        return changed

    return st.lists(edit, min_size=1, max_size=3).map(apply)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400)])
    | st.floats()
    | st.dates()
    | st.binary(max_size=4)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@st.composite
def with_odd_values(draw, path):
    """The file with values of any type under a few of its keys, or under others."""
    content = yaml_file.read(path)
    for _ in range(draw(st.integers(1, 3))):
        block = content
        while isinstance(block, dict) and block:
            key = draw(st.sampled_from(sorted(block, key=str)) | st.text(max_size=4) | st.dates())
            if not isinstance(block.get(key), dict) or draw(st.booleans()):
                block[key] = draw(VALUES)
                break
            block = block[key]
    return yaml.safe_dump(content, allow_unicode=True)


@pytest.mark.parametrize("path", [COMMITTED, DATA_SETS], ids=lambda path: path.name)
@settings(max_examples=80)
@given(data=st.data())
def test_any_text_gives_params_or_one_line(tmp_path_factory, path, data):
    folder = tmp_path_factory.mktemp("odd")
    for name in (COMMITTED, DATA_SETS):
        shutil.copy(name, folder)
    text = data.draw(mutated(path.read_text("utf-8")) | with_odd_values(path))
    (folder / path.name).write_text(text, "utf-8", errors="surrogatepass")
    try:
        assert isinstance(load_params(folder / "params.yaml"), Params)
    except MovierecError as error:
        line = str(error).replace(str(folder), "")
        assert line.isprintable()
        assert len(line) < 1000


def test_params_fit_on_two_screens():
    assert len(COMMITTED.read_text("utf-8").splitlines()) <= 102
