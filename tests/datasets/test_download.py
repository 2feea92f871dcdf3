"""Getting an archive: own copies, the cache, a package index (a fake pip), the web, a path."""

import hashlib
import os
import shutil
import subprocess
from collections import namedtuple
from pathlib import Path

import platformdirs
import pytest
import yaml
import zc.lockfile
from rich.console import Console

from movierec.core import checksums, console, reporting
from movierec.core.errors import MovierecError
from movierec.core.params import PackageSource, PathSource, UrlSource
from movierec.datasets import http_transfer
from movierec.datasets.download import fetch, fetch_parts
from movierec.datasets.http_transfer import Patience, Watch
from tests.helpers.clone import ROOT
from tests.helpers.http_server import Answer
from tests.helpers.small_project import run_stage

CONTENT = b"ratings of a few films\n" * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
BLOCK = {"layout": "csv", "rating_min": 0.5, "rating_max": 5.0, "licence": "none"}
HASTE = Patience(connect=5, stall=5, pauses=(1,), sleep=lambda _: None)
WHEEL = "tiny_films-1.0-py3-none-any.whl"


def ways(file):
    return (
        f"put a copy of {file} from anywhere (its hash is pinned) into data/archives, or set"
        " MOVIEREC_ARCHIVES to the folder that contains it, or run this again later"
    )


