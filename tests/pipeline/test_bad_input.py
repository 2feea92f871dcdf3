"""Stages on bad input: one line on stderr, status 1, and nothing half written."""

import os
import subprocess
import sys

import pytest

from movierec.core import result_files
from movierec.datasets.validation import RATING_REASONS
from tests.helpers import archives, small_project
from tests.helpers.archives import RATINGS
from tests.helpers.clone import ROOT
from tests.helpers.small_project import run_stage, write_params


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOVIEREC_LOG", raising=False)
    (tmp_path / "archive").mkdir()
    return tmp_path


@pytest.fixture
def refusal(capsys):
    """A function: the error line of a stage, and some of the lines below it."""

    def run(name, n_details=0):
        lines = small_project.refusal(lambda: run_stage(name), capsys)
        assert lines.count("\n") == n_details
        return lines

    return run


def download(folder, ratings=RATINGS, layout="csv"):
    path = archives.write(folder / "archive", layout, ratings)
    write_params(folder, path, layout)
    run_stage("download")
    return folder / "data/raw" / path.name


def written(folder):
    return {str(path.relative_to(folder / "data")) for path in folder.glob("data/**/*")}


@pytest.mark.parametrize(("repeated", "n_repeated"), [([], 0), ([(7, 50, 1.0, 999999999)], 1)])
def test_rows_are_counted_and_of_a_pair_the_newest_stays(folder, repeated, n_repeated):
    download(folder, [*RATINGS, *repeated])
    assert run_stage("index") == {
        "rows": f"{6 + n_repeated} read, 0 rejected, {n_repeated} superseded",
        "ratings": "6 by 3 users",
        "movies": "5, of which 4 rated",
    }
    assert {"index/users.parquet", "index/manifest.json"} <= written(folder)
    rows = result_files.read_details("index", folder)["rows"]
    counts = rows["read"], rows["kept"], rows["rejected"]["superseded"]
    assert counts == (6 + n_repeated, 6, n_repeated)


def test_bad_rating(folder, refusal):
    path = download(folder, [*RATINGS, (7, 22, 11.0, 1)])
    line, *details = refusal("index", 1).split("\n")
    assert line == (
        f"{path.relative_to(folder)}: 1 of 7 rows rejected (1 off_scale; the scale is 0.5 to 5),"
        " more than index.max_rejected in params.yaml allows (0); fix them or raise it"
    )
    assert details == ["  line 8       off_scale     7,22,11.0,1"]
    assert written(folder) == {"raw", "raw/csv.zip", "raw/manifest.json"}


def test_rejected_rows_that_are_allowed(folder):
    """The index is the same as without them, and details.json counts every row."""
    outputs = []
    for ratings in (RATINGS, [(7, 22, 11.0, 1), *RATINGS, (8, 22, "", 1), RATINGS[0]]):
        path = archives.write(folder / "archive", "csv", ratings)
        write_params(folder, path, index={"max_rejected": 2})
        facts = [run_stage(stage) for stage in ("download", "index")]
        files = sorted((folder / "data/index").glob("*.parquet"))
        outputs.append([file.read_bytes() for file in files])
    assert outputs[0] == outputs[1]
    assert facts[1]["rows"] == "9 read, 2 rejected, 1 superseded"
    rows = result_files.read_details("index", folder)["rows"]
    rejected = dict.fromkeys((*RATING_REASONS, "superseded"), 0)
    rejected |= {"off_scale": 1, "missing": 1, "superseded": 1}
    assert rows == {"read": 9, "kept": 6, "rejected": rejected}


def test_ratings_without_times(folder, refusal):
    """Only protocols by time refuse them."""
    path = archives.write(folder / "archive", "ratings_csv", [row[:3] for row in RATINGS])
    for protocol in ("per_user_random", "point_in_time", "last_per_user"):
        split = {"protocol": protocol, "validation_fraction": 0}
        write_params(folder, path, "ratings_csv", split=split)
        run_stage("download")
        assert run_stage("index")["times"] == "none"
        if protocol == "per_user_random":
            run_stage("split")
        else:
            assert refusal("split").startswith(
                f"params.yaml: split.protocol: {protocol} needs times, which these ratings do not"
            )
    assert (folder / "plots/index/years.csv").read_text("utf-8") == "year,n_ratings\n"


def test_milliseconds(folder, refusal):
    download(folder, [(*row[:3], row[3] * 1000) for row in RATINGS], "ratings_csv")
    line, *details = refusal("index", 6).split("\n")
    assert "(6 not_a_time; timestamp 881250949000 in line 2: mil" in line
    assert details[0] == "  line 2       not_a_time    7,50,5.0,881250949000"


@pytest.mark.parametrize(
    ("times", "unit"),
    [
        ((1999, 2004), "years"),
        ((10950, 12000), "days"),
        ((20010911, 20040101), "dates as YYYYMMDD"),
        ((0, 12000), "days"),
        ((737821, 737822), "days since the year 0"),
        ((444444, 450000), "hours"),
        ((26666666, 26666667), "minutes"),
        ((1, 100836), "row numbers"),
    ],
)
def test_another_unit_of_times(folder, refusal, times, unit):
    rows = [(*row[:3], times[k % 2]) for k, row in enumerate(RATINGS)]
    path = download(folder, rows, "ratings_csv")
    assert refusal("index").startswith(
        f"{path.relative_to(folder)}: timestamp is {times[0]} to {times[1]} in all rows: {unit}? "
    )


def test_failed_index_leaves_the_last_one(folder, refusal):
    download(folder)
    run_stage("index")
    before = written(folder)
    manifest = (folder / "data/index/manifest.json").read_bytes()
    download(folder, [])
    assert refusal("index") == "data/raw/csv.zip: contains no ratings"
    assert written(folder) == before
    assert (folder / "data/index/manifest.json").read_bytes() == manifest


def test_file_that_does_not_have_the_pinned_hash(folder, refusal):
    path = archives.write(folder / "archive", "csv")
    write_params(folder, path)
    path.write_bytes(path.read_bytes() + b"more")
    assert "as pinned in datasets.yaml: damaged or a different file" in refusal("download")
    assert written(folder) == set()


def test_bad_params(folder):
    """In a separate process, as DVC runs a stage."""
    write_params(folder, archives.write(folder / "archive", "csv"), train={"n_factor": 3})
    ended = subprocess.run(
        [sys.executable, ROOT / "stages/train.py"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    start = "error: params.yaml: train.n_factor: unknown key; allowed here: "
    assert ended.stderr.startswith(start)
    assert ended.stderr.count("\n") == 1
