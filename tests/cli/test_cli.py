"""`movierec …` in a small project that the stages themselves made."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import ours
from movierec.cli import runs
from movierec.core import console
from movierec.data import parquet_tables
from movierec.data.titles import display_title
from movierec.evaluation.paired_test import Difference
from movierec.experiments.compare_runs import MetricDifference
from movierec.model import model_file
from movierec.serving import folding_in
from tests.helpers import archives
from tests.helpers.small_project import run_stage, run_stages, write_params
from tests.helpers.terminal import command_line

SPACE = ["Star Wars (1977)", "Alien (1979)", "Brazil (1985)", "Dune, Part One (2021)"]
SPACE += ["Solaris (1972)", "Moon (2009)"]
LOVE = ["Sabrina (1995)", "Sabrina (1954)", "Amélie (2001)", "Emma (1996)", "Piano, The (1993)"]
LOVE += ["Once Upon a Time... When We Were Colored and It All Went On for a Very Long Time (1995)"]
ASK = (
    "give either --user-id ID, or your ratings with --like TITLE, --dislike TITLE or --ratings FILE"
)
NO_ZZZZZ = 'no movie called "zzzzz"; these data end in 2021'
UNRATED = "Nobody Saw This (1950)"
TITLES = [*SPACE, *LOVE, UNRATED]
N_USERS = 60
HEADER = ["rank", "movie_id", "title", "genres", "n_ratings"]
OF_LISTS = [*HEADER, "score", "predicted_rating", "deviation"]


def ratings():
    """Even users like space, watch it more often and do not like love, odd users the reverse;
    everyone left some unseen."""
    rng = np.random.default_rng(7)
    is_space = np.arange(len(TITLES) - 1) < len(SPACE)
    rows = []
    for user in range(N_USERS):
        weights = np.where(is_space == (user % 2 == 0), 6, 1)
        for movie in rng.choice(len(is_space), 8, replace=False, p=weights / weights.sum()):
            liked = (movie < len(SPACE)) == (user % 2 == 0)
            rows.append((user + 100, movie + 1, 4.5 if liked else 1.5, int(rng.integers(1e9))))
    return rows


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    genres = [["Sci-Fi", "Adventure"]] * len(SPACE) + [["Romance"]] * len(LOVE) + [["Sci-Fi"]]
    movies = [
        (number, title, names)
        for number, (title, names) in enumerate(zip(TITLES, genres, strict=True), 1)
    ]
    archive = archives.write(folder, "csv", ratings(), movies)
    train = {"n_factors": 2, "factor_precision": 1.0, "max_epochs": 20, "init_scale": 0.5}
    write_params(folder, archive, train=train, implicit={"n_factors": 4})
    run_stages(folder, "download", "index", "split", "train", "implicit", "item_regression")
    return folder


@pytest.fixture
def call(project, monkeypatch, capsys):
    """Run the command as the shell would; returns its status, output and errors."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("MOVIEREC_LOG", raising=False)

    return command_line(monkeypatch, capsys)


@pytest.fixture
def movierec(call):
    """Run a command that succeeds and prints no errors; returns its output."""

    def run(*arguments):
        status, out, err = call(*arguments)
        assert (status, err) == (0, "")
        return out

    return run


@pytest.fixture
def refusal(call):
    """Run a command that fails; returns its only line of error."""

    def run(*arguments):
        status, _, line = call(*arguments)
        assert status == 1
        assert line.startswith("error: ")
        assert line.count("\n") == 1
        return line.removeprefix("error: ").removesuffix("\n")

    return run


def titles(output):
    return [row["title"] for row in json.loads(output)]


def test_recommend_for_a_user(movierec):
    rows = json.loads(movierec("recommend", "--user-id", "100", "--json"))
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert list(rows[0]) == OF_LISTS
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(0.5 <= row["predicted_rating"] <= 5 for row in rows)