def refusal(data, folder):
    with pytest.raises(MovierecError) as caught:
        fetch(data, folder, patience=HASTE)
    assert "\n" not in str(caught.value)
    assert list(folder.iterdir()) == []
    return str(caught.value)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty working folder and an empty cache."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("MOVIEREC_ARCHIVES", raising=False)
    monkeypatch.setenv("MOVIEREC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    return tmp_path / "cache/archives"


@pytest.fixture
def folder(tmp_path):
    """An empty folder for the archive."""
    path = tmp_path / "raw"
    path.mkdir()
    return path


# A package index


def package(**changes):
    fields = {
        "source": "package",
        "requirement": "tiny-films==1.0",
        "file": WHEEL,
        "size": len(CONTENT),
        "sha256": SHA256,
        "members": {},
    }
    return PackageSource(**(BLOCK | fields | changes))


@pytest.fixture
def pip(monkeypatch):
    """A fake pip that records how it is called, and downloads or fails as configured."""

    class Pip:
        content, status, stderr = CONTENT, 0, ""

        def run(self, command, **_):
            self.command = command
            self.wanted = Path(command[command.index("--requirement") + 1]).read_text("utf-8")
            if self.content is not None:
                folder = Path(command[command.index("--dest") + 1])
                (folder / package().file).write_bytes(self.content)
            return subprocess.CompletedProcess(command, self.status, "", self.stderr)

    fake = Pip()
    monkeypatch.setattr(subprocess, "run", fake.run)
    return fake


def test_package(pip, folder):
    path = fetch(package(), folder)
    assert path == folder / WHEEL
    assert path.read_bytes() == CONTENT
    assert pip.wanted == f"tiny-films==1.0 --hash=sha256:{SHA256}\n"
    assert {"--no-deps", "--require-hashes", "--only-binary=:all:"} <= set(pip.command)


def test_what_a_killed_pip_has_left_is_deleted(pip, folder, cache):
    left = cache / f".{WHEEL}.scratch"
    left.mkdir(parents=True)
    (left / "half").write_text("half")
    pip.content, pip.status = None, 1
    refusal(package(), folder)
    assert not left.exists()


def test_package_that_the_index_does_not_have(pip, folder):
    pip.content, pip.status = None, 1
    pip.stderr = "WARNING: slow\nERROR: No matching distribution found for tiny-films==1.0\n"
    assert refusal(package(), folder) == (
        "pip could not download tiny-films==1.0: No matching distribution found for tiny-films==1.0"
        f"; {ways(WHEEL)}"
    )


def test_package_whose_hash_pip_refuses(pip, folder):
    pip.content, pip.status = None, 1
    pip.stderr = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n  a\n"
    line = refusal(package(), folder)
    assert ": the file on the index does not have the sha256 in datasets.yaml; put a copy" in line


def test_package_without_network(pip, folder):
    pip.content, pip.status = None, 1
    pip.stderr = (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError()': /\n"
        "ERROR: No matching distribution found for tiny-films==1.0\n"
    )
    line = refusal(package(), folder)
    assert (
        "tiny-films==1.0: no network, or the package index does not answer; put a copy of tiny"
        in line
    )


def test_package_of_another_hash(pip, folder, cache):
    pip.content = CONTENT[::-1]
    assert f"not {SHA256} as pinned in datasets.yaml" in refusal(package(), folder)
    assert not (cache / WHEEL).exists()


def test_package_is_asked_for_once(pip, folder, cache):
    fetch(package(), folder)
    assert (cache / WHEEL).read_bytes() == CONTENT
    (folder / WHEEL).unlink()
    pip.content, pip.status = None, 1
    assert fetch(package(), folder).read_bytes() == CONTENT


def test_package_without_pip(pip, folder):
    pip.content, pip.status, pip.stderr = None, 1, "python: No module named pip\n"
    assert "tiny-films==1.0: python: No module named pip; " in refusal(package(), folder)


def test_package_under_another_file_name(pip, folder):
    line = refusal(package(file="other.whl"), folder)
    assert line.startswith("pip could not download tiny-films==1.0: pip downloaded another file; ")


# A web server; test_http.py has what can go wrong with one


def url(address, **changes):
    fields = {"source": "url", "url": address, "file": "films.zip", "size": len(CONTENT)}
    pinned = {} if "md5" in changes else {"sha256": SHA256}
    return UrlSource(**(BLOCK | fields | pinned | changes))


@pytest.mark.parametrize("pinned", [{}, {"md5": MD5}], ids=["sha256", "md5"])
def test_url(server, folder, cache, pinned):
    path = fetch(url(server.url, **pinned), folder)
    assert path == folder / "films.zip"
    assert path.read_bytes() == CONTENT
    assert sorted(left.name for left in cache.iterdir()) == [".films.zip.lock", "films.zip"]


def test_url_that_is_not_there(server, folder):
    server.answers = [Answer(status=404)]
    assert refusal(url(server.url), folder) == (
        f"{server.url}: the server returned 404 Not Found; {ways('films.zip')}"
        " (a partial download resumes)"
    )


@pytest.mark.parametrize("pinned", [{}, {"md5": MD5}], ids=["sha256", "md5"])
def test_url_of_another_hash(server, folder, cache, pinned):
    server.answers = [Answer(content=CONTENT[::-1])]
    line = refusal(url(server.url, **pinned), folder)
    assert line.startswith(f"{server.url}: the file received has {'md5' if pinned else 'sha256'} ")
    assert [left.name for left in cache.iterdir()] == [".films.zip.lock"]


def test_url_of_another_size(server, folder):
    line = refusal(url(server.url, size=7), folder)
    assert line.startswith(
        f"{server.url}: the server's file has {len(CONTENT)} bytes, not the 7 in datasets.yaml"
    )


def test_the_mirror_is_asked_second(server, folder):
    server.answers = [Answer(status=404), Answer()]
    mirror = f"{server.url}?mirror"
    assert fetch(url(server.url, mirror_url=mirror), folder).read_bytes() == CONTENT
    assert [asked["path"] for asked in server.asked] == ["/films.zip", "/films.zip?mirror"]


def test_the_mirror_is_not_asked_without_need(server, folder):
    fetch(url(server.url, mirror_url="http://films.invalid/"), folder)
    assert len(server.asked) == 1


def test_url_and_mirror_that_fail(server, folder):
    server.answers = [Answer(status=404), Answer(status=403)]
    mirror = f"{server.url}?mirror"
    assert refusal(url(server.url, mirror_url=mirror), folder) == (
        f"{server.url}: the server returned 404 Not Found;"
        f" {server.url}?…: the server returned 403 Forbidden; {ways('films.zip')}"
        " (a partial download resumes)"
    )


def test_secrets_in_addresses_are_not_told(server, folder, cache):
    """Not in messages, and not in what stays of a download that was cut."""
    server.answers = [Answer(status=503), Answer(cut_body=99)]
    server.answers += [Answer(status=404)] * 9
    said, address = [], f"{server.url}?token=SECRET"
    with pytest.raises(MovierecError) as caught:
        fetch(url(address, mirror_url=address), folder, Watch(said.append), HASTE)
    kept = "".join(path.read_text("utf-8") for path in cache.glob("*.json"))
    assert server.asked[0]["path"].endswith("?token=SECRET")
    assert "SECRET" not in f"{caught.value}{said}{kept}{url(address).model_dump()}"


def test_progress_and_trouble_are_told(server, folder):
    said, moved = [], []
    server.answers = [Answer(status=503), Answer()]
    fetch(url(server.url), folder, Watch(said.append, lambda *counts: moved.append(counts)), HASTE)
    assert said == [
        f"{server.url}: the server returned 503 Service Unavailable; trying again in 1 s"
    ]
    assert moved[-1] == (len(CONTENT), len(CONTENT))


def test_two_runs_do_not_fetch_into_one_file(server, folder, cache):
    cache.mkdir(parents=True)
    lock = zc.lockfile.LockFile(str(cache / ".films.zip.lock"))
    line = refusal(url(server.url), folder)
    lock.close()
    assert line.endswith("films.zip: another run is downloading it; wait for that, then run again")
    assert server.asked == []
    assert fetch(url(server.url), folder).read_bytes() == CONTENT


# The cache, and the user's archives


def test_the_cache_goes_before_the_web(server, folder, cache):
    cache.mkdir(parents=True)
    (cache / "films.zip").write_bytes(CONTENT)
    assert fetch(url(server.url), folder).read_bytes() == CONTENT
    assert server.asked == []


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT[::-1]])
def test_a_damaged_file_in_the_cache_is_fetched_anew(server, folder, cache, content):
    cache.mkdir(parents=True)
    (cache / "films.zip").write_bytes(content)
    said = []
    assert fetch(url(server.url), folder, Watch(said.append)).read_bytes() == CONTENT
    assert (cache / "films.zip").read_bytes() == CONTENT
    assert said[0].startswith(f"{cache}/films.zip: ")
    assert said[0].endswith("; downloading it again")


