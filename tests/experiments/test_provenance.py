"""`movierec provenance`: the chain of every output, and whether the project still matches it."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from movierec import cli
from movierec.core import manifests, paths
from movierec.core.errors import MovierecError
from movierec.data import parquet_tables
from movierec.experiments import provenance
from movierec.model import model_file
from tests.helpers import archives
from tests.helpers.clone import ROOT
from tests.helpers.small_project import run_stage, write_params

STAGES = ("download", "index", "split", "train", "implicit", "evaluate", "recommend", "export")
CHAIN = [stage for stage in STAGES if stage not in ("evaluate", "export")]
TRAIN = {"n_factors": 2, "max_epochs": 3}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project that all stages ran in."""
    folder = tmp_path_factory.mktemp("made")
    ratings = [
        (user, movie[0], 1 + (user + number) % 4, user)
        for user in range(1, 9)
        for number, movie in enumerate(archives.MOVIES[:4])
        if user % 5 != number
    ]
    write_params(folder, archives.write(folder, "csv", ratings), train=TRAIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in STAGES:
            run_stage(stage)
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    """A copy of it, to change."""
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def movierec(monkeypatch, capsys):
    """Run `movierec provenance` 80 columns wide; returns what it printed."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("MOVIEREC_LOG", raising=False)

    def run(*arguments, status=0):
        monkeypatch.setattr(sys, "argv", ["movierec", "provenance", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        assert caught.value.code == status, out + err
        return out + err

    return run


def marks(output):
    """The stages printed, and the mark of each."""
    lines = [line.split() for line in output.splitlines() if line[:2] in ("✓ ", "✗ ", "  ")]
    return {words[-1]: words[0] for words in lines if words[-1] in STAGES}


def differences(output):
    return [line.removeprefix("  ✗ ") for line in output.splitlines() if line.startswith("  ✗ ")]


def set_param(block, key, value):
    params = yaml.safe_load(Path("params.yaml").read_text("utf-8"))
    params[block][key] = value
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def test_the_export_tells_the_whole_chain(project, movierec):
    said = movierec()
    assert list(provenance.read_chain(paths.RECOMMENDATIONS)) == CHAIN
    assert marks(said) == dict.fromkeys(CHAIN, "✓")
    assert provenance.read_chain(paths.RAW)["download"]["sha256"]["csv.zip"] in said
    for told in ("dataset local", "n_factors 2", "n_users 8", "top_n 20", "numpy ", "python 3."):
        assert told in said
    assert said.endswith("\nmatches the project here: files, params, versions\n")
    assert max(map(len, said.splitlines())) <= 80
    assert str(project) not in said


@pytest.mark.parametrize(
    ("path", "n_stages"),
    [
        ("data/raw", 1),
        ("data/index/", 2),
        ("data/split", 3),
        ("models/model.safetensors", 4),
        ("metrics/evaluate.json", 5),
        ("exports/recommendations.parquet", 6),
    ],
)
def test_every_output_tells_its_own(project, movierec, path, n_stages):
    assert marks(movierec(path)) == dict.fromkeys(CHAIN[:n_stages], "✓")


def test_a_chain_is_that_of_the_stage_before_and_one_entry(project):
    chains = {stage: provenance.read_chain(provenance.PLACES[stage]) for stage in CHAIN}
    before = {"index": "download", "split": "index", "train": "split", "implicit": "split"}
    for stage, earlier in before.items():
        assert chains[stage] == chains[earlier] | {stage: chains[stage][stage]}
    both = chains["train"] | chains["implicit"]
    assert chains["recommend"] == both | {"recommend": chains["recommend"]["recommend"]}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("models/implicit.safetensors", [*CHAIN[:3], "implicit"]),
        ("exports/similar_items.parquet", [*CHAIN[:5], "export"]),
        ("exports/item_factors.parquet", [*CHAIN[:5], "export"]),
        ("exports/user_factors.parquet", [*CHAIN[:5], "export"]),
    ],
)
def test_other_outputs_tell_theirs(project, movierec, path, told):
    assert marks(movierec(path)) == dict.fromkeys(told, "✓")


def test_params_of_an_entry_are_those_that_dvc_gives_the_stage(project):
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    of_data = {"dataset", "datasets"}  # told once, by download
    for stage, entry in provenance.read_chain(paths.RECOMMENDATIONS).items():
        listed = {param.partition(".")[0] for param in stages[stage].get("params", [])}
        kept = set() if stage == "download" else of_data
        assert set(entry["params"]) - kept == listed - kept, stage


def test_outputs_are_the_same_bytes_wherever_they_are_made(made, tmp_path, monkeypatch):
    for name in ("params.yaml", "csv.zip"):
        shutil.copy(made / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load(Path("params.yaml").read_text("utf-8"))
    params["datasets"]["local"]["path"] = "csv.zip"
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    for stage in STAGES:
        run_stage(stage)
    exported = paths.RECOMMENDATIONS, "exports/user_factors.parquet", "exports/MODEL_CARD.md"
    for path in ("data/raw/manifest.json", paths.MODEL, *exported, "metrics/evaluate.json"):
        assert Path(path).read_bytes() == (made / path).read_bytes(), path


def test_a_param_that_changed_is_named(project, movierec):
    set_param("train", "n_factors", 16)
    set_param("split", "test_fraction", 0.5)
    said = movierec(status=1)
    assert differences(said) == [
        "split.test_fraction 0.2, params.yaml says 0.5",
        "train.n_factors 2, params.yaml says 16",
    ]
    assert marks(said) == dict.fromkeys(CHAIN, "✓") | {"split": "✗", "train": "✗"}
    assert said.splitlines()[-1] == "does not match (✗): dvc repro makes it anew"


@pytest.mark.parametrize("name", ["data/raw/csv.zip", "data/index/users.parquet"])
def test_a_file_that_changed_is_named(project, movierec, name):
    Path(name).write_bytes(Path(name).read_bytes() + b"more")
    said = movierec(status=1)
    assert differences(said) == [f"{name} is missing or changed"]
    assert marks(said)[Path(name).parent.name.replace("raw", "download")] == "✗"


def test_a_folder_that_is_gone_is_named(project, movierec):
    shutil.rmtree("data/split")
    assert differences(movierec(status=1)) == ["data/split is not there"]


def test_another_model_is_named(project, movierec):
    set_param("train", "n_factors", 3)
    run_stage("train")
    set_param("train", "n_factors", 2)
    [difference] = differences(movierec(status=1))
    assert difference.startswith("models/model.safetensors is another: user_factors, item_factors")
    said = movierec("metrics/evaluate.json", status=1)
    assert said == "error: metrics/evaluate.json: of other models than are here;" + (
        " run dvc repro\n"
    )


def test_a_model_that_was_tampered_with_is_named(project, movierec):
    model = model_file.read_model()
    other = replace(model, item_biases=model.item_biases + 1)
    model_file.write_model(paths.MODEL, other)
    line = f"{paths.MODEL}: changed since it was trained; restore it with dvc checkout --force"
    assert movierec(paths.MODEL, status=1) == f"error: {line}\n"
    assert " ".join(movierec(status=1).split()).count(line) == 1


def test_rows_edited_in_an_export_that_kept_its_chain(project, movierec):
    table = pq.read_table(paths.RECOMMENDATIONS)
    kept = pq.read_metadata(paths.RECOMMENDATIONS).metadata[parquet_tables.MANIFEST_KEY.encode()]
    edited = table.set_column(1, "rank", pa.array([1] * len(table), pa.int32()))
    edited = edited.replace_schema_metadata({parquet_tables.MANIFEST_KEY: kept})
    pq.write_table(edited, paths.RECOMMENDATIONS)
    assert differences(movierec(status=1)) == [f"{paths.RECOMMENDATIONS} is another: data"]


def test_another_version_is_named(project, movierec, monkeypatch):
    real = provenance.metadata.version

    def version(name):
        return "99.0" if name == "numpy" else real(name)

    monkeypatch.setattr(provenance.metadata, "version", version)
    said = movierec("models/model.safetensors", status=1)
    assert marks(said) == {"download": "✓", "index": "✗", "split": "✗", "train": "✗"}
    assert len(set(differences(said))) == 1
    assert differences(said)[0].endswith(", installed is 99.0")
    assert "make env installs the locked ones, dvc repro --force makes it anew" in said


def test_a_copy_away_from_any_project(project, tmp_path, movierec, monkeypatch):
    shutil.copy(paths.RECOMMENDATIONS, tmp_path / "mine.parquet")
    monkeypatch.chdir(tmp_path)
    said = movierec("mine.parquet")
    for stage in CHAIN:
        assert f"\n  {stage}\n" in said
    assert "n_factors 2" in said
    last = "no params.yaml here: run this in a project's folder to compare with it"
    assert said.splitlines()[-1] == last


def test_a_damaged_copy_away_from_any_project(project, tmp_path, movierec, monkeypatch):
    content = bytearray(paths.RECOMMENDATIONS.read_bytes())
    content[100] ^= 1
    (tmp_path / "mine.parquet").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert differences(movierec("mine.parquet", status=1)) == ["mine.parquet is another: data"]


def write_nothing(path):
    pass


def write_plain_parquet(path):
    pq.write_table(pa.table({"a": [1]}), path)


def write_strange_chain(path):
    table = pa.table({"a": [1]}).replace_schema_metadata({parquet_tables.MANIFEST_KEY: "{"})
    pq.write_table(table, path)


def write_cut(path):
    path.write_bytes(paths.RECOMMENDATIONS.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("name", "write", "what"),
    [
        ("none.parquet", write_nothing, "no such file or folder; run dvc repro, or name an output"),
        (
            "plain.parquet",
            write_plain_parquet,
            "does not tell what made it; name a folder in data/",
        ),
        ("strange.parquet", write_strange_chain, "not a whole manifest"),
        ("cut.parquet", write_cut, "restore it with dvc checkout --force"),
        ("cut.safetensors", write_cut, "not a whole model"),
        ("no.json", lambda path: path.write_text("{}"), "does not tell what made it"),
        ("no.txt", lambda path: path.write_text("text"), "does not tell what made it"),
        ("folder", Path.mkdir, "does not tell what made it"),
    ],
)
def test_what_tells_nothing_is_refused_in_a_line(project, movierec, name, write, what):
    write(Path(name))
    said = movierec(name, status=1)
    assert said.startswith(f"error: {name}: ")
    assert what in said
    assert said.count("\n") == 1


def test_stages_refuse_data_that_was_edited_by_hand(project):
    path = Path("data/split/train_items.parquet")
    write_plain_parquet(path)
    for stage in ("train", "evaluate"):
        with pytest.raises(MovierecError, match=f"{path}: changed since it was written"):
            run_stage(stage)
    shutil.copy(path, "data/index/users.parquet")
    for stage in ("split", "recommend"):
        with pytest.raises(MovierecError, match=r"data/index/users\.parquet: changed"):
            run_stage(stage)


def test_evaluate_refuses_a_model_of_another_split(project):
    set_param("split", "test_fraction", 0.5)
    run_stage("split")
    with pytest.raises(MovierecError, match="its split is not that of the data beside it"):
        run_stage("evaluate")


def test_what_evaluate_names_is_the_models_manifest(project):
    [made_from] = json.loads(Path("metrics/evaluate.json").read_text("utf-8"))["made_from"]
    assert made_from == manifests.hash_manifest(
        model_file.read_model().manifest | model_file.read_model(paths.IMPLICIT_MODEL).manifest
    )
