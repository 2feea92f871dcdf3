"""Outputs: whole or not there at all, and only of the data set that params name."""

import json

import pytest

from movierec.errors import MovierecError
from movierec.outputs import (
    check_same_origin,
    output_file,
    output_folder,
    read_manifest,
    write_manifest,
)

MANIFEST = {"dataset": "tiny", "archive": {"sha256": "ab", "file": "Amélie.zip"}, "index": {"n": 3}}


class Stop(Exception):  # noqa: N818
    """What a stage dies of."""


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in files(folder)}


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def fill(path, text):
    with output_folder(path) as folder:
        (folder / "a.txt").write_text(text, "utf-8")


def die_in_folder(path):
    with output_folder(path) as folder:
        (folder / "a.txt").write_text("half", "utf-8")
        raise Stop


def die_in_file(path):
    with output_file(path) as partial:
        partial.write_text("half", "utf-8")
        raise Stop


def test_folder_takes_the_place_of_the_old_one(tmp_path):
    (tmp_path / "data/index").mkdir(parents=True)
    (tmp_path / "data/index/stale.txt").write_text("old", "utf-8")
    fill(tmp_path / "data/index", "new")
    assert files_in(tmp_path) == {"data/index/a.txt": "new"}


def test_half_written_folder_vanishes_and_the_old_one_stays(tmp_path):
    path = tmp_path / "data/index"
    fill(path, "old")
    with pytest.raises(Stop):
        die_in_folder(path)
    assert files_in(tmp_path) == {"data/index/a.txt": "old"}
    assert [entry.name for entry in path.parent.iterdir()] == ["index"]


def test_nothing_is_there_after_a_first_run_that_failed(tmp_path):
    with pytest.raises(Stop):
        die_in_folder(tmp_path / "index")
    assert list(tmp_path.iterdir()) == []


def test_remains_of_a_killed_run_are_swept_away(tmp_path):
    (tmp_path / ".index.partial").mkdir()
    (tmp_path / ".index.partial/half.txt").write_text("half", "utf-8")
    fill(tmp_path / "index", "new")
    assert files_in(tmp_path) == {"index/a.txt": "new"}


def test_folder_is_not_in_place_before_it_is_whole(tmp_path):
    with output_folder(tmp_path / "index") as folder:
        assert folder.is_dir()
        assert not (tmp_path / "index").exists()
    assert (tmp_path / "index").is_dir()


def test_file_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / "models/model.npz"
    for text in ("old", "new"):
        with output_file(path) as partial:
            partial.write_text(text, "utf-8")
    assert files_in(tmp_path) == {"models/model.npz": "new"}


def test_half_written_file_vanishes_and_the_old_one_stays(tmp_path):
    path = tmp_path / "model.npz"
    path.write_text("old", "utf-8")
    with pytest.raises(Stop):
        die_in_file(path)
    assert files_in(tmp_path) == {"model.npz": "old"}


def test_manifest_round_trip(tmp_path):
    write_manifest(tmp_path, MANIFEST)
    assert read_manifest(tmp_path, "tiny") == MANIFEST
    text = (tmp_path / "manifest.json").read_text("utf-8")
    assert "Amélie" in text
    assert text.endswith("}\n")


def test_manifest_of_another_data_set_is_refused(tmp_path):
    write_manifest(tmp_path, MANIFEST)
    with pytest.raises(MovierecError) as caught:
        read_manifest(tmp_path, "ml-25m")
    assert str(caught.value) == (
        f"{tmp_path}: made from data set 'tiny', but params.yaml says 'ml-25m'; run dvc repro"
    )


def test_manifest_missing(tmp_path):
    with pytest.raises(MovierecError, match=r"manifest\.json: no such file; run dvc repro"):
        read_manifest(tmp_path, "tiny")


def test_manifest_damaged(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST)[:-5], "utf-8")
    with pytest.raises(MovierecError, match=r"manifest\.json: not JSON; run dvc repro --force"):
        read_manifest(tmp_path, "tiny")


@pytest.mark.parametrize("key", ["dataset", "archive", "index"])
def test_manifests_of_different_origin(tmp_path, key):
    check_same_origin(MANIFEST | {"train": 1}, MANIFEST, tmp_path)
    with pytest.raises(MovierecError, match=f"its {key} is not that of the data beside it"):
        check_same_origin(MANIFEST | {key: "other"}, MANIFEST, tmp_path)
