"""`movierec provenance`: the record of every output, and whether the project still matches it."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from movierec import cli
from movierec.core import manifests, paths, result_files
from movierec.core.errors import MovierecError
from movierec.data import parquet_tables
from movierec.experiments import provenance
from movierec.model import model_file
from tests.helpers import archives
from tests.helpers.clone import ROOT
from tests.helpers.clone import STAGES as PIPELINE
from tests.helpers.small_project import run_stage, run_stages, write_params

STAGES = PIPELINE[:-1]
CHAIN = [stage for stage in STAGES if stage not in ("evaluate", "export")]
TRAIN = {"n_factors": 2, "max_epochs": 3}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project that all stages ran in."""
    folder = tmp_path_factory.mktemp("finished")
    ratings = [
        (user, movie[0], 1 + (user + number) % 4, user)
        for user in range(1, 9)
        for number, movie in enumerate(archives.MOVIES[:4])
        if user % 5 != number
    ]
    write_params(folder, archives.write(folder, "csv", ratings), train=TRAIN)
    run_stages(folder, *STAGES)
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    """A copy of it, to change."""
    shutil.copytree(finished, tmp_path / "project")
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


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("data/raw", CHAIN[:1]),
        ("data/index/", CHAIN[:2]),
        ("data/split", CHAIN[:3]),
        (paths.MODEL, CHAIN[:4]),
        (paths.IMPLICIT_MODEL, [*CHAIN[:3], "implicit"]),
        (paths.ITEM_REGRESSION, [*CHAIN[:3], "item_regression"]),
        ("plots/evaluate/details.json", CHAIN[:6]),
        ("exports/recommendations.parquet", CHAIN),
        ("exports/similar_items.parquet", [*CHAIN[:6], "export"]),
        ("exports/item_factors.parquet", [*CHAIN[:6], "export"]),
        ("exports/user_factors.parquet", [*CHAIN[:6], "export"]),
    ],
)
def test_every_output_has_the_records_of_its_stages(project, movierec, path, stages):
    assert marks(movierec(path)) == dict.fromkeys(stages, "✓")


def test_records_in_words(project, movierec):
    output = movierec()
    assert marks(output) == dict.fromkeys(CHAIN, "✓"), "of the recommendations"
    assert provenance.read_provenance(paths.RAW)["download"]["sha256"]["csv.zip"] in output
    for text in ("dataset local", "n_factors 2", "n_users 8", "top_n 20", "numpy ", "python 3."):
        assert text in output
    assert output.endswith("\nup to date: files, params and versions match the project\n")
    assert max(map(len, output.splitlines())) <= 80
    assert str(project) not in output


def test_provenance_is_that_of_the_stages_before_and_one_record(project):
    of = {stage: provenance.read_provenance(provenance.PLACES[stage]) for stage in CHAIN}
    for stage, before in [
        ("index", of["download"]),
        ("split", of["index"]),
        ("train", of["split"]),
        ("implicit", of["split"]),
        ("item_regression", of["split"]),
        ("recommend", of["train"] | of["implicit"] | of["item_regression"]),
    ]:
        assert of[stage] == before | {stage: of[stage][stage]}


def test_params_of_a_record_are_those_that_dvc_gives_the_stage(project):
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    of_data = {"dataset", "data"}  # in the record of download alone
    for stage, record in provenance.read_provenance(paths.RECOMMENDATIONS).items():
        names = (name if isinstance(name, str) else "data" for name in stages[stage]["params"])
        listed = {name.partition(".")[0] for name in names}
        elsewhere = set() if stage == "download" else of_data
        assert set(record["params"]) - elsewhere == listed - elsewhere, stage


