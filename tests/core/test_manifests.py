"""Outputs are written completely or not at all, and belong to the data set in params."""

import errno
import json
import shutil
import sys

import numpy as np
import pytest

import movierec
from movierec.core.atomic import atomic_file, atomic_folder
from movierec.core.errors import MovierecError
from movierec.core.manifests import (
    check_files,
    check_same_origin,
    hash_files,
    hash_manifest,
    make_record,
    read_manifest,
    versions,
    write_manifest,
)

MANIFEST = {
    "download": make_record({"dataset": "tiny"}, {"Amélie.zip": "ab"}, packages=()),
    "index": make_record({}, {"users.parquet": "cd"}, {"n_users": 3}),
}


class Stop(Exception):  # noqa: N818
    """An exception that ends a stage."""


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in files(folder)}


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def fill(path, text):
    with atomic_folder(path) as folder:
        (folder / "a.txt").write_text(text, "utf-8")


def die_in_folder(path):
    with atomic_folder(path) as folder:
        (folder / "a.txt").write_text("half", "utf-8")
        raise Stop


def die_in_file(path, error=Stop):
    with atomic_file(path) as partial:
        partial.write_text("half", "utf-8")
        raise error


@pytest.mark.parametrize("remains", ["index/stale.txt", ".index.partial/half.txt"])
def test_folder_replaces_the_old_one_and_what_a_killed_run_left(tmp_path, remains):
    (tmp_path / remains).parent.mkdir()
    (tmp_path / remains).write_text("old", "utf-8")
    fill(tmp_path / "index", "new")
    assert files_in(tmp_path) == {"index/a.txt": "new"}


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("die", [die_in_folder, die_in_file])
def test_half_written_output_is_deleted_and_the_old_one_stays(tmp_path, die, is_first):
    path = tmp_path / "data/index"
    if die is die_in_folder and not is_first:
        fill(path, "old")
    elif not is_first:
        path.parent.mkdir()
        path.write_text("old", "utf-8")
    before = files_in(tmp_path)
    with pytest.raises(Stop):
        die(path)
    assert files_in(tmp_path) == before
    assert [entry.name for entry in path.parent.iterdir()] == ([] if is_first else ["index"])


def test_a_kill_while_the_old_folder_is_deleted_leaves_no_half_of_it(tmp_path, monkeypatch):
    """Even when the process stops while the old folder is partly deleted."""
    fill(tmp_path / "index", "old")

    def stop(folder, **_):
        if folder.exists():
            (folder / "a.txt").unlink()
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", stop)
        with pytest.raises(Stop):
            fill(tmp_path / "index", "new")
    assert files_in(tmp_path) == {"index/a.txt": "new"}
    fill(tmp_path / "index", "newer")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_full_disk_is_one_line_that_names_the_output(tmp_path):
    line = r"model\.safetensors: not written: No space left on device; make room"
    with pytest.raises(MovierecError, match=line):
        die_in_file(tmp_path / "model.safetensors", OSError(errno.ENOSPC, "of a library"))
    assert list(tmp_path.iterdir()) == []


def test_folder_is_not_in_place_before_it_is_whole(tmp_path):
    with atomic_folder(tmp_path / "index") as folder:
        assert folder.is_dir()
        assert not (tmp_path / "index").exists()
    assert (tmp_path / "index").is_dir()


def test_file_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / "models/model.safetensors"
    for text in ("old", "new"):
        with atomic_file(path) as partial:
            partial.write_text(text, "utf-8")
    assert files_in(tmp_path) == {"models/model.safetensors": "new"}


def test_manifest_round_trip(tmp_path):
    write_manifest(tmp_path, MANIFEST)
    assert read_manifest(tmp_path, "tiny") == MANIFEST
    text = (tmp_path / "manifest.json").read_text("utf-8")
    assert "Amélie" in text
    assert text.endswith("}\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (json.dumps(MANIFEST), "made from data set 'tiny', but params.yaml says 'ml-25m'"),
        ("{}", "made from data set None, but params.yaml says 'ml-25m'"),
        (None, "no such file"),
        (json.dumps(MANIFEST)[:-5], "not a complete manifest"),
        ("[]", "not a complete manifest"),
        (json.dumps({"dataset": "tiny"}), "not a complete manifest"),
        (json.dumps(MANIFEST | {"index": {"n_users": 3}}), "not a complete manifest"),
        (
            json.dumps(MANIFEST | {"index": MANIFEST["index"] | {"sha256": {}}}),
            "not a complete manifest",
        ),
    ],
)
def test_bad_manifest(tmp_path, text, reason):
    path = tmp_path / "manifest.json"
    if text:
        path.write_text(text, "utf-8")
    where = tmp_path if reason.startswith("made from") else path
    force = " --force" if reason.startswith("not a complete") else ""
    with pytest.raises(MovierecError) as caught:
        read_manifest(tmp_path, "ml-25m")
    assert str(caught.value) == f"{where}: {reason}; run dvc repro{force}"


@pytest.mark.parametrize("key", ["download", "index"])
def test_manifests_of_different_origin(tmp_path, key):
    check_same_origin(MANIFEST | {"train": 1}, MANIFEST, tmp_path)
    with pytest.raises(MovierecError, match=f"from another run of {key} than the current data"):
        check_same_origin(MANIFEST | {key: "other"}, MANIFEST, tmp_path)


def test_versions_are_those_installed():
    found = versions()
    assert list(found) == ["python", "movierec", "llvmlite", "numba", "numpy", "pandas", "pyarrow"]
    assert found["numpy"] == np.__version__
    assert sys.version.startswith(found["python"] + ".")
    assert versions(()) == {"python": found["python"], "movierec": movierec.__version__}


@pytest.fixture
def filled(tmp_path):
    """A folder with two files, and its manifest."""
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b").write_bytes(b"b")
    manifest = MANIFEST | {"index": make_record({}, hash_files(tmp_path))}
    write_manifest(tmp_path, manifest)
    return tmp_path, manifest


def test_hashes_are_sha256_and_of_all_but_the_manifest(filled):
    folder, manifest = filled
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert manifest["index"]["sha256"]["a"] == nothing
    assert list(manifest["index"]["sha256"]) == ["a", "b"]
    assert hash_files(folder) == manifest["index"]["sha256"]


def test_files_as_they_were_written(filled):
    folder, manifest = filled
    assert check_files(folder, manifest, "index") == [folder / "a", folder / "b"]
    assert check_files(folder, manifest, "index", "b") == [folder / "b"]


def test_files_that_changed_or_went(filled):
    folder, manifest = filled
    (folder / "b").write_bytes(b"c")
    with pytest.raises(MovierecError, match="b: changed since it was written; run dvc repro"):
        check_files(folder, manifest, "index")
    assert check_files(folder, manifest, "index", "a") == [folder / "a"]
    (folder / "b").unlink()
    with pytest.raises(MovierecError, match="b: no such file; run dvc repro"):
        check_files(folder, manifest, "index")
    (folder / "c").write_bytes(b"c")
    with pytest.raises(MovierecError, match="c: changed since it was written"):
        check_files(folder, manifest, "index", "c")  # not written by the stage
    with pytest.raises(MovierecError, match="its manifest has no record of split"):
        check_files(folder, manifest, "split")


def test_hash_of_a_manifest_does_not_depend_on_the_order_of_keys():
    turned = dict(reversed(MANIFEST.items()))
    assert hash_manifest(turned) == hash_manifest(MANIFEST)
    assert hash_manifest(MANIFEST | {"index": {}}) != hash_manifest(MANIFEST)
