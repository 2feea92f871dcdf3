"""Text ids, from the archive to the recommendations and the command line."""

import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from movierec import cli
from movierec.data import parquet_tables
from tests.cli.test_cli import TITLES, ratings
from tests.helpers import archives
from tests.helpers.clone import STAGES
from tests.helpers.small_project import run_stage, write_params

USER, MOVIE = "Änne {}", "tt{:04d}"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The ratings of test_cli, with names as user ids and another site's movie ids."""
    folder = tmp_path_factory.mktemp("text")
    rows = [(USER.format(user), MOVIE.format(movie), *rest) for user, movie, *rest in ratings()]
    movies = [(MOVIE.format(number), title, []) for number, title in enumerate(TITLES, 1)]
    path = archives.write(folder, "csv", rows, movies)
    write_params(folder, path, train={"n_factors": 2, "max_epochs": 2})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in (*STAGES[:6], "recommend"):
            run_stage(stage)
    return folder


def movierec(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["movierec", *arguments])
    with pytest.raises(SystemExit):
        cli.main()
    return capsys.readouterr()


def test_text_stays_text(project):
    users = parquet_tables.read_users(project / "data/index")["user_id"]
    items = parquet_tables.read_items(project / "data/index")
    assert set(users) == {USER.format(user) for user, *_ in ratings()}
    titles = {MOVIE.format(number): title for number, title in enumerate(TITLES, 1)}
    assert dict(zip(items["movie_id"], items["title"], strict=True)) == titles
    lists = pq.read_table(project / "exports/recommendations.parquet")
    assert lists.schema.field("user_id").type == pa.string()
    assert lists.schema.field("movie_id").type == pa.string()
    assert lists["user_id"].unique().to_pylist() == users.tolist()
    for row in lists.to_pylist():
        assert row["title"] == titles[row["movie_id"]]


def test_recommend_for_a_user_by_name(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    name = USER.format(107)
    out = movierec(monkeypatch, capsys, "recommend", "--user-id", name, "-n", "20", "--json").out
    found = [row["movie_id"] for row in json.loads(out)]
    known = {MOVIE.format(number) for number in range(1, len(TITLES) + 1)}
    seen = {MOVIE.format(movie) for user, movie, *_ in ratings() if USER.format(user) == name}
    assert found
    assert set(found) <= known - seen


def test_a_name_that_is_not_there(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    line = movierec(monkeypatch, capsys, "recommend", "--user-id", "107").err
    assert line == (
        "error: no user 107 in the data set; it has 60 users, with IDs from Änne 100 to Änne 159\n"
    )
