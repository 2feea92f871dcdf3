"""Files and folders appear complete, whatever was in their place."""

import pytest

from movierec.core.atomic import atomic_file, atomic_folder


def fill(path, kind):
    """Put a link, a file or a folder at a path."""
    target = path.with_name("elsewhere")
    target.mkdir(exist_ok=True)
    (target / "kept").touch()
    match kind:
        case "link":
            path.symlink_to(target)
        case "broken link":
            path.symlink_to("nowhere")
        case "file":
            path.touch()
        case "folder":
            path.mkdir()
            (path / "old").touch()


@pytest.mark.parametrize("name", ["index", ".index.partial", ".index.old.partial"])
@pytest.mark.parametrize("kind", ["link", "broken link", "file", "folder"])
def test_a_folder_replaces_whatever_is_there_and_leaves_nothing(tmp_path, name, kind):
    fill(tmp_path / name, kind)
    for number in range(2):
        with atomic_folder(tmp_path / "index") as folder:
            (folder / "new").write_text(str(number))
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["new"]
    assert not (tmp_path / "index").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "index"]
    assert (tmp_path / "elsewhere" / "kept").exists()


@pytest.mark.parametrize("name", ["model", ".model.partial"])
@pytest.mark.parametrize("kind", ["link", "broken link", "file"])
def test_a_file_replaces_a_link_and_not_its_target(tmp_path, name, kind):
    fill(tmp_path / name, kind)
    with atomic_file(tmp_path / "model") as path:
        path.write_text("new")
    assert (tmp_path / "model").read_text() == "new"
    assert not (tmp_path / "model").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "model"]


def test_a_failed_folder_leaves_the_old_one(tmp_path):
    fill(tmp_path / "index", "link")
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "index"):
        _ = 1 / 0
    assert (tmp_path / "index" / "kept").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "index"]
