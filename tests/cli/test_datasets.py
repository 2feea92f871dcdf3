"""`movierec dataset add`: what it finds in a file, and what it writes to datasets.yaml."""

import gzip
import hashlib
import shutil
import sys
from contextlib import chdir
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from movierec import cli
from movierec.core.params import PathSource, load_data_sets
from tests.helpers import archives
from tests.helpers.archives import LAYOUTS, RATINGS, read_archive
from tests.helpers.clone import ROOT


@pytest.fixture
def project(tmp_path):
    for name in ("params.yaml", "datasets.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def add(project, monkeypatch, capsys):
    """Add a file; returns its block and what was printed, or the error line."""

    def run(file, *options, folder="."):
        monkeypatch.setattr(sys, "argv", ["movierec", "dataset", "add", str(file), *options])
        before = (project / "datasets.yaml").read_text("utf-8")
        with chdir(project / folder), pytest.raises(SystemExit) as caught:
            cli.main()
        out, line = capsys.readouterr()
        after = (project / "datasets.yaml").read_text("utf-8")
        assert not list(project.glob(".*partial"))
        if caught.value.code:
            assert (out, after) == ("", before)
            return line.removeprefix("error: ").removesuffix("\n")
        name = out.split()[1]
        as_split = " -S split.protocol=given" if "parts     " in out else ""
        assert out.endswith(f"next: dvc exp run -S dataset={name}{as_split}\n")
        if "--replace" not in options:
            assert after.startswith(before)  # comments and all
        return load_data_sets(project / "datasets.yaml")[name], out

    return run


def write(path, text):
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "recbole"])
def test_every_layout_is_recognised_and_can_be_read(add, project, layout):
    path = archives.write(project, layout)
    data, out = add(path, "--name", "mine", "--licence", "CC0")
    assert (data.layout, data.path, data.licence) == (layout, path.name, "CC0")
    assert data.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (data.rating_min, data.rating_max) == (1, 5)
    assert "1 to 5; the first 6 ratings are 1 to 5, so this is a guess" in out
    with chdir(project):
        archive = read_archive(Path(data.path), data)
    assert archive.ratings.rating.tolist() == [row[2] for row in RATINGS]


def test_a_file_with_names_and_separators_of_its_own(add, project):
    text = "Member;Film;Stars;When\n" + "".join(f"a;{k};{k},5;2020-01-0{k}\n" for k in range(1, 5))
    (project / "sub").mkdir()
    write(project / "sub/Ann's films.csv", text)
    data, out = add("Ann's films.csv", folder="sub")
    assert out.startswith("added ann-s-films to ../datasets.yaml\n")
    assert data.path == "sub/Ann's films.csv"
    assert data.columns == {
        "user_id": "Member", "movie_id": "Film", "rating": "Stars", "timestamp": "When",
    }  # fmt: skip
    with chdir(project):
        assert read_archive(Path(data.path), data).ratings.rating.tolist() == [1.5, 2.5, 3.5, 4.5]


@pytest.mark.parametrize(
    ("ratings", "scale"),
    [
        ([1, 2, 5], (1, 5)),
        ([1.5, 4], (0.5, 5)),
        ([0, 4], (0, 5)),
        ([3.7, 4.9], (0, 5)),
        ([1, 7], (1, 10)),
        ([0, 1, 1], (0, 1)),
        ([0.9999999, 5.000001], (1, 5)),
        ([0.5, 9], (0, 10)),
        ([20, 100], (1, 100)),
        ([1, 1], None),
        ([-5, 5], None),
        ([1, 1000], None),
    ],
)
def test_the_scale(add, project, ratings, scale):
    lines = "".join(f"{k},1,{rating},5\n" for k, rating in enumerate(ratings))
    path = write(project / "own.csv", "user_id,movie_id,rating,timestamp\n" + lines)
    found = add(path)
    if scale:
        assert (found[0].rating_min, found[0].rating_max) == scale
    else:
        assert found.endswith("of which scale? Give it, such as --scale 1-5")
    data, out = add(path, "--scale", "-10-1000", "--replace")
    assert (data.rating_min, data.rating_max) == (-10, 1000)
    assert "guess" not in out


def test_rows_that_would_be_rejected_and_no_times(add, project):
    path = write(project / "own.csv", "user_id,movie_id,rating\n1,2,4\n1,3,9\n")
    _, out = add(path, "--scale", "0.5-5")
    assert "  times     none, so split.protocol cannot be one by time\n" in out
    assert "  rejected  1 of the first 2 rows (1 off_scale), such as line 3; fix them" in out