def test_the_cache_is_in_the_users_cache_folder(server, folder, tmp_path, monkeypatch):
    monkeypatch.delenv("MOVIEREC_CACHE")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "home" / name)
    fetch(url(server.url), folder)
    assert (tmp_path / "home/movierec/archives/films.zip").read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written(server, folder, cache):
    cache.parent.write_text("a file where the folder should be")
    line = refusal(url(server.url), folder)
    assert line.startswith(f"{cache}: ")
    assert line.endswith("; set MOVIEREC_CACHE to another folder for the cache")


@pytest.fixture
def own():
    """The user's own copy, in the folder of archives."""
    path = Path("data/archives/films.zip")
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


def test_the_users_archive_goes_before_all(server, folder, cache, own):
    cache.mkdir(parents=True)
    (cache / "films.zip").write_bytes(b"damaged")
    assert fetch(url(server.url), folder).read_bytes() == CONTENT
    assert own.read_bytes() == CONTENT
    assert (cache / "films.zip").read_bytes() == b"damaged"
    assert server.asked == []


def test_the_users_archive_in_a_folder_that_he_names(server, folder, own, tmp_path, monkeypatch):
    elsewhere = own.parent.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("MOVIEREC_ARCHIVES", str(elsewhere))
    assert fetch(url(server.url), folder).read_bytes() == CONTENT
    assert server.asked == []