def test_a_user_is_scored_by_all_their_ratings(movierec, project):
    """Predicted ratings are those of the row solve on all ratings of the user."""
    rows = json.loads(movierec("recommend", "--user-id", "101", "--json"))
    by_user, _, _ = ours.read_index(project / "data/index")
    items = parquet_tables.read_items(project / "data/index")
    user_index = (parquet_tables.read_users(project / "data/index")["user_id"] == 101).argmax()
    mine = by_user.take(by_user.user_index == user_index)
    model = model_file.read_model(project / "models/model.safetensors")
    params = model_file.trained_with(model)
    every = folding_in.fold_in(model, mine.item_index, mine.rating, params).scores
    for row in rows:
        predicted = every[(items["movie_id"] == row["movie_id"]).argmax()].clip(0.5, 5)
        assert row["predicted_rating"] == pytest.approx(predicted, abs=1e-4)


@pytest.mark.parametrize("user_id", [100, 101, 159])
def test_seen_movies_are_never_recommended(movierec, user_id):
    listed = titles(movierec("recommend", "--user-id", str(user_id), "--json", "-n", "50"))
    seen = {TITLES[movie - 1] for user, movie, *_ in ratings() if user == user_id}
    assert set(listed) == {*SPACE, *LOVE} - seen


def test_recommend_for_a_new_person(movierec):
    listed = titles(movierec("recommend", "--like", "star wars", "--like", "alien=4.5", "--json"))
    assert set(listed[:4]) == {*SPACE} - {"Star Wars (1977)", "Alien (1979)"}
    assert {"Star Wars (1977)", "Alien (1979)"}.isdisjoint(listed)


def test_a_low_rating_turns_the_list_round(movierec):
    listed = titles(
        movierec("recommend", "--like", "Star Wars=0.5", "--like", "alien=0.5", "--json")
    )
    assert set(listed[:6]) == {*LOVE}


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ("--user_id 100", "--user-id 100"),
        ("--like Emma", "--like Emma=5"),
        ("--dislike Emma", "--like Emma=0.5"),
        ("--dislike Emma=2", "--like emma=2"),
        ("--like Emma=1 --like EMMA=4", "--like Emma=4"),
        ("--like Emma=2,5", "--like Emma=2.5"),
        ("--like emma=4 --dislike alien", "--dislike alien --like emma=4"),
        (
            "--like brazil=2.5 --like emma=4 --dislike alien --explain",
            "--dislike alien --like emma=4 --like brazil=2.5 --explain",
        ),
    ],
)
def test_options_that_mean_the_same(movierec, options, same):
    """A rating is the best or worst unless given, the last one counts, and order does not."""
    one, other = (movierec("recommend", "--json", *text.split()) for text in (options, same))
    assert one == other
    assert one != movierec("recommend", "--json", "--like", "Emma=3")


def test_min_ratings(movierec):
    everything = json.loads(movierec("recommend", "--user-id", "100", "--json"))
    floor = sorted(row["n_ratings"] for row in everything)[-1]
    command = "recommend", "--user-id", "100", "--min-ratings", str(floor), "--json"
    kept = [row["title"] for row in everything if row["n_ratings"] >= floor]
    assert titles(movierec(*command)) == kept
    assert len(kept) < len(everything)
    assert UNRATED in titles(movierec(*command[:3], "--min-ratings", "0", "--json"))


EVERYTHING = [part for title in TITLES for part in ("--like", title)]
RATED = "with at least 1 rating"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--user-id", "100", "--min-ratings", "1000"], ""),
        (
            ["--like", "emma", "--year", "2022-"],
            "no movies from 2022 or later; those of the data set are from 1950 to 2021",
        ),
        (
            ["--like", "emma", "--year", "-1930"],
            "no movies from 1930 or earlier; those of the data set are from 1950 to 2021",
        ),
        (
            ["--like", "emma", "--year", "1955-1960"],
            "no movies from 1955 to 1960; those of the data set are from 1950 to 2021",
        ),
        (
            ["--like", "emma", "--genre", "romance", "--year", "2005-"],
            f"no movies {RATED}, of the genre romance, from 2005 or later;"
            ' without "from 2005 or later": 5 movies',
        ),
        (
            ["--like", "emma", "--genre", "romance", "--not-genre", "romance"],
            f"no movies {RATED}, of the genre romance, without the genre romance;"
            ' without "of the genre romance": 6 movies',
        ),
        (
            ["--like", "emma", "--not-genre", "romance", "--not-genre", "sci-fi"],
            "no movies without the genre romance or sci-fi; exclude fewer genres",
        ),
        (EVERYTHING[:-2], f"no other movies {RATED}; without this filter: 1 movie"),
        ([*EVERYTHING, "--min-ratings", "0"], "no other movies in the data set"),
        (EVERYTHING, f"no other movies {RATED} in the data set"),
    ],
)
def test_an_empty_list_says_which_filter_leaves_nothing(movierec, options, why):
    assert why in movierec("recommend", *options)
    assert json.loads(movierec("recommend", *options, "--json")) == []
    assert movierec("recommend", *options, "--csv") == ",".join(OF_LISTS) + "\n"
    explained = ",".join([*OF_LISTS, "score_without_ratings", "because"]) + "\n"
    assert movierec("recommend", *options, "--csv", "--explain") == explained


