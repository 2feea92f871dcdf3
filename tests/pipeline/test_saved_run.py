"""A run saved to one file: it answers as the project does, without ratings; damage is one line."""

import gc
import io
import json
import shutil
import tempfile
import zipfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import movierec as mr
from movierec.api import run_file
from movierec.core.errors import MovierecError
from movierec.core.paths import IMPLICIT_MODEL, METRICS, MODEL, details

LIKES = {"Star Wars": 5, "Toy Story": 4.5}
BOMB = {"params.yaml": bytes(10**8)}


@pytest.fixture(scope="module")
def run(workspace) -> mr.TrainedRun:
    return mr.load(workspace.path)


@pytest.fixture(scope="module")
def content(run, tmp_path_factory) -> bytes:
    return run.save(tmp_path_factory.mktemp("saved") / "run.zip").read_bytes()


@pytest.fixture
def file(content, tmp_path, monkeypatch) -> Path:
    """The file alone, in another folder."""
    monkeypatch.chdir(tmp_path)
    path = Path("run.zip")
    path.write_bytes(content)
    return path


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    """The folder of temporary folders, which is empty in the end."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    gc.collect()  # an error that was raised may still refer to a run
    assert list(folder.iterdir()) == []


def test_it_answers_as_the_project_does(run, file) -> None:
    saved = mr.load(file)
    for ask in (
        lambda run: run.recommend(LIKES, explain=True, diverse=0.3, genre="Drama"),
        lambda run: run.similar("Alien"),
        lambda run: run.search("star trek"),
        lambda run: run.items,
    ):
        pd.testing.assert_frame_equal(ask(saved), ask(run))
    for ask in (
        lambda run: run.predict(run.user_ids[:5], 50),
        lambda run: run.user_factors,
        lambda run: run.item_factors,
        lambda run: run.implicit_model.item_biases,
    ):
        np.testing.assert_array_equal(ask(saved), ask(run))
    assert saved.metrics == run.metrics
    assert saved.params == run.params
    for lacks, ask in (
        ("ratings of users, which user_id needs", lambda run: run.recommend(user_id=196)),
        ("ratings", lambda run: run.ratings),
        ("tables of plots", lambda run: run.plot("factors")),
    ):
        with pytest.raises(MovierecError, match=rf"run\.zip: a saved run contains no {lacks}; loa"):
            ask(saved)


def test_the_same_run_gives_the_same_bytes(run, workspace, content, file) -> None:
    again = mr.load(file).save("again.zip")
    of_revision = mr.load(workspace.path, rev="HEAD").save("revision.zip")
    assert again.read_bytes() == of_revision.read_bytes() == content


def test_it_contains_what_a_run_needs_and_little_more(content) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
    assert list(sizes) == [*run_file.MEMBERS, run_file.CHECKSUMS]
    assert len(content) < sum(sizes.values()) + 2500
    data_sets = members_of(content)["datasets.yaml"]  # the others may contain paths
    assert list(json.loads(data_sets)) == ["ml-100k"]


# --- What is not a saved run


def members_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name), member, compression)
    return stream.getvalue()


def refusal(file: Path) -> str:
    with pytest.raises(MovierecError) as caught:
        mr.load(file)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{file}: ")
    return str(caught.value).removeprefix(f"{file}: ")


def changed(name: str, member: bytes) -> bytes:
    """The same file with another value."""
    if name in (MODEL.as_posix(), IMPLICIT_MODEL.as_posix()):
        return member[:-1] + bytes([member[-1] ^ 1])  # a number
    if name.endswith(".parquet"):
        return member[:100] + bytes([member[100] ^ 1]) + member[101:]
    edits = {"params.yaml": (b"seed: 20", b"seed: 21"), "datasets.yaml": (b": 5.0", b": 4.0")}
    old, new = edits.get(name, (b"0.", b"0.0"))
    assert old in member
    return member.replace(old, new)


@pytest.mark.parametrize("name", run_file.MEMBERS)
def test_a_changed_member_is_refused(content, file, name) -> None:
    members = members_of(content)
    members[name] = changed(name, members[name])
    file.write_bytes(zipped(members))
    reason = f"not a complete saved run ({name} changed since it was saved); save it again"
    assert refusal(file) == reason


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("params.yaml", "out of date, since seed was 20, but is 21 in params.yaml"),
        ("datasets.yaml", "out of date, since ml-100k.rating_max was 5.0"),
        ("data/index/manifest.json", "made from another run of download than the current data"),
        ("data/index/items.parquet", "changed since it was written"),
        ("data/index/users.parquet", "changed since it was written"),
        (MODEL.as_posix(), "changed since it was trained"),
        (IMPLICIT_MODEL.as_posix(), "changed since it was trained"),
    ],
)
def test_a_changed_member_is_refused_even_with_its_new_checksum(
    content, file, name, problem
) -> None:
    members = members_of(content)
    members[name] = changed(name, members[name])
    hashes = json.loads(members[run_file.CHECKSUMS]) | {name: sha256(members[name]).hexdigest()}
    file.write_bytes(zipped(members | {run_file.CHECKSUMS: json.dumps(hashes).encode()}))
    line = refusal(file)
    assert problem in line
    assert line.endswith("; save it again")
    assert "dvc" not in line


@pytest.mark.parametrize(
    ("archive_of", "reason"),
    [
        (lambda members: zipped({"a": b""}), "it lacks params.yaml"),
        (lambda members: zipped(members | {"../a": b""}), "it has other members"),
        (lambda members: zipped({**members, run_file.CHECKSUMS: b"[]"}), "is damaged"),
        (lambda members: zipped({**members, run_file.CHECKSUMS: b"{}"}), "params.yaml changed"),
        (lambda members: zipped(members, zipfile.ZIP_DEFLATED), "its members are compressed"),
        (lambda members: zipped(members | BOMB, zipfile.ZIP_DEFLATED), "are compressed"),
        (lambda members: zipped(members)[:-1000], "not a zip file"),
        (lambda members: zipped(members)[:4], "not a zip file"),
    ],
)
def test_another_or_truncated_archive_is_refused(content, file, archive_of, reason) -> None:
    file.write_bytes(archive_of(members_of(content)))
    assert reason in refusal(file)


def test_members_that_overlap_are_refused(content, file) -> None:
    """All members at the place of the largest one, which a small file could repeat."""
    with zipfile.ZipFile(file, "a") as archive:
        large = archive.getinfo(IMPLICIT_MODEL.as_posix())
        for member in archive.infolist():
            member.file_size = member.compress_size = large.file_size
        archive._didModify = True  # writes the directory again
    assert "larger than the file" in refusal(file)


def test_no_damage_to_any_byte_is_another_error_or_a_wrong_answer(content, file, run) -> None:
    rng = np.random.default_rng(0)
    directory = content.rindex(b"PK\1\2") - 900  # of the members, and the end
    places = [*rng.integers(0, len(content), 20), *rng.integers(directory, len(content), 60)]
    for place in map(int, places):
        byte = content[place] ^ (1 << int(rng.integers(8)))
        file.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
        with suppress(MovierecError):  # unless the damage is to the date of a member
            np.testing.assert_array_equal(mr.load(file).item_factors, run.item_factors)


# --- What is not saved


def test_a_run_that_was_trained_again_since_it_was_loaded_is_not_saved(workspace, tmp_path) -> None:
    earlier = mr.load(workspace.path)
    earlier.model.manifest["train"]["sha256"]["item_factors"] = "of earlier models"
    with pytest.raises(MovierecError, match="trained again since it was loaded; load it again"):
        earlier.save(tmp_path / "run.zip")


def test_a_run_whose_parts_do_not_belong_together_is_not_saved(workspace, run, tmp_path) -> None:
    folder = tmp_path / "project"
    names = [*run_file.MEMBERS, "dvc.yaml", details("evaluate").as_posix()]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(workspace.path / name, folder / name)
    evaluated = json.loads((folder / details("evaluate")).read_text("utf-8"))
    evaluated[0]["made_from"] = "0" * 64
    (folder / details("evaluate")).write_text(json.dumps(evaluated), "utf-8")
    with pytest.raises(MovierecError, match=f"{METRICS}: of other models than those here"):
        mr.load(folder).save(tmp_path / "run.zip")
    (folder / MODEL).unlink()
    with pytest.raises(MovierecError, match=r"model.safetensors: no such file; run dvc repro"):
        mr.load(folder).save(tmp_path / "run.zip")
    assert not list(tmp_path.glob("*run.zip*"))


def test_a_model_of_the_pipeline_alone_says_what_to_load(workspace) -> None:
    with pytest.raises(MovierecError, match=r"safetensors: a model of the pipeline, without its"):
        mr.load(workspace.path / MODEL)