def test_a_named_folder_that_is_not_there(server, folder, monkeypatch):
    monkeypatch.setenv("MOVIEREC_ARCHIVES", "nowhere")
    line = refusal(url(server.url), folder)
    assert line == "nowhere: no such folder; correct MOVIEREC_ARCHIVES"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (CONTENT[:-1], "919 bytes, not the 920 in datasets.yaml: "),
        (CONTENT[::-1], "its sha256 is "),
    ],
    ids=["shorter", "damaged"],
)
def test_a_wrong_archive_of_the_user_is_an_error(server, folder, own, content, reason):
    own.write_bytes(content)
    line = refusal(url(server.url), folder)
    assert line.startswith(f"data/archives/films.zip: {reason}")
    assert line.endswith("a different file; replace it, or delete it to download it again")
    assert own.read_bytes() == content
    assert server.asked == []


def test_a_wheel_among_the_users_archives(pip, folder, own):
    own.rename(own.with_name(WHEEL))
    pip.content, pip.status = None, 1
    assert fetch(package(), folder).read_bytes() == CONTENT


# A full disk


@pytest.fixture
def full(monkeypatch):
    """Simulate a full disk for a folder; returns the error line."""
    usage = namedtuple("Usage", "total used free")

    def fill(folder):
        free = {True: usage(9, 9, 0), False: usage(9**9, 0, 9**9)}
        monkeypatch.setattr(shutil, "disk_usage", lambda where: free[Path(where) == folder])
        return f"{folder}: 0.0 MB needed, 0.0 MB free; make room there"

    return fill


def test_no_room_in_the_cache(server, folder, cache, full):
    line = full(cache)
    assert refusal(url(server.url), folder) == line
    assert server.asked == []


def test_no_room_in_the_cache_for_a_package(pip, folder, cache, full):
    line = full(cache)
    assert refusal(package(), folder) == line
    assert not hasattr(pip, "command")


def test_no_room_for_the_copy(folder, own, full):
    line = full(folder)
    assert refusal(url("http://films.invalid"), folder) == line


# The stage


def test_the_stage_says_a_line_each_tenth(server, capsys, monkeypatch):
    params = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8")) | {"dataset": "films"}
    Path("params.yaml").write_text(yaml.safe_dump(params), "utf-8")
    Path("datasets.yaml").write_text(
        yaml.safe_dump({"films": url(server.url).model_dump()}), "utf-8"
    )
    monkeypatch.setattr(http_transfer, "PIECE", 100)
    facts = run_stage("download")
    assert capsys.readouterr().out.splitlines() == [
        f"download   {percent}% of 920 bytes" for percent in range(10, 101, 10)
    ]
    assert facts == {
        "data set": "films",
        "archive": "films.zip (920 bytes), hash as pinned",
        "from": f"{os.environ['MOVIEREC_CACHE']}/archives",
    }
    assert Path("data/raw/films.zip").read_bytes() == CONTENT


def test_a_bar_on_a_terminal(monkeypatch):
    terminal = Console(force_terminal=True, width=100, record=True)
    monkeypatch.setattr(console, "out", lambda: terminal)
    monkeypatch.setattr(console, "is_animated", lambda: True)
    with reporting.transfer("films") as moved:
        moved(1_000_000, 4_000_000)
    assert "1.0/4.0 MB" in terminal.export_text()


# What is used is what was hashed


def swap_after(monkeypatch, path, content):
    """Another file takes the place of `path` as soon as it was opened."""
    opened = Path.open

    def open_and_swap(self, *options, **more):
        stream = opened(self, *options, **more)
        if self == path and "x" not in options:
            new = path.with_name("new")
            new.write_bytes(content)
            new.replace(path)
        return stream

    monkeypatch.setattr(Path, "open", open_and_swap)


def test_a_file_swapped_while_it_is_copied(mine, folder, monkeypatch):
    swap_after(monkeypatch, mine, CONTENT[::-1])
    assert fetch(path_source(mine), folder).read_bytes() == CONTENT
    (folder / mine.name).unlink()
    assert "a different file" in refusal(path_source(mine), folder)


def test_a_file_swapped_in_the_cache(server, folder, cache, monkeypatch):
    fetch(url(server.url), folder).unlink()
    swap_after(monkeypatch, cache / "films.zip", CONTENT[::-1])
    assert fetch(url(server.url), folder).read_bytes() == CONTENT