def test_similar_without_matches(movierec):
    filters = "--genre", "romance", "--year", "2005-"
    assert movierec("similar", "emma", *filters).startswith(f"no movies {RATED}, of the genre")
    assert (
        movierec("similar", "emma", *filters, "--csv") == ",".join([*HEADER, "similarity"]) + "\n"
    )


def test_similar(movierec):
    rows = json.loads(movierec("similar", "Star Wars", "--json"))
    assert [*rows[0]] == [*HEADER, "similarity"]
    assert len({row["title"] for row in rows[:5]} & {*SPACE}) >= 4
    assert "Star Wars (1977)" not in {row["title"] for row in rows}
    assert all(-1 <= row["similarity"] <= 1 for row in rows)


def test_search(movierec):
    assert titles(movierec("search", "AMELIE", "--json")) == ["Amélie (2001)"]
    assert set(titles(movierec("search", "sabrina", "--json"))) == {*LOVE[:2]}
    assert titles(movierec("search", "st wa", "--json")) == ["Star Wars (1977)"]


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("solariss", 'no movie called "solariss"; did you mean "Solaris (1972)"?'),
        ("zzzzz", NO_ZZZZZ),
        ("Solaris (2022)", '"Solaris (2022)" is not in these data, which end in 2021'),
    ],
)
def test_nothing_found_is_an_answer(movierec, refusal, query, line):
    """Which ends a search well, and what needs a movie in the same words as an error."""
    assert movierec("search", query) == f"{line}\n"
    assert movierec("search", query, "--json") == "[]\n"
    assert movierec("search", query, "--csv") == ",".join(HEADER) + "\n"
    for command in (["similar"], ["recommend", "--like"], ["recommend", "--dislike"]):
        assert refusal(*command, query) == line


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
    """One line for each movie, except for a very long title; nothing wider than the terminal."""
    monkeypatch.setenv("COLUMNS", str(width))
    command = "recommend", "--user-id", "100", "--min-ratings", "0"
    rows = json.loads(movierec(*command, "--json"))
    about, *lines = movierec(*command).splitlines()
    assert about == "Based on the 8 ratings of user 100"
    assert max(map(len, lines)) <= width
    assert lines[1].split() == ["rank", "title", "genres", "ratings", "0–100", "rating"]
    movies = [line for line in lines[3:] if line.split()[0].isdigit()]
    assert len(movies) == len(rows)
    for line, row in zip(movies, rows, strict=True):
        assert f" {row['n_ratings']}  " in line
        assert 0 <= int(line.split()[-4]) <= 100
        assert line.endswith(f"{row['predicted_rating']:.2f} ± {row['deviation']:.2f}")
        title = display_title(row["title"])
        assert title in line or title.startswith("Once Upon a Time")
    assert len({line.rindex(" ") for line in movies}) == 1


