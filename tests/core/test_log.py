"""Debug logging of files: which were read and written, their sizes and times."""

import re

import pytest

from movierec.core import atomic, log, manifests, paths, result_files
from movierec.core.errors import MovierecError
from movierec.data import parquet_tables
from movierec.prepare import parquet_writer


@pytest.fixture
def logged(tmp_path, monkeypatch, capsys):
    """The lines logged so far, without times, by code that runs in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def lines():
        out, err = capsys.readouterr()
        assert out == ""
        return [re.sub(r" in \d+\.\d{3} s$", "", line) for line in err.splitlines()]

    yield lines
    log.configure(False)


def test_each_file_that_is_read_or_written(logged, tmp_path):
    log.configure(True)
    with atomic.atomic_folder(paths.INDEX) as folder, parquet_writer.tables() as append:
        append(folder / "users.parquet", {"user_id": [1, 2]})
    size = (paths.INDEX / "users.parquet").stat().st_size
    parquet_tables.read_table(paths.INDEX / "users.parquet")
    hashes = {"users.parquet": manifests.hash_files(paths.INDEX)["users.parquet"]}
    manifests.check_files(paths.INDEX, {"index": {"sha256": hashes}}, "index")
    result_files.write_metrics("index", {"n": 1})
    assert logged() == [
        f"DEBUG    wrote   users.parquet  {size} bytes",
        f"DEBUG    wrote   data/index  {size} bytes",
        f"DEBUG    read    data/index/users.parquet  {size} bytes",
        f"DEBUG    checked data/index/users.parquet  {size} bytes",
        "DEBUG    wrote   metrics/index.json  13 bytes",
    ]


def test_what_was_not_read_is_not_logged(logged):
    log.configure(True)
    with pytest.raises(MovierecError, match="no such file"):
        parquet_tables.read_table(paths.INDEX / "users.parquet")
    assert logged() == []


def test_without_debug_nothing_is_logged(logged):
    log.configure(False)
    result_files.write_metrics("index", {"n": 1})
    assert logged() == []