def test_outputs_are_the_same_bytes_wherever_they_are_made(finished, tmp_path, monkeypatch):
    for name in ("params.yaml", "datasets.yaml", "csv.zip"):
        shutil.copy(finished / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    text = Path("datasets.yaml").read_text("utf-8")
    Path("datasets.yaml").write_text(text.replace(str(finished / "csv.zip"), "csv.zip"), "utf-8")
    run_stages(tmp_path, *STAGES)
    exported = paths.RECOMMENDATIONS, "exports/user_factors.parquet", "exports/MODEL_CARD.md"
    for path in ("data/raw/manifest.json", paths.MODEL, *exported, "plots/evaluate/details.json"):
        assert Path(path).read_bytes() == (finished / path).read_bytes(), path


def test_a_param_that_changed_is_named(project, movierec):
    set_param("train", "n_factors", 16)
    set_param("split", "test_fraction", 0.5)
    output = movierec(status=1)
    assert differences(output) == [
        "split.test_fraction was 0.2, but is 0.5 in params.yaml",
        "train.n_factors was 2, but is 16 in params.yaml",
    ]
    assert marks(output) == dict.fromkeys(CHAIN, "✓") | {"split": "✗", "train": "✗"}
    assert output.splitlines()[-1] == "out of date (✗); run dvc repro"


@pytest.mark.parametrize(
    ("stage", "name", "what"),
    [
        ("download", "data/raw/csv.zip", "missing or changed"),
        ("index", "data/index/users.parquet", "missing or changed"),
        ("split", "data/split", "missing"),
    ],
)
def test_a_file_that_changed_or_a_folder_that_is_gone_is_named(
    project, movierec, stage, name, what
):
    path = Path(name)
    shutil.rmtree(path) if path.is_dir() else path.write_bytes(path.read_bytes() + b"more")
    output = movierec(status=1)
    assert differences(output) == [f"{name} is {what}"]
    assert marks(output) == dict.fromkeys(CHAIN, "✓") | {stage: "✗"}


def test_another_model_is_named(project, movierec):
    set_param("train", "n_factors", 3)
    run_stage("train")
    set_param("train", "n_factors", 2)
    [difference] = differences(movierec(status=1))
    assert difference.startswith("models/model.safetensors has changed: user_factors, item_factors")
    output = movierec("plots/evaluate/details.json", status=1)
    assert (
        output
        == "error: plots/evaluate/details.json: belongs to other models than those in models/;"
        + (" run dvc repro\n")
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
    manifest = pq.read_metadata(paths.RECOMMENDATIONS).metadata[
        parquet_tables.MANIFEST_KEY.encode()
    ]
    edited = table.set_column(1, "rank", pa.array([1] * len(table), pa.int32()))
    edited = edited.replace_schema_metadata({parquet_tables.MANIFEST_KEY: manifest})
    pq.write_table(edited, paths.RECOMMENDATIONS)
    assert differences(movierec(status=1)) == [f"{paths.RECOMMENDATIONS} has changed: data"]


def test_another_version_is_named(project, movierec, monkeypatch):
    real = provenance.metadata.version

    def version(name):
        return "99.0" if name == "numpy" else real(name)

    monkeypatch.setattr(provenance.metadata, "version", version)
    output = movierec("models/model.safetensors", status=1)
    assert marks(output) == {"download": "✓", "index": "✗", "split": "✗", "train": "✗"}
    assert len(set(differences(output))) == 1
    assert differences(output)[0].endswith(", but 99.0 is installed")
    assert "run make env to install the locked ones, or dvc repro --force to use" in output


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_copy_away_from_any_project(project, tmp_path, movierec, monkeypatch, is_damaged):
    content = bytearray(paths.RECOMMENDATIONS.read_bytes())
    content[100] ^= is_damaged
    (tmp_path / "mine.parquet").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    output = movierec("mine.parquet", status=int(is_damaged))
    for stage in CHAIN[:-1]:
        assert f"\n  {stage}\n" in output
    assert "n_factors 2" in output
    if is_damaged:
        assert differences(output) == ["mine.parquet has changed: data"]
    else:
        last = "not compared with a project: there is none here or above; set --project"
        assert output.splitlines()[-1] == last


def write_plain_parquet(path):
    pq.write_table(pa.table({"a": [1]}), path)


def write_strange_manifest(path):
    table = pa.table({"a": [1]}).replace_schema_metadata({parquet_tables.MANIFEST_KEY: "{"})
    pq.write_table(table, path)


def write_cut(path):
    path.write_bytes(paths.RECOMMENDATIONS.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("name", "write", "what"),
    [
        ("none.parquet", str, "no such file or folder; run dvc repro, or name another output"),
        ("no.parquet", write_plain_parquet, "has no provenance; give a folder in data/"),
        ("strange.parquet", write_strange_manifest, "not a complete manifest"),
        ("cut.parquet", write_cut, "restore it with dvc checkout --force"),
        ("cut.safetensors", write_cut, "not a complete model"),
        ("no.json", lambda path: path.write_text("{}"), "has no provenance"),
        ("no.txt", lambda path: path.write_text("text"), "has no provenance"),
        ("folder", Path.mkdir, "has no provenance"),
    ],
)
def test_a_path_without_provenance_is_refused_in_a_line(project, movierec, name, write, what):
    write(Path(name))
    output = movierec(name, status=1)
    assert output.startswith(f"error: {name}: ")
    assert what in output
    assert output.count("\n") == 1


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
    with pytest.raises(MovierecError, match="made from another run of split than the current data"):
        run_stage("evaluate")


def test_what_evaluate_names_is_the_models_manifest(project):
    made_from = result_files.read_details("evaluate")["made_from"]
    records = {}
    for path in model_file.MODELS.values():
        records |= model_file.read_any(path).manifest
    assert made_from == manifests.hash_manifest(records)