@pytest.mark.parametrize("width", ["1", "10", "40"])
def test_table_of_a_narrow_terminal(movierec, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    output = movierec("search", "dune")
    assert max(map(len, output.splitlines())) <= 40
    assert "Dune" in output


@pytest.mark.parametrize("size", ["", "0", "-5", "x", "²", "9" * 5000])
def test_sizes_that_no_terminal_has_are_ignored(movierec, monkeypatch, size):
    monkeypatch.delenv("COLUMNS")
    output = movierec("search", "dune")
    monkeypatch.setenv("COLUMNS", size)
    monkeypatch.setenv("LINES", size)
    assert movierec("search", "dune") == output


def test_people_read_titles_as_they_write_them_and_programs_as_in_movielens(movierec, refusal):
    for query in ("the piano", "Piano, The (1993)", "The Piano (1993)"):
        assert titles(movierec("search", query, "--json")) == ["Piano, The (1993)"]
        assert "The Piano (1993)" in movierec("search", query)
    assert movierec("similar", "piano").startswith("Movies similar to The Piano (1993)\n")
    command = "recommend", "--like", "the piano", "--explain", "-n", "1"
    about, *lines = movierec(*command).splitlines()
    assert about == "Based on your ratings: The Piano (1993) 5"
    assert "  The Piano (1993), 5 stars" in lines[-2]
    assert json.loads(movierec(*command, "--json"))[0]["because"][0]["title"] == "Piano, The (1993)"
    assert refusal("recommend", "--like", "piano", "--dislike", "piano") == (
        "The Piano (1993) is in both --like and --dislike; keep one"
    )


def test_piped_table_is_not_cut(movierec, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    output = movierec("search", "once upon a time")
    assert LOVE[-1] in output.splitlines()[2]


def test_table_names_what_was_understood(movierec):
    about = movierec("recommend", "--like", "emma", "--like", "amelie=4.5").splitlines()[0]
    assert about == "Based on your ratings: Emma (1996) 5, Amélie (2001) 4.5"
    assert movierec("similar", "emma").splitlines()[0] == "Movies similar to Emma (1996)"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["recommend"], ASK),
        (["recommend", "--user-id", "100", "--like", "Emma"], ASK),
        (["recommend", "--user-id", "100", "--ratings", "mine.csv"], ASK),
        (
            ["recommend", "--like", "Emma", "--dislike", "emma"],
            "Emma (1996) is in both --like and --dislike; keep one",
        ),
        (["recommend", "--like", "Emma", "--ratings", "no.csv"], "no.csv: no such file"),
        (
            ["recommend", "--like", "Emma", "--scale", "1-10"],
            "--scale is the scale of a file; give the file with --ratings",
        ),
        (
            ["recommend", "--like", "Emma", "--combine", "mean"],
            "--combine is for several people; add them with --companion FILE",
        ),
        (["similar", "Emma", "--only", "no.csv"], "no.csv: no such file"),
        (
            ["recommend", "--like", "Emma", "--genre", "horor"],
            "unknown genre 'horor'; choose from Adventure, Romance, Sci-Fi",
        ),
        (
            ["recommend", "--user-id", "7"],
            "no user 7 in the data set; it has 60 users, with IDs from 100 to 159",
        ),
        (["recommend", "--like", "Emma=6"], "--like 'Emma=6': ratings range from 0.5 to 5"),
        (["recommend", "--like", "Emma=nan"], "--like 'Emma=nan': ratings range from 0.5 to 5"),
        (["similar", "sola"], 'no movie called "sola"; did you mean "Solaris (1972)"?'),
        (["search", ""], "no title given; give words of one"),
        (
            ["similar", UNRATED],
            f"{UNRATED}: no similar movies, since it has no ratings or the model has no factors",
        ),
    ],
)
def test_bad_input(refusal, arguments, line):
    assert refusal(*arguments) == line


@pytest.mark.parametrize("command", [["similar"], ["recommend", "--like"]])
def test_ambiguous_title_names_candidates(refusal, command):
    start, _, names = refusal(*command, "sabrina").partition(": ")
    assert start == '2 movies match "sabrina"'
    assert all(f'"{title}"' in names for title in LOVE[:2])


