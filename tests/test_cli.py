"""`movierec …` in a small project that the stages themselves made."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest

from movierec import artifacts, cli, model_file
from tests import archives
from tests.project import run_stage, write_params

SPACE = ["Star Wars (1977)", "Alien (1979)", "Brazil (1985)", "Dune, Part One (2021)"]
SPACE += ["Solaris (1972)", "Moon (2009)"]
LOVE = ["Sabrina (1995)", "Sabrina (1954)", "Amélie (2001)", "Emma (1996)", "Before Sunrise (1995)"]
LOVE += ["Once Upon a Time... When We Were Colored and It All Went On for a Very Long Time (1995)"]
UNRATED = "Nobody Saw This (1950)"
TITLES = [*SPACE, *LOVE, UNRATED]
N_USERS = 60
HEADER = ["rank", "movie_id", "title", "genres", "n_ratings"]


def ratings():
    """Even users like space and not love, odd users the reverse; everyone left some unseen."""
    rng = np.random.default_rng(7)
    rows = []
    for user in range(N_USERS):
        for movie in rng.choice(len(TITLES) - 1, 8, replace=False):
            liked = (movie < len(SPACE)) == (user % 2 == 0)
            rows.append((user + 100, movie + 1, 4.5 if liked else 1.5, int(rng.integers(1e9))))
    return rows


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    genres = [["Sci-Fi", "Adventure"]] * len(SPACE) + [["Romance"]] * len(LOVE) + [[]]
    movies = [
        (number, title, names)
        for number, (title, names) in enumerate(zip(TITLES, genres, strict=True), 1)
    ]
    archive = archives.write(folder, "csv", ratings(), movies)
    train = {"n_factors": 2, "factor_precision": 1.0, "max_epochs": 20, "init_scale": 0.5}
    write_params(folder, archive, train=train)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in ("download", "index", "split", "train"):
            run_stage(stage)
    return folder


@pytest.fixture
def movierec(project, monkeypatch, capsys):
    """Run the command as the shell would; returns what it printed."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("MOVIEREC_LOG", raising=False)

    def run(*arguments, status=0):
        monkeypatch.setattr(sys, "argv", ["movierec", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == status
        out, err = capsys.readouterr()
        assert (err == "") == (status == 0)
        return err if status else out

    return run


@pytest.fixture
def refusal(movierec):
    def run(*arguments):
        line = movierec(*arguments, status=1)
        assert line.startswith("error: ")
        assert line.count("\n") == 1
        return line.removeprefix("error: ").removesuffix("\n")

    return run


def titles(output):
    return [row["title"] for row in json.loads(output)]


def test_recommend_for_a_user(movierec):
    rows = json.loads(movierec("recommend", "--user-id", "100", "--json"))
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert list(rows[0]) == [*HEADER, "predicted_rating"]
    ratings = [row["predicted_rating"] for row in rows]
    assert ratings == sorted(ratings, reverse=True)
    assert all(0.5 <= rating <= 5 for rating in ratings)


def test_predicted_ratings_are_the_model_s(movierec, project):
    rows = json.loads(movierec("recommend", "--user-id", "101", "--json"))
    index = project / "data/index"
    users, items = artifacts.read_users(index), artifacts.read_items(index)
    user_index = np.flatnonzero(users["user_id"] == 101).astype(np.int32)
    model = model_file.read_model(project / "models/model.npz")
    for row in rows:
        item_index = np.flatnonzero(items["movie_id"] == row["movie_id"]).astype(np.int32)
        predicted = model.predict(user_index, item_index)[0].clip(0.5, 5)
        assert row["predicted_rating"] == pytest.approx(predicted, abs=1e-4)


@pytest.mark.parametrize("user_id", [100, 101, 159])
def test_seen_films_are_never_recommended(movierec, user_id):
    listed = titles(movierec("recommend", "--user-id", str(user_id), "--json", "-n", "50"))
    seen = {TITLES[movie - 1] for user, movie, *_ in ratings() if user == user_id}
    assert set(listed) == {*SPACE, *LOVE} - seen


def test_spelling_of_user_id(movierec):
    command = "recommend", "--json", "-n", "3"
    assert movierec(*command, "--user_id", "100") == movierec(*command, "--user-id", "100")


def test_recommend_for_a_new_person(movierec):
    listed = titles(movierec("recommend", "--like", "star wars", "--like", "alien=4.5", "--json"))
    assert set(listed[:4]) == {*SPACE} - {"Star Wars (1977)", "Alien (1979)"}
    assert {"Star Wars (1977)", "Alien (1979)"}.isdisjoint(listed)


def test_a_low_rating_turns_the_list_round(movierec):
    listed = titles(
        movierec("recommend", "--like", "Star Wars=0.5", "--like", "alien=0.5", "--json")
    )
    assert set(listed[:6]) == {*LOVE}


def test_without_a_rating_the_best_is_meant(movierec):
    command = "recommend", "--json", "--like"
    assert movierec(*command, "Emma") == movierec(*command, "Emma=5")
    assert movierec(*command, "Emma") != movierec(*command, "Emma=4")


def test_the_last_rating_of_a_film_counts(movierec):
    command = "recommend", "--json", "--like"
    twice = movierec(*command, "Emma=1", "--like", "emma (1996)=4")
    assert twice == movierec(*command, "Emma=4")


def test_min_ratings(movierec):
    everything = json.loads(movierec("recommend", "--user-id", "100", "--json"))
    floor = sorted(row["n_ratings"] for row in everything)[1]
    command = "recommend", "--user-id", "100", "--min-ratings", str(floor), "--json"
    kept = [row["title"] for row in everything if row["n_ratings"] >= floor]
    assert titles(movierec(*command)) == kept
    assert len(kept) < len(everything)
    assert UNRATED in titles(movierec(*command[:3], "--min-ratings", "0", "--json"))


def test_nothing_left_to_recommend(movierec):
    command = "recommend", "--user-id", "100", "--min-ratings", "1000"
    assert movierec(*command) == "nothing left to recommend: lower --min-ratings\n"
    assert json.loads(movierec(*command, "--json")) == []


def test_similar(movierec):
    rows = json.loads(movierec("similar", "Star Wars", "--json"))
    assert [*rows[0]] == [*HEADER, "similarity"]
    assert {row["title"] for row in rows[:5]} == {*SPACE} - {"Star Wars (1977)"}
    assert all(-1 <= row["similarity"] <= 1 for row in rows)


def test_search(movierec):
    assert titles(movierec("search", "AMELIE", "--json")) == ["Amélie (2001)"]
    assert set(titles(movierec("search", "sabrina", "--json"))) == {*LOVE[:2]}
    assert titles(movierec("search", "solariss", "--json")) == ["Solaris (1972)"]


@pytest.mark.parametrize(
    "command", [("recommend", "--user-id", "100"), ("similar", "Emma"), ("search", "dune")]
)
def test_csv_says_what_json_says(movierec, command):
    from_csv = list(csv.DictReader(io.StringIO(movierec(*command, "--csv"))))
    from_json = json.loads(movierec(*command, "--json"))
    assert from_csv == [{key: str(value) for key, value in row.items()} for row in from_json]
    assert from_csv


@pytest.mark.parametrize("width", [72, 80, 120])
def test_table(movierec, monkeypatch, width):
    """One line a film, but for the very long title; nothing wider than the terminal."""
    monkeypatch.setenv("COLUMNS", str(width))
    command = "recommend", "--user-id", "100", "--min-ratings", "0"
    rows = json.loads(movierec(*command, "--json"))
    about, *lines = movierec(*command).splitlines()
    assert about == "For user 100, who rated 8 films"
    assert max(map(len, lines)) <= width
    assert lines[1].split() == ["rank", "title", "genres", "n_ratings", "rating"]
    films = [line for line in lines[3:] if line.split()[0].isdigit()]
    assert len(films) == len(rows)
    for line, row in zip(films, rows, strict=True):
        assert f"{row['n_ratings']}  " in line
        assert line.endswith(f"{row['predicted_rating']:.2f}")
        assert row["title"] in line or row["title"].startswith("Once Upon a Time")
    assert len({line.rindex(" ") for line in films}) == 1


@pytest.mark.parametrize("width", [10, 40])
def test_table_of_a_narrow_terminal(movierec, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = movierec("search", "dune").splitlines()
    assert max(map(len, lines)) <= width


def test_piped_table_is_not_cut(movierec, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    output = movierec("search", "once upon a time")
    assert LOVE[-1] in output.splitlines()[2]


def test_table_names_what_was_understood(movierec):
    about = movierec("recommend", "--like", "emma", "--like", "amelie=4.5").splitlines()[0]
    assert about == "For whoever rates Emma (1996) 5, Amélie (2001) 4.5"
    assert movierec("similar", "emma").splitlines()[0] == "Most like Emma (1996)"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["recommend"], "give either --user-id ID or --like TITLE[=RATING]"),
        (
            ["recommend", "--user-id", "100", "--like", "Emma"],
            "give either --user-id ID or --like TITLE[=RATING]",
        ),
        (
            ["recommend", "--user-id", "7"],
            "no user 7 in the data: 60 users, with ids from 100 to 159",
        ),
        (
            ["recommend", "--like", "Emma=6"],
            "--like 'Emma=6': a rating is from 0.5 to 5",
        ),
        (
            ["recommend", "--like", "Emma=nan"],
            "--like 'Emma=nan': a rating is from 0.5 to 5",
        ),
        (
            ["similar", "Starr Wars"],
            "no film has the title 'Starr Wars'; did you mean \"Star Wars (1977)\"?",
        ),
        (["recommend", "--like", "zzzzz"], "no film has the title 'zzzzz'; try movierec search"),
        (["search", "zzzzz"], "no film has a title like 'zzzzz'; try fewer words"),
        (["similar", UNRATED], f"{UNRATED}: nobody rated it, or the model has no factors"),
    ],
)
def test_bad_input(refusal, arguments, line):
    assert refusal(*arguments) == line


@pytest.mark.parametrize("command", [["similar"], ["recommend", "--like"]])
def test_ambiguous_title_names_candidates(refusal, command):
    line = refusal(*command, "sabrina")
    assert line.startswith("2 films match 'sabrina': ")
    assert '"Sabrina (1995)"' in line
    assert '"Sabrina (1954)"' in line


def test_outside_of_a_project(refusal, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert refusal("recommend", "--user-id", "1") == (
        "params.yaml: no such file; run this in the project's folder"
    )


def test_model_of_another_data_set(refusal, project, monkeypatch, tmp_path):
    (tmp_path / "params.yaml").write_bytes((project / "params.yaml").read_bytes())
    for name in ("models", "data"):
        (tmp_path / name).symlink_to(project / name)
    monkeypatch.chdir(tmp_path)
    text = (project / "params.yaml").read_text("utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("dataset: local", "dataset: ml-1m"), "utf-8")
    assert refusal("similar", "emma") == (
        "data/index: made from data set 'local', but params.yaml says 'ml-1m'; run dvc repro"
    )


def test_help_is_quick():
    """Nothing that is slow to import is imported before a command needs it."""
    code = (
        "import sys; from movierec.cli import cli; cli(['--help'], standalone_mode=False);"
        "print(*({'numpy', 'pandas', 'numba', 'pydantic', 'pyarrow', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *lines, slow = done.stdout.split("\n")[:-1]
    assert slow == ""
    assert lines[0].startswith("Usage: ")
    for command in ("recommend", "similar", "search", "summary"):
        assert any(line.split()[:1] == [command] for line in lines)
