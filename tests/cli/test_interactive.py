"""The interactive session of `movierec`, line by line, and once in a real terminal."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

from movierec.cli import interactive
from movierec.cli.interactive import Session
from movierec.serving.workspace import Project
from tests.cli.test_cli import NO_ZZZZZ, project  # noqa: F401 - a fixture
from tests.helpers.clone import ROOT
from tests.helpers.terminal import answering


@pytest.fixture
def talk(project, monkeypatch, capsys):  # noqa: F811
    """Say lines and return the session and all that was printed."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("COLUMNS", "80")
    here = Session(Project.at())
    capsys.readouterr()

    def say(*lines):
        for line in answering(monkeypatch, lines):
            here.turn(line)
        return here, capsys.readouterr().out

    return say


def ratings(here):
    return {here.project.movies.titles[item]: rating for item, rating in here.ratings.items()}


def test_a_rated_movie_gives_a_list(talk):
    here, out = talk("star wars", "4.5", "")
    assert ratings(here) == {"Star Wars (1977)": 4.5}
    assert "Star Wars (1977): 4.5. You have rated 1 movie." in out
    assert len(here.rows) == 10
    assert all(row["title"].partition(",")[0][:12] in out for row in here.rows)  # The Piano
    assert "Star Wars (1977)" not in {row["title"] for row in here.rows}


def test_one_of_several_is_picked_by_number(talk):
    here, out = talk("sabrina", "9", "x", "2", "like")
    assert out.count("Type a number from 1 to 2.") == 2
    [(title, rating)] = ratings(here).items()
    assert f"  2  {title}" in out
    assert rating == 5
    here, _ = talk("sabrina", "")
    assert len(here.ratings) == 1


def test_a_misspelled_title_is_asked_about(talk):
    here, out = talk("solariss", "1", "like")
    assert out.startswith('no movie called "solariss"; did you mean:\n  1  Solaris (1972)\n')
    assert ratings(here) == {"Solaris (1972)": 5}
    here, out = talk("sola", "")
    assert out.startswith("Your rating of Solaris (1972)")


def test_words_and_numbers_of_ratings(talk):
    here, out = talk("emma", "great", "6", "so-so", "alien", "Dislike", "moon", "3,5", "brazil", "")
    assert ratings(here) == {"Emma (1996)": 2.75, "Alien (1979)": 0.5, "Moon (2009)": 3.5}
    assert out.count("Type a number from 0.5 to 5, or like, so-so or dislike.") == 2


def test_the_list_is_refined(talk):
    here, _ = talk("star wars", "like", "")
    first = [row["title"] for row in here.rows]
    here, _ = talk("rate 2", "4", "rate 3", "dislike")
    assert ratings(here) == {"Star Wars (1977)": 5, first[1]: 4, first[2]: 0.5}
    here, _ = talk("")
    assert not {row["title"] for row in here.rows} & set(ratings(here))
    dropped = here.rows[0]["title"]
    here, _ = talk("drop 1", "genre romance")
    assert dropped not in {row["title"] for row in here.rows}
    assert {row["genres"] for row in here.rows} == {"Romance"}
    here, _ = talk("genre", "year 1990-")
    assert min(int(row["title"][-5:-1]) for row in here.rows) >= 1990
    here, _ = talk("year", "forget 1")
    assert "Star Wars (1977)" not in ratings(here)


def test_known_and_obscure_replace_each_other(talk):
    here, _ = talk("star wars", "like", "known")
    known = {row["title"] for row in here.rows}
    here, _ = talk("obscure")
    assert (here.listing.known, here.listing.obscure) == (None, 0.2)
    assert not {row["title"] for row in here.rows} & known
    here, _ = talk("obscure")
    assert (here.listing.known, here.listing.obscure) == (None, None)
    here, _ = talk("known", "undo")
    assert here.listing.known is None


def test_a_list_says_which_filters_are_set(talk):
    _, out = talk("star wars", "like", "")
    assert "Only movies" not in out
    _, out = talk("known", "genre sci fi")
    assert "\nOnly movies that are well known, of the genre Sci-Fi\n" in out