CSV = "user_id,movie_id,rating,timestamp\n1,2,4,5\n1,3,3,5\n"


@pytest.mark.parametrize(
    ("content", "options", "line"),
    [
        ("who,movie_id,rating\n1,2,3\n", [], "no column user_id; its columns are: who, "),
        ("who,user,user id,movie,rating\n1,2,3,4,5\n", [], "no column user_id; its columns are: "),
        (CSV, ["--name", "ml-100k"], "datasets.yaml: ml-100k is there already; choose another "),
        (CSV, ["--name", "a.b"], "'a.b': not a name for a data set; use letters, digits, - and _"),
        (CSV, ["--name", "no"], "'no': not a name for a data set"),
        (
            CSV,
            ["--scale", "5-1"],
            "invalid value for '--scale': '5-1' is not the lowest and the highest",
        ),
        (CSV, ["--scale", "five"], "invalid value for '--scale': 'five' is not the lowest and"),
        (CSV, ["--column", "user=x"], "--column user=x: should be user_id, movie_id, rating or "),
        (CSV, ["--column", "rating=x"], "no column x; its columns are: user_id, "),
        (CSV, ["--separator", "#"], "invalid value for '--separator': '#' is not one of"),
        (CSV[:34], [], "contains no ratings"),
        ("who,movie_id,rating\n1,2,3\n", [], "name it: --column user_id=NAME"),
        (CSV.replace(",", " "), [], "; fields should be separated by commas, semicolons, tabs or"),
        (CSV[34:], [], "its columns are: 1, 2, 4, 5; the first line should be the names of the"),
        (CSV.replace("5\n", "5,\n"), [], "2 wrong_fields; line 2: number of fields: 5, not 4"),
        (CSV.replace("3,5\n", ",\n"), [], "--scale 1-5; rejected: 1 of the first 2 rows (1 mis"),
        ('[{"user_id": 1}]', [], "JSON; save it as CSV"),
        ("<html>", [], "HTML or XML; save it as CSV"),
        (CSV.replace(",5\n", ",1600000000000\n"), [], "contains no ratings: all rows are rejected"),
        ("", [], "is empty; it needs a line with the names of its columns"),
        ("\0\1", [], "UTF-16 or binary, not text; save it as CSV in UTF-8"),
    ],
)
def test_what_cannot_be_added(add, project, content, options, line):
    path = write(project / "own.csv", content)
    assert line in add(path, *options)


def test_what_makes_ids_text_is_said(add, project):
    path = write(project / "own.csv", CSV + "+1,3,5,5\n")
    assert "  ids       user_id is text, such as +1\n" in add(path)[1]


def test_times_can_be_ignored(add, project):
    path = write(project / "own.csv", CSV.replace(",5\n", ",31/01/2020\n"))
    assert "to ignore times, add the file with --column timestamp=" in add(path)
    data, out = add(path, "--column", "timestamp=", "--scale", "1-5")
    assert data.columns == {"timestamp": None}
    assert "  times     none" in out


@pytest.mark.parametrize(
    ("content", "encoding"), [("é", "latin-1"), ("It’s", "cp1252"), ("It’s", "utf-8")]
)
def test_the_encoding(add, project, content, encoding):
    path = project / "own.csv"
    path.write_bytes(CSV.replace("1,2", f"{content},2").encode(encoding))
    data, _ = add(path)
    assert data.encoding == encoding
    assert sorted(read_archive(path, data).user_ids) == ["1", content]