def test_what_is_read_later_is_what_was_hashed(mine):
    """Another file in its place is not read; a change of the same file is an error."""
    with checksums.opened_as_hashed(mine, SHA256) as stream:
        mine.rename(mine.with_name("old"))
        mine.write_bytes(CONTENT[::-1])
        assert stream.read() == CONTENT
    mine.write_bytes(CONTENT)
    changed = pytest.raises(MovierecError, match="changed since it was written")
    with changed, checksums.opened_as_hashed(mine, SHA256):
        mine.write_bytes(b"other")


# A path


def path_source(path, sha256=SHA256):
    return PathSource(
        **BLOCK, source="path", path=None if path is None else str(path), sha256=sha256
    )


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(CONTENT)
    return path


def test_path(mine, folder):
    assert fetch(path_source(mine), folder) == folder / "mine.csv"
    assert (folder / "mine.csv").read_bytes() == CONTENT
    assert mine.read_bytes() == CONTENT


def test_path_in_the_home_folder(mine, folder, monkeypatch):
    monkeypatch.setenv("HOME", str(mine.parent))
    assert fetch(path_source("~/mine.csv"), folder).read_bytes() == CONTENT


def test_path_not_set(folder):
    line = refusal(path_source(None), folder)
    assert line == "the data set's path in datasets.yaml is not set; set it to your file"


def test_path_missing(tmp_path, folder):
    line = refusal(path_source(tmp_path / "none.csv"), folder)
    assert (
        line == f"{tmp_path}/none.csv: no such file; correct the data set's path in datasets.yaml"
    )


def test_path_whose_sha256_is_not_set(mine, folder):
    line = refusal(path_source(mine, sha256=None), folder)
    assert line == f"{mine}: the data set's sha256 in datasets.yaml is not set; set it to {SHA256}"


def test_path_of_another_hash(mine, folder):
    line = refusal(path_source(mine, sha256="0" * 64), folder)
    assert line.startswith(f"{mine}: its sha256 is {SHA256}, not 0000")


def parts_block(source, **files):
    """A block of a folder with these files, written there."""
    for name, content in files.items():
        (source / f"{name}.csv").write_bytes(content)
    parts = {
        name: {"file": f"{name}.csv", "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    ends = {"rating_min": 1.0, "rating_max": 5.0, "licence": "none"}
    return PathSource(source="path", path=str(source), layout="ratings_csv", parts=parts, **ends)


def test_the_files_of_a_split_are_copied_and_checked(tmp_path):
    source, folder, found = tmp_path / "fold", tmp_path / "raw", []
    source.mkdir()
    folder.mkdir()
    data = parts_block(source, train=b"1", test=b"2")
    copied = fetch_parts(data, folder, Watch(found=found.append))
    assert [path.read_bytes() for path in copied] == [b"1", b"2"]
    assert found == [source / "train.csv", source / "test.csv"]
    (folder / "train.csv").unlink()
    (folder / "test.csv").unlink()
    (source / "test.csv").write_bytes(b"3")
    with pytest.raises(MovierecError, match=r"test\.csv: its sha256 is .*, not .* as pinned"):
        fetch_parts(data, folder)
    (source / "test.csv").unlink()
    (folder / "train.csv").unlink()
    with pytest.raises(
        MovierecError, match=r"test\.csv: no such file; correct the data set's parts"
    ):
        fetch_parts(data, folder)
    (source / "train.csv").unlink()
    source.rmdir()
    with pytest.raises(MovierecError, match="no such folder; correct the data set's path"):
        fetch_parts(data, folder)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"parts": {"train": {"file": "a", "sha256": "0" * 64}}}, "should have train and test"),
        ({"sha256": "0" * 64}, "each with its own sha256"),
        ({"layout": "ratings_parquet"}, "parts is only for layout ratings_csv"),
        ({"header": False}, "header false is only for layout ratings_csv, with separator set"),
    ],
)
def test_a_block_of_parts_that_does_not_fit_is_refused(tmp_path, changes, line):
    block = parts_block(tmp_path, train=b"1", test=b"2").model_dump(exclude_none=True)
    with pytest.raises(ValueError, match=line):
        PathSource.model_validate(block | changes)
