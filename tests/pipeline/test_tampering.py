"""Changed or damaged inputs: one clear error line, and never a wrong result."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.generate import generate, write_zip
from movierec import cli
from movierec.core.errors import MovierecError
from movierec.core.paths import IMPLICIT_MODEL, ITEM_REGRESSION, MODEL
from movierec.model.model_file import read_model, read_regression, write_model
from tests.helpers import small_project
from tests.helpers.clone import STAGES
from tests.helpers.random_data import MODEL_ARRAYS, random_model
from tests.helpers.small_project import run_stage, write_params

INDEX = "users", "items", "ratings_by_user", "ratings_by_item"
SPLIT = "train_by_user", "train_users", "train_by_item", "train_items", "validation", "test"
# Which stage, run by hand, reads which files.
READ = {
    "split": [f"data/index/{name}.parquet" for name in INDEX[:3]],
    "train": [f"data/split/{name}.parquet" for name in SPLIT[:5]],
    "implicit": [f"data/split/{name}.parquet" for name in SPLIT[:5]],
    "item_regression": [f"data/split/{name}.parquet" for name in SPLIT[:5]],
    "evaluate": ["data/index/items.parquet"]
    + [f"data/split/{name}.parquet" for name in (*SPLIT[:2], *SPLIT[4:])],
    "recommend": [f"data/index/{name}.parquet" for name in INDEX[:3]]
    + [f"data/split/{name}.parquet" for name in SPLIT[:5]],
    "export": [f"data/index/{name}.parquet" for name in INDEX[:2]],
    "draw": [f"data/index/{name}.parquet" for name in INDEX[:2]],
    "movierec recommend": [f"data/index/{name}.parquet" for name in INDEX[:3]],
    "movierec similar": ["data/index/items.parquet"],
}
PAIRS = [(stage, name) for stage, names in READ.items() for name in names]


def make_project(folder, seed):
    """A project in which all stages ran."""
    folder.mkdir()
    write_zip(generate(1500, seed), folder / "mine.zip", name="mine")
    train = {"n_factors": 3, "max_epochs": 3, "patience": 3}
    write_params(folder, folder / "mine.zip", train=train)
    text = (folder / "datasets.yaml").read_text("utf-8").replace("folder: ml-tiny", "folder: mine")
    (folder / "datasets.yaml").write_text(text, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in STAGES[:-1]:
            run_stage(stage)
    return folder


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("good") / "project", 0)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """The same project with other ratings, under the same name of the data set."""
    return make_project(tmp_path_factory.mktemp("other") / "project", 1)


@pytest.fixture
def project(good, monkeypatch):
    """The project as the current folder, to damage; restored after the test."""
    monkeypatch.chdir(good)
    monkeypatch.delenv("MOVIEREC_LOG", raising=False)
    before = contents(good)
    yield good
    after = contents(good)
    for path in after.keys() - before.keys():
        path.unlink()
    for path, content in before.items():
        if after.get(path) != content:
            if path.is_dir():
                shutil.rmtree(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def refusal(project, capsys):
    """The error line of a program, which must leave all files unchanged."""

    def run(main):
        before = contents(project)
        line = small_project.refusal(main, capsys)
        assert contents(project) == before
        assert not list(project.rglob("*.partial"))
        assert "\n" not in line
        return line

    return run


def by_hand(stage):
    return lambda: run_stage(stage)


def movierec(*arguments):
    return lambda: cli.cli(arguments, standalone_mode=False)


PROGRAMS = {stage: by_hand(stage) for stage in STAGES} | {
    "movierec recommend": movierec("recommend", "--user-id", "1", "--json"),
    "movierec similar": movierec("similar", "Film 5, The (1955)", "--json"),
}
# Those that read the model; movierec similar reads the implicit one.
ASK = [name for name in PROGRAMS if name not in (*STAGES[:6], "movierec similar")]


def edit(path):
    """Change one number in the middle of a file with pandas."""
    table = pq.read_table(path)
    name = "rating" if "rating" in table.column_names else "n_ratings"
    number = table.column_names.index(name)
    values = table[name].to_numpy().copy()
    values[len(values) // 2] = 1.5 if values[len(values) // 2] != 1.5 else 2.5
    pq.write_table(table.set_column(number, name, pa.array(values, table[name].type)), path)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


HARMS = dict.fromkeys((edit, cut, flip), "changed since it was written")
HARMS |= {Path.unlink: "no such file"}
CASES = [(*pair, harm) for pair in PAIRS for harm in HARMS]


@pytest.mark.parametrize(
    ("program", "name", "harm"), [*CASES, ("index", "data/raw/mine.zip", flip)]
)
def test_a_changed_or_missing_file_is_named(refusal, program, name, harm):
    harm(Path(name))
    assert refusal(PROGRAMS[program]) == f"{name}: {HARMS[harm]}; run dvc repro"


@pytest.mark.parametrize("stage", STAGES[1:-1])
def test_a_missing_data_folder_is_named(refusal, stage):
    shutil.rmtree("data")
    line = refusal(by_hand(stage))
    assert line.startswith("data/")
    assert line.endswith("/manifest.json: no such file; run dvc repro")
    assert not Path("data").exists()


READERS = {"index": "raw", "split": "index"} | dict.fromkeys(
    ("train", "implicit", "item_regression"), "split"
)
READERS |= {"evaluate": "split", "recommend": "index", "export": "index", "draw": "index"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"x"', "{}", '{"download": {}}', '{"dataset": "local"}']
)
@pytest.mark.parametrize("stage", READERS)
def test_a_manifest_that_is_none(refusal, stage, text):
    path = Path("data", READERS[stage], "manifest.json")
    path.write_text(text, "utf-8")
    assert refusal(by_hand(stage)).startswith(f"{path.parent}")


@pytest.mark.parametrize("stage", READERS)
def test_a_manifest_of_another_data_set(refusal, stage):
    path = Path("data", READERS[stage], "manifest.json")
    manifest = json.loads(path.read_text("utf-8"))
    manifest["download"]["params"]["dataset"] = "ml-25m"
    path.write_text(json.dumps(manifest), "utf-8")
    line = refusal(by_hand(stage))
    assert line == (
        f"{path.parent}: made from data set 'ml-25m', but params.yaml says 'local'; run dvc repro"
    )


@pytest.mark.parametrize("stage", READERS)
def test_a_folder_of_other_ratings(refusal, other, stage):
    """The folder is complete, but does not belong to the other data."""
    if stage in ("evaluate", "recommend", "export", "draw"):
        folder = Path("data", READERS[stage])
        shutil.rmtree(folder)
        shutil.copytree(other / folder, folder)
        assert "than the current data; run dvc repro" in refusal(by_hand(stage))
    else:
        shutil.copyfile(
            other / "data" / READERS[stage] / "manifest.json",
            Path("data", READERS[stage], "manifest.json"),
        )
        assert "changed since it was written; run dvc repro" in refusal(by_hand(stage))


def test_a_split_of_another_seed_is_not_evaluated_with_this_model(refusal):
    """Some of its test ratings are training ratings of the model."""
    params = Path("params.yaml")
    params.write_text(params.read_text("utf-8").replace("seed: 20", "seed: 21"), "utf-8")
    run_stage("split")
    assert "made from another run of split than the current data" in refusal(by_hand("evaluate"))


# --- The model

CHANGED = "changed since it was trained; restore it with dvc checkout --force"


@pytest.mark.parametrize("asked", ASK)
def test_a_model_of_other_ratings(refusal, other, asked):
    shutil.copyfile(other / MODEL, MODEL)
    assert "than the current data; run dvc repro" in refusal(PROGRAMS[asked])


@pytest.mark.parametrize("asked", ASK)
@pytest.mark.parametrize("shape", [(50, 650, 3), (9, 7, 3), (60, 600, 0)])
def test_a_model_of_another_shape(refusal, asked, shape):
    """With the manifest of the correct model."""
    manifest = read_model(MODEL).manifest
    write_model(MODEL, replace(random_model(1, *shape, dtype="float32"), manifest=manifest))
    assert refusal(PROGRAMS[asked]) == f"{MODEL}: {CHANGED}"


def pickle(path):
    with path.open("wb") as stream:
        np.savez(stream, **{name: np.array([{}], object) for name in MODEL_ARRAYS})


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def empty(path):
    path.write_bytes(b"")


def replace_by_text(path):
    path.write_text("a model", "utf-8")


@pytest.mark.parametrize("asked", ASK)
@pytest.mark.parametrize(
    "harm", [cut, flip, pickle, empty, replace_by_text, Path.unlink, replace_by_folder]
)
def test_a_damaged_model(refusal, asked, harm):
    harm(MODEL)
    assert refusal(PROGRAMS[asked]).startswith(f"{MODEL}: ")


@pytest.mark.parametrize("stage", ["evaluate", "recommend"])
def test_one_model_in_the_place_of_the_other(refusal, stage):
    shutil.copyfile(IMPLICIT_MODEL, MODEL)
    assert refusal(by_hand(stage)) == (f"{MODEL}: not written by the train stage; run dvc repro")


IMPLICIT = ["evaluate", "recommend", "movierec recommend", "movierec similar"]


@pytest.mark.parametrize("asked", IMPLICIT)
def test_a_damaged_implicit_model(refusal, asked):
    cut(IMPLICIT_MODEL)
    assert refusal(PROGRAMS[asked]).startswith(f"{IMPLICIT_MODEL}: not a complete model")


@pytest.mark.parametrize("asked", IMPLICIT[:3])
def test_a_damaged_item_regression(refusal, asked):
    cut(ITEM_REGRESSION)
    assert refusal(PROGRAMS[asked]).startswith(f"{ITEM_REGRESSION}: not a complete model")


@pytest.mark.parametrize("asked", IMPLICIT[:3])
def test_an_item_regression_with_other_weights(refusal, asked):
    regression = read_regression(ITEM_REGRESSION)
    write_model(ITEM_REGRESSION, replace(regression, weights=regression.weights + 1))
    assert refusal(PROGRAMS[asked]) == f"{ITEM_REGRESSION}: {CHANGED}"


@pytest.mark.parametrize("asked", IMPLICIT)
def test_an_implicit_model_with_other_item_factors(refusal, asked):
    model = read_model(IMPLICIT_MODEL)
    write_model(IMPLICIT_MODEL, replace(model, item_factors=model.item_factors + 1))
    assert refusal(PROGRAMS[asked]) == f"{IMPLICIT_MODEL}: {CHANGED}"


def test_what_a_new_person_does_not_need_is_not_read(project):
    """Only stages check the users' rows; a new user's list does not need them."""
    path = Path(MODEL)
    content = bytearray(path.read_bytes())
    content[content.index(read_model(path).user_factors.tobytes())] ^= 1
    path.write_bytes(content)
    movierec("recommend", "--user-id", "1", "--json")()
    with pytest.raises(MovierecError, match="changed since it was trained"):
        read_model(path)


@pytest.fixture(scope="module")
def model(good):
    return read_model(good / MODEL)


def assert_same_or_refused(content, model, path):
    path.write_bytes(content)
    try:
        found = read_model(path)
    except MovierecError:
        return
    for name in MODEL_ARRAYS:
        assert getattr(found, name).tobytes() == getattr(model, name).tobytes()
        assert getattr(found, name).dtype == getattr(model, name).dtype
        assert getattr(found, name).shape == getattr(model, name).shape
    assert (found.global_mean, found.manifest) == (model.global_mean, model.manifest)


@given(st.data())
@settings(max_examples=200)
def test_flipped_bits_never_give_another_model(good, model, tmp_path_factory, data):
    content = bytearray((good / MODEL).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    assert_same_or_refused(content, model, tmp_path_factory.getbasetemp() / "flipped.safetensors")


def test_no_flipped_byte_of_the_headers_gives_another_model(good, model, tmp_path):
    """Names, types, shapes, offsets and the manifest."""
    content = (good / MODEL).read_bytes()
    for place in range(8 + int.from_bytes(content[:8], "little")):
        changed = bytearray(content)
        changed[place] ^= 8
        assert_same_or_refused(changed, model, tmp_path / "model.safetensors")


@pytest.mark.parametrize("share", np.linspace(0, 1, 60, endpoint=False))
def test_a_model_cut_short_is_refused(good, tmp_path, share):
    content = (good / MODEL).read_bytes()
    (tmp_path / "model.safetensors").write_bytes(content[: int(share * len(content))])
    with pytest.raises(MovierecError, match="not a complete model"):
        read_model(tmp_path / "model.safetensors")