def test_more_goes_on_where_the_list_ended(talk):
    here, _ = talk("star wars", "like")
    here.listing = interactive.replace(here.listing, n=3)
    here, out = talk("", "more")
    assert [row["rank"] for row in here.rows] == [1, 2, 3, 4, 5, 6]
    assert len({row["title"] for row in here.rows}) == 6
    assert here.rows[4]["title"] in out
    here, out = talk("more", "more", "more")
    assert out.endswith("No more movies.\n")
    assert len(here.rows) == 11


def test_explain_and_mine(talk):
    here, _ = talk("star wars", "like", "emma", "dislike", "")
    _, out = talk("explain 1")
    head, *lines = out.splitlines()
    assert head == f"{here.rows[0]['title']}: score 100"
    assert sum(int(line.split()[0]) for line in lines) == 100
    assert [line[6:] for line in lines] == [
        "Star Wars (1977), 5 stars",
        "Emma (1996), 0.5 stars",
        "apart from your ratings",
    ]
    assert talk("mine")[1] == "  1  Star Wars (1977)  5\n  2  Emma (1996)  0.5\n"


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        ([""], "Rate a movie first: type part of its title."),
        (["more"], "Rate a movie first: type part of its title."),
        (["rate 1"], "There is no list yet; press Enter to get one."),
        (["explain"], "There is no list yet; press Enter to get one."),
        (["emma", "like", "", "rate 11"], "Give the number of a movie in the list, from 1 to 10."),
        (["forget 1"], "Give the number of a rating; mine lists them."),
        (
            ["emma", "like", "", "rate 1", "3", "explain 1"],
            "You have rated this movie; press Enter to get a new list.",
        ),
        (["zzzzz"], NO_ZZZZZ),
        (["find more"], NO_ZZZZZ.replace("zzzzz", "more")),
        (["undo"], "There is nothing to undo."),
        (["rate " + "9" * 5000], "There is no list yet; press Enter to get one."),
        (["genre horor"], "unknown genre 'horor'; choose from Adventure, Romance, Sci-Fi"),
        (["year when"], "1990-, -1999 or 1990s"),
        (["year " + "9" * 5000], "1990-, -1999 or 1990s"),
        (["emma", "like", "year 2022-"], "those of the data set are from 1950 to 2021"),
        (["mine"], "You have not rated any movie yet."),
        (["help"], "quit          End the session."),
    ],
)
def test_errors_do_not_end_the_session(talk, lines, answer):
    assert talk(*lines)[1].rstrip().endswith(answer)


def test_quit_ends_it(talk):
    here, _ = talk()
    assert not here.turn("quit")
    assert here.turn("help")


def reached_by_ctrl_c():
    """Also where the tests themselves run in the background, which ignores it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("end", [b"\x04", b"\x03", b"quit\n"])
def test_in_a_terminal(project, end):  # noqa: F811
    """Ctrl-D, Ctrl-C and quit leave cleanly; what is typed in between is answered."""
    leader, follower = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80", "TERM": "dumb"}
    running = subprocess.Popen(
        [sys.executable, "-m", "movierec"],
        cwd=project,
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        preexec_fn=reached_by_ctrl_c,
    )
    os.close(follower)
    out = b""

    def until(mark, again=b""):
        """Read up to a mark; what is typed at the very moment at which input begins may be lost."""
        nonlocal out
        seen, deadline = len(out), time.monotonic() + 60
        while time.monotonic() < deadline:
            if mark in out[seen:]:
                return
            if select.select([leader], [], [], 1)[0]:
                out += os.read(leader, 4096)
            else:
                os.write(leader, again)
        raise AssertionError(out)

    until(b"> ")
    os.write(leader, b"star wars\n")
    until(b"skip): ")
    os.write(leader, b"like\n")
    until(b"> ")
    os.write(leader, end)
    until(b"Bye.", again=end)
    assert running.wait(60) == 0
    os.close(leader)
    assert b"Traceback" not in out
    assert b"You have rated 1 movie." in out


def test_without_a_terminal_it_prints_the_help(project):  # noqa: F811
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "movierec"],
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("Usage: ")