def test_model_of_another_data_set(refusal, project, monkeypatch, tmp_path):
    for name in ("models", "data", "dvc.yaml", "datasets.yaml"):
        (tmp_path / name).symlink_to(project / name)
    monkeypatch.chdir(tmp_path)
    text = (project / "params.yaml").read_text("utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("dataset: local", "dataset: ml-1m"), "utf-8")
    assert refusal("similar", "emma") == (
        "data/index: made from data set 'local', but params.yaml says 'ml-1m'; run dvc repro"
    )


def test_what_needs_no_solver_loads_neither_pandas_nor_numba(project):
    code = (
        "import sys; from movierec.cli import cli\n"
        "for command in (['search', 'moon'], ['search', 'solariss'], ['similar', 'emma']):\n"
        "    cli([*command, '--csv'], standalone_mode=False)\n"
        "print(*({'pandas', 'numba', 'scipy', 'matplotlib', 'dvc'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert "Moon (2009)" in done.stdout
    assert done.stdout.split("\n")[-2] == ""


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
    for command in ("recommend", "similar", "search", "summary", "provenance"):
        assert any(line.split()[:1] == [command] for line in lines)


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("name", ["workspace", "an-experiment-with-a-long-name"])
def test_compared_numbers_are_never_cut_off(monkeypatch, capsys, width, name):
    monkeypatch.setenv("COLUMNS", str(width))
    difference = Difference(0.2978, 0.3039, -0.0002, 0.0128, 0.0659)
    row = MetricDifference("recall@10", difference, lower_is_better=False)
    console.out().print(runs._difference_table([row], "HEAD", name), crop=False)
    out = capsys.readouterr().out
    for text in ("0.2978", "0.3039", "+0.0061", "-0.0002 to +0.0128", "0.065", "inconclusive"):
        assert text in out
    assert "…" not in out


# --- People's own ratings


@pytest.mark.parametrize(
    ("text", "options", "notes"),
    [
        (
            "title,rating,year\nStar Wars,4,1978\nEmma,0.5,1996\n",
            [],
            "(CSV): found 2 of 2 movies in the data set\n"
            "  ratings read as 0.5 to 5; --scale MIN-MAX changes that\n"
            '  found with a year that differs by one: Star Wars (1978) is "Star Wars (1977)"\n',
        ),
        (
            "movie_id,rating\n10,0.5\n1,4\n",
            ["--scale", "0.5-5"],
            "(CSV by id): found 2 of 2 movies in the data set\n"
            "  movie ids taken as the data set's own:"
            ' 10 is "Emma (1996)", 1 is "Star Wars (1977)"\n',
        ),
        (
            "title,rating\nStar Wars,8\n",
            ["--scale", "1-10", "--dislike", "emma", "--like", "star wars=4"],
            "(CSV): found 1 of 1 movie in the data set\n",
        ),
    ],
)
def test_ratings_from_a_file_are_those_given_one_by_one(
    movierec, call, tmp_path, text, options, notes
):
    file = tmp_path / "mine.csv"
    file.write_text(text, "utf-8")
    one_by_one = movierec("recommend", "--json", "--like", "star wars=4", "--dislike", "emma")
    from_file = call("recommend", "--json", *options, "--ratings", file)
    assert from_file == (0, one_by_one, f"{file} {notes}")


def test_ratings_from_several_files(call, movierec, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("title,rating\nStar Wars,4\nEmma,5\n", "utf-8")
    second.write_text("title,rating\nEmma,0.5\n", "utf-8")
    command = "recommend", "--ratings", first, "--ratings", second
    status, out, _ = call(*command, "--json")
    assert (status, out) == (
        0,
        movierec("recommend", "--json", "--like", "star wars=4", "--dislike", "emma"),
    )
    assert call(*command)[1].startswith("Based on 2 ratings from first.csv, second.csv\n")


def test_movies_of_a_file_that_are_not_in_the_data_set(call, tmp_path):
    rows = "".join(f"2024-01-01,Unknown {number},1999,u,3\n" for number in range(12))
    head = "Date,Name,Year,Letterboxd URI,Rating\n"
    file = tmp_path / "ratings.csv"
    file.write_text(head + rows + "2024-01-01,Amelie,2001,u,5\n2024-01-01,Emma,1996,u,\n", "utf-8")
    status, out, notes = call("recommend", "--ratings", str(file))
    unknown = "; ".join(f"Unknown {number} (1999)" for number in range(12))
    assert notes.splitlines() == [
        f"{file} (Letterboxd): found 1 of 13 movies in the data set; skipped 1 without a rating",
        f"  not found: {unknown}",
    ]
    assert (status, out.splitlines()[0]) == (0, "Based on 1 rating from ratings.csv")
    file.write_text(head + rows, "utf-8")
    status, out, notes = call("recommend", "--ratings", str(file))
    assert (status, out) == (1, "")
    assert notes.splitlines() == [
        f"error: {file}: found none of its movies in the data set; rate others with --like",
        f"  {file} (Letterboxd): found 0 of 12 movies in the data set",
        f"    not found: {unknown}",
    ]


def test_a_title_of_several_movies_needs_its_year_and_none_of_them_is_recommended(call, tmp_path):
    command = "recommend", "--min-ratings", "0", "-n", "99", "--json", "--ratings"
    file = tmp_path / "mine.csv"
    file.write_text("title,rating,year\nSabrina,4,\nEmma,4,\n", "utf-8")
    _, out, notes = call(*command, file)
    assert notes.splitlines()[-1] == (
        '  ambiguous: Sabrina; add the year: "Sabrina (1954)", "Sabrina (1995)"'
    )
    assert set(TITLES) - set(titles(out)) == {"Sabrina (1954)", "Sabrina (1995)", "Emma (1996)"}
    file.write_text("title,rating,year\nSabrina,4,1954\nEmma,4,\n", "utf-8")
    _, out, notes = call(*command, file)
    assert "found 2 of 2" in notes
    assert set(TITLES) - set(titles(out)) == {"Sabrina (1954)", "Emma (1996)"}


# --- Cold cases, filters, explanations


def test_one_rating_only_dislikes_and_an_unrated_movie_give_lists(movierec):
    for options in (["--like", "emma"], ["--dislike", "emma", "--dislike", "amelie"]):
        rows = json.loads(movierec("recommend", *options, "--json", "-n", "3"))
        assert len(rows) == 3
    disliked = [row["title"] for row in rows]
    assert not {*disliked} & {*LOVE}
    rows = json.loads(movierec("recommend", "--like", UNRATED, "--json"))
    assert len(rows) == 10
    assert UNRATED not in {row["title"] for row in rows}


def years(rows):
    return [int(row["title"][-5:-1]) for row in rows]


@pytest.mark.parametrize("command", [["recommend", "--like", "star wars"], ["similar", "emma"]])
def test_filters(movierec, command):
    def rows(*filters):
        return json.loads(movierec(*command, "--json", "-n", "99", *filters))

    everything = rows()
    genres = [row["genres"] for row in everything]
    assert {*genres} == {"Sci-Fi|Adventure", "Romance"}
    assert [row["genres"] for row in rows("--genre", "SCI-FI")] == [
        names for names in genres if names != "Romance"
    ]
    both = rows("--genre", "romance", "--genre", "Adventure")
    assert [row["title"] for row in both] == [row["title"] for row in everything]
    assert {row["genres"] for row in rows("--not-genre", "adventure")} == {"Romance"}
    assert rows("--genre", "romance", "--not-genre", "romance") == []
    assert min(years(rows("--year", "1996-"))) >= 1996
    assert max(years(rows("--year", "-1980"))) <= 1980
    kept = [year for year in years(everything) if 1979 <= year <= 1995]
    assert years(rows("--year", "1979-1995")) == kept


def test_diverse(movierec):
    command = "recommend", "--like", "star wars", "--json", "-n", "4"
    plain = movierec(*command)
    assert movierec(*command, "--diverse", "0") == plain
    by_half, all_the_way = movierec(*command, "--diverse"), movierec(*command, "--diverse", "1")
    assert by_half == movierec(*command, "--diverse", "0.5")
    assert titles(by_half)[0] == titles(all_the_way)[0] == titles(plain)[0]
    assert titles(all_the_way) != titles(plain)


def test_explain(movierec):
    command = "recommend", "--like", "star wars", "--like", "alien=4", "--dislike", "emma"
    rows = json.loads(movierec(*command, "--json", "--explain"))
    rated = {"Star Wars (1977)", "Alien (1979)", "Emma (1996)"}
    for row in rows:
        assert {reason["title"] for reason in row["because"]} == rated
        scores = [reason["score"] for reason in row["because"]]
        assert scores == sorted(scores, key=abs, reverse=True)
        total = row["score_without_ratings"] + sum(scores)
        assert total == pytest.approx(row["score"], abs=1e-9)
    plain = [{name: row[name] for name in OF_LISTS} for row in rows]
    assert plain == json.loads(movierec(*command, "--json"))
    [line, *_] = csv.DictReader(io.StringIO(movierec(*command, "--explain", "--csv")))
    first = rows[0]["because"][0]
    assert line["because"].startswith(f"{first['title']} 5 stars {first['score']:+.4f}; ")


@pytest.mark.parametrize("width", [72, 80, 120])
def test_an_explained_table_adds_up(movierec, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    rated = ["--like", "star wars", "--like", "alien=4", "--dislike", "emma", "--like", "moon=1"]
    _, *lines = movierec("recommend", *rated, "--explain").splitlines()
    assert max(map(len, lines)) <= width
    cells = [line.split() for line in lines[3:]]
    starts = [place for place, line in enumerate(cells) if line[-2:-1] == ["±"]]
    assert len(starts) == len(TITLES) - 1 - 4
    for start, end in zip(starts, [*starts[1:], len(cells)], strict=True):
        reasons = [line for line in cells[start + 1 : end] if line[0][0] in "+-"]
        assert sum(int(line[0]) for line in reasons) == int(cells[start][-4])
        assert " ".join(reasons.pop()[1:]) == "apart from your ratings"
        assert len(reasons) == 4, "a single other rating is shown, too"
        assert all(line[-1] in ("star", "stars") for line in reasons)


def test_filters_do_not_change_scores(movierec, monkeypatch):
    """A list of one genre shows the scores of the list of all."""
    monkeypatch.setenv("COLUMNS", "200")
    everything, romance = (
        {tuple(line.split()[1:]) for line in lines.splitlines()[4:]}
        for lines in (
            movierec("recommend", "--like", "star wars", "-n", "99", *filters)
            for filters in ([], ["--genre", "romance"])
        )
    )
    assert 0 < len(romance) < len(everything)
    assert romance <= everything


def test_a_diverse_list_says_that_it_is_not_sorted_by_score(movierec):
    command = "recommend", "--like", "star wars"
    assert movierec(*command, "--diverse").splitlines()[1] == "Diverse, so not sorted by score"
    assert "not sorted" not in movierec(*command)


@pytest.mark.parametrize(
    "ranking", ["implicit", "item_regression", "predicted_rating", "lower_bound"]
)
def test_every_ranking_is_explained(project, movierec, monkeypatch, ranking):
    text = Path("params.yaml").read_text("utf-8")
    Path("params.yaml").write_text(text.replace("ranking: blend", f"ranking: {ranking}"), "utf-8")
    try:
        command = "recommend", "--like", "star wars", "--dislike", "emma", "--explain"
        rows, lines = json.loads(movierec(*command, "--json")), movierec(*command).splitlines()
    finally:
        Path("params.yaml").write_text(text, "utf-8")
    for row in rows:
        total = row["score_without_ratings"] + sum(reason["score"] for reason in row["because"])
        assert total == pytest.approx(row["score"], abs=1e-9)
    assert lines[4].split()[-4] == "100"
    assert sum(int(line.split()[0]) for line in lines[5:8]) == 100


# --- Lists of movies, and several people


def test_only_and_not(call, movierec, tmp_path):
    watchlist, seen = tmp_path / "watchlist.txt", tmp_path / "seen.csv"
    watchlist.write_text("Alien\nEmma (1996)\nUnknown\n", "utf-8")
    seen.write_text("title,rating\nAlien,\nMoon,4\n", "utf-8")
    for command in (("recommend", "--like", "star wars"), ("similar", "star wars")):
        everything = titles(movierec(*command, "--json", "-n", "99"))
        status, out, notes = call(*command, "--json", "--only", watchlist)
        assert (status, set(titles(out))) == (0, {"Alien (1979)", "Emma (1996)"})
        assert notes == (
            f"{watchlist} (list of titles): found 2 of 3 movies in the data set\n"
            "  not found: Unknown\n"
        )
        status, out, notes = call(*command, "--json", "-n", "99", "--not", seen)
        rest = [title for title in everything if title not in ("Alien (1979)", "Moon (2009)")]
        assert (status, titles(out)) == (0, rest)
        assert notes == f"{seen} (CSV): found 2 of 2 movies in the data set\n"
        _, out, _ = call(*command, "--json", "--only", watchlist, "--only", seen, "--not", seen)
        assert titles(out) == ["Emma (1996)"]
    _, out, _ = call("recommend", "--like", "emma", "--only", watchlist, "--not", seen)
    assert out == (
        f'no other movies {RATED}, in watchlist.txt, not in seen.csv; without "in watchlist.txt": 9'
        " movies\n"
    )


def test_a_list_without_any_movie_of_the_data_set(call, movierec, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("Unknown\n", "utf-8")
    command = "recommend", "--like", "emma"
    status, out, notes = call(*command, "--only", other)
    assert (status, out) == (0, "no movies in other.txt; none of its movies is in the data set\n")
    assert "found 0 of 1 movie" in notes
    assert call(*command, "--not", other)[1] == movierec(*command)


def test_known_and_obscure(movierec):
    command = "recommend", "--like", "star wars", "--json", "-n", "99"
    everything = {row["title"]: row["n_ratings"] for row in json.loads(movierec(*command))}
    known, obscure = titles(movierec(*command, "--known")), titles(movierec(*command, "--obscure"))
    assert min(everything[title] for title in known) > max(everything[title] for title in obscure)
    assert len(titles(movierec(*command, "--known", "1"))) == len(everything)
    assert movierec(*command[:3], "--obscure", "0.01").startswith("no movies ")


def test_a_list_for_several_people(call, movierec, tmp_path):
    ann = tmp_path / "ann.csv"
    ann.write_text("title,rating\nEmma,5\nAmelie,4\n", "utf-8")
    command = "recommend", "--like", "star wars", "--companion", ann
    _, out, notes = call(*command, "--explain", "--json", "-n", "99")
    assert notes.startswith(f"{ann} (CSV): found 2 of 2 movies in the data set\n")
    rows = json.loads(out)
    assert {"Star Wars (1977)", "Emma (1996)", "Amélie (2001)"}.isdisjoint(titles(out))
    for row in rows:
        you, other = row["people"]
        assert (you["name"], other["name"]) == ("you", "ann.csv")
        assert row["score"] == pytest.approx((you["score"] + other["score"]) / 2, abs=1e-3)
    for place in (0, 1):
        assert max(row["people"][place]["score"] for row in rows) == 100
    _, lowest, _ = call(*command, "--combine", "least_misery", "--explain", "--json", "-n", "99")
    for row in json.loads(lowest):
        assert row["score"] == min(person["score"] for person in row["people"])
    lines = call(*command, "--explain")[1].splitlines()
    assert lines[:3] == [
        "Based on your ratings: Star Wars (1977) 5",
        "Together with ann.csv: 2 ratings",
        "Score: the mean of everybody's scores",
    ]
    assert lines[7].split(maxsplit=1)[1].startswith("you, predicted rating ")
    _, out, _ = call(*command, "--csv", "--explain", "-n", "1")
    assert out.startswith(",".join([*HEADER, "score", "predicted_rating", "people"]) + "\n")
    assert "; ann.csv " in out


def test_files_of_one_person_are_not_several_people(call, tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text("title,rating\nEmma,5\n", "utf-8")
    _, out, _ = call("recommend", "--ratings", mine, "--ratings", mine)
    assert out.startswith("Based on 1 rating from mine.csv, mine.csv\n")
    assert "everybody" not in out


def test_the_prior_speaks_for_a_movie_without_ratings(project, movierec, tmp_path, capsys):
    """With genres as the prior mean, who likes science fiction is predicted to like more of it."""
    shutil.copytree(project, tmp_path / "project")
    os.chdir(tmp_path / "project")
    text = Path("params.yaml").read_text("utf-8").replace("model: mf", "model: genre_mf")
    Path("params.yaml").write_text(text, "utf-8")
    run_stage("train")
    capsys.readouterr()
    rows = json.loads(
        movierec("recommend", "--like", "alien", "--min-ratings", "0", "-n", "20", "--json")
    )
    ratings = {row["title"]: row["predicted_rating"] for row in rows}
    assert ratings[UNRATED] > max(ratings[title] for title in LOVE)