def test_a_compressed_file_and_a_folder_are_named_as_such(add, project):
    (project / "own.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    assert add(project / "own.csv.gz").endswith(": compressed by gzip; unpack it")
    (project / "part").mkdir()
    assert ": a folder without train.csv and test.csv (or .tsv); give" in add(project / "part")


def split_folder(project, **files):
    folder = project / "fold"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        write(folder / name.replace("_", "."), text)
    return folder


def test_a_published_split_without_a_header(add, project):
    """Elliot's: user, movie, rating and time, separated by tabs; other files are named."""
    train, test = "1\t10\t5\t100000000\n2\t11\t1\t100000000\n", "1\t11\t4\t100000000\n"
    folder = split_folder(project, train_tsv=train, test_tsv=test, notes_txt="x")
    data, out = add(folder, "--licence", "none")
    assert (data.header, data.separator, data.sha256) == (False, "\t", None)
    assert {name: part.file for name, part in data.parts.items()} == {
        "train": "train.tsv",
        "test": "test.tsv",
    }
    assert data.parts["test"].sha256 == hashlib.sha256(test.encode()).hexdigest()
    assert "parts     train is train.tsv, test is test.tsv" in out
    assert "columns   without a header, so the fields are user, movie, rating" in out
    assert "not used  notes.txt" in out
    archive = read_archive(folder, data)
    assert archive.ratings.part.tolist() == [0, 0, 2]
    assert archive.user_ids.tolist() == [1, 2]


def test_a_split_with_a_header_and_validation(add, project):
    """And an id that is text in one file is text in all."""
    row = "{},3,7,4\n".format
    head = "user_id,movie_id,x,rating\n"
    files = {
        "train_csv": head + row(1) + row(2),
        "val_csv": head + row("Ö"),
        "test_csv": head + row(4),
    }
    data, out = add(split_folder(project, **files), "--scale", "1-5")
    assert list(data.parts) == ["train", "validation", "test"]
    assert (data.header, data.columns) == (True, None)
    archive = read_archive(project / "fold", data)
    assert archive.user_ids.tolist() == ["1", "2", "Ö", "4"]
    assert archive.ratings.part.tolist() == [0, 0, 1, 2]
    assert "not used" not in out


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"train_csv": "x"}, "a folder without test.csv (or .tsv)"),
        ({"train_csv": "x", "train_tsv": "x", "test_csv": "x"}, "train.csv and train.tsv are both"),
        ({"train_tsv": "1\t2\t3\n", "test_tsv": "1\t2\t3\t4\t5\n"}, "first line has 5 fields"),
        ({"train_tsv": "1\t2\t3\n", "test_tsv": "1\t3\t3\t9\n"}, "only test.tsv has times"),
        (
            {"train_csv": "user_id,movie_id,rating\n1,2,3\n", "test_csv": "a,b,c\n"},
            "no column user",
        ),
    ],
)
def test_a_split_that_cannot_be_used_is_refused(add, project, files, line):
    assert line in add(split_folder(project, **files), "--scale", "1-5")


def test_hidden_files_of_a_zip_do_not_count_and_one_data_set_does(add, project):
    content = archives.members("csv")
    hidden = {f"__MACOSX/{name}": b"" for name in content}
    data, _ = add(archives.write_zip(project / "own.zip", content | hidden))
    assert data.folder == "ml-tiny"
    path = archives.write_zip(project / "two.zip", content | archives.members("dat"))
    assert "contains ml-tiny/ratings.csv and ml-tiny/ratings.dat; keep" in add(path)


def test_rejected_rows_of_the_list_of_movies_are_said(add, project):
    content = archives.members("csv")
    name = next(name for name in content if name.endswith("movies.csv"))
    lines = content[name].splitlines()
    lines[1] += b", The"
    _, out = add(archives.write_zip(project / "own.zip", content | {name: b"\n".join(lines)}))
    assert "movies    1 of the first" in out
    assert "(1 wrong_fields), such as movies.csv line 2; fix them" in out


def test_a_zip_without_a_list_of_movies(add, project):
    path = archives.write_zip(project / "own.zip", {"ratings.csv": CSV})
    assert "own.zip: should contain, in one folder, ratings.csv with movies.csv or" in add(path)
    assert (
        add(path, "--column", "rating=x")
        == "own.zip: is a zip; --column and --separator are for tables"
    )


def test_parquet_with_names_of_its_own(add, project):
    pq.write_table(
        pa.table({"uid": [1, 2], "item": [1, 2], "score": [1, 5]}), project / "a.parquet"
    )
    data, _ = add(project / "a.parquet")
    assert data.columns == {"user_id": "uid", "movie_id": "item", "rating": "score"}


def test_a_block_can_be_replaced(add, project):
    path = write(project / "own.csv", CSV)
    add(path)
    before = yaml.safe_load((project / "datasets.yaml").read_text("utf-8"))
    write(path, CSV + "1,4,5,5\n")
    data, _ = add(path, "--replace")
    after = yaml.safe_load((project / "datasets.yaml").read_text("utf-8"))
    assert isinstance(data, PathSource)
    assert data.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert before.pop("own") != after.pop("own")
    assert before == after
