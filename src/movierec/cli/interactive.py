"""`movierec` without a command: name a few films, rate them, get a list, refine it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import click

from movierec.cli import rendering
from movierec.cli.movies import EMPTY, Wish, recommended
from movierec.core.errors import MovierecError
from movierec.serving.workspace import Project

if TYPE_CHECKING:
    from movierec.core.array_files import Array
    from movierec.serving.user_profile import Given, UserProfile
    from movierec.serving.user_scores import UserScores

N_CANDIDATES = 9  # films offered for what was typed
WORDS = {"like": 1.0, "love": 1.0, "so-so": 0.5, "ok": 0.5, "dislike": 0.0, "hate": 0.0}
HELP = """\
Type a part of a film's title to rate it. Or:
  Enter          the list for you
  more           the next films of it
  rate N         rate film N of the list, which you know
  drop N         leave film N out
  explain N      which of your films carried film N
  genre NAME …   only films of these genres; genre alone: of all
  since YEAR     only films of this year or later; since alone: of all
  mine           what you have rated
  forget N       take back the Nth of these ratings
  find TITLE     for a title that is also one of these words
  help, quit"""


def run() -> None:
    """Ask until the person quits, or ends it by Ctrl-C or Ctrl-D."""
    with suppress(ImportError):
        import readline  # noqa: F401 - which gives input() its editing of lines
    session = Session(Project.here())
    click.echo(session.greeting)
    with suppress(click.Abort):
        while session.turn(_ask()):
            pass
    click.echo("\nBye.")


def _ask(prompt: str = "", suffix: str = "> ") -> str:
    return click.prompt(prompt, default="", show_default=False, prompt_suffix=suffix).strip()


@dataclass
class Session:
    """What the person has said so far, and the list that he sees."""

    project: Project
    given: Given = field(default_factory=dict)  # ratings by item_index
    dropped: set[int] = field(default_factory=set)
    wish: Wish = field(default_factory=Wish)
    listed: rendering.Rows = field(default_factory=list)

    @property
    def greeting(self) -> str:
        low, high = self.project.scale
        return (
            "Which films do you know? Type a part of a title, pick the film, and rate it\n"
            f"from {low:g} to {high:g}, or say like, so-so or dislike."
            " Enter alone shows your list;\nhelp tells the rest."
        )

    def turn(self, line: str) -> bool:
        """Do what a line says; False when that is to quit. What is wrong is said, and goes on."""
        word, _, rest = line.partition(" ")
        if word.casefold() in ("quit", "exit", "q"):
            return False
        command = self._commands.get(word.casefold())
        try:
            if command:
                command(rest.strip())
            else:
                self.find(line)
        except MovierecError as error:
            click.echo(error)
        return True

    @cached_property
    def _commands(self) -> dict[str, Callable[[str], None]]:
        return {
            "": lambda _: self.show(),
            "list": lambda _: self.show(),
            "more": lambda _: self.more(),
            "rate": lambda text: self.rate(self._item(text)),
            "drop": self.drop,
            "explain": self.explain,
            "genre": self.genre,
            "since": self.since,
            "mine": lambda _: self.mine(),
            "forget": self.forget,
            "find": self.find,
            "help": lambda _: click.echo(HELP),
        }

    def find(self, text: str) -> None:
        """Offer the films that may be meant, and ask how the one picked was."""
        films = self.project.films
        found = films.catalogue.search(text) or films.catalogue.similar(text)
        if not found:
            raise MovierecError(f"No film has a title like {text!r}; try fewer words.")
        if len(found) == 1:
            self.rate(found[0])
            return
        for number, item in enumerate(found[:N_CANDIDATES], 1):
            click.echo(f"  {number}  {films.titles[item]}")
        if len(found) > N_CANDIDATES:
            click.echo(f"     … {len(found) - N_CANDIDATES} more; type more of the title for these")
        while (answer := _ask("Which (Enter: none)", ": ")) and not self._picked(answer, found):
            pass

    def _picked(self, answer: str, found: list[int]) -> bool:
        with suppress(ValueError):
            if 1 <= int(answer) <= min(len(found), N_CANDIDATES):
                self.rate(found[int(answer) - 1])
                return True
        click.echo(f"A number from 1 to {min(len(found), N_CANDIDATES)}, please.")
        return False

    def rate(self, item: int) -> None:
        """Ask how a film was, until the answer is a rating or empty."""
        title = self.project.films.titles[item]
        while answer := _ask(f"{title}: how was it (Enter: skip)", "? "):
            rating = self._rating(answer)
            if rating is not None:
                self.given[item] = rating
                click.echo(f"{title}: {rating:g}. You have rated {len(self.given)}.")
                return
            low, high = self.project.scale
            click.echo(f"A number from {low:g} to {high:g}, like, so-so or dislike, please.")

    def _rating(self, answer: str) -> float | None:
        low, high = self.project.scale
        if answer.casefold() in WORDS:
            return low + WORDS[answer.casefold()] * (high - low)
        with suppress(ValueError):
            rating = float(answer.replace(",", "."))
            return rating if low <= rating <= high else None
        return None

    def show(self, skipped: int = 0) -> None:
        """The best films, after those skipped."""
        if not self.given:
            raise MovierecError("Rate a film first: type a part of its title.")
        n, ranks = self.wish.n, slice(skipped, skipped + self.wish.n)
        wish = replace(self.wish, n=skipped + n)
        eligible = self._eligible(wish)
        rows = recommended(self.project, self.person, self.verdict, wish, eligible)[ranks]
        if not rows:
            raise MovierecError(EMPTY if not skipped else "That was all.")
        self.listed = [*self.listed[:skipped], *rows]
        terminal = rendering.console()
        terminal.print(rendering.table(rows, terminal.width))

    def more(self) -> None:
        self.show(len(self.listed))

    @property
    def person(self) -> UserProfile:
        from movierec.serving.user_profile import UserProfile

        return UserProfile.of(self.given)

    @property
    def verdict(self) -> UserScores:
        return self.project.verdict(self.person)

    def _eligible(self, wish: Wish) -> Array:
        eligible = wish.eligible(self.project)
        eligible[list(self.dropped)] = False
        return eligible

    def _item(self, text: str) -> int:
        """The item_index of film N of the list."""
        if not text.isdecimal() or not 1 <= int(text) <= len(self.listed):
            raise MovierecError(
                f"Say which film of the list, 1 to {len(self.listed)}."
                if self.listed
                else "There is no list yet: press Enter for it."
            )
        movie_id = self.listed[int(text) - 1]["movie_id"]
        return self.project.films.movie_ids.index(movie_id)

    def drop(self, text: str) -> None:
        self.dropped.add(self._item(text))
        self.show()

    def explain(self, text: str) -> None:
        """What each own film carried to the score of one listed."""
        import numpy as np

        from movierec.cli.movies import explain

        item, row = self._item(text), dict(self.listed[int(text) - 1])
        explain([row], self.project.films, self.person, self.verdict, np.array([item]))
        click.echo(f"{row['title']} has a score of {row['score']:.2f}. What your films carried:")
        for each in row["because"][:N_CANDIDATES]:
            stars = f"{each['stars']:+.2f} stars of predicted rating"
            click.echo(
                f"  {each['score']:+.2f}  {each['title']}, rated {each['rating']:g}; {stars}"
            )

    def genre(self, text: str) -> None:
        names = tuple(text.replace(",", " ").split())
        self.project.films.of_genres(names)
        self.wish = replace(self.wish, genre=names)
        self.show()

    def since(self, text: str) -> None:
        if text and not text.isdecimal():
            raise MovierecError("Say a year: since 1990.")
        self.wish = replace(self.wish, from_year=int(text) if text else None)
        self.show()

    def mine(self) -> None:
        if not self.given:
            click.echo("You have rated nothing yet.")
        for number, (item, rating) in enumerate(self.given.items(), 1):
            click.echo(f"  {number}  {self.project.films.titles[item]}  {rating:g}")

    def forget(self, text: str) -> None:
        if not text.isdecimal() or not 1 <= int(text) <= len(self.given):
            raise MovierecError("Say which of your ratings; mine lists them.")
        item = list(self.given)[int(text) - 1]
        del self.given[item]
        click.echo(f"Forgotten: {self.project.films.titles[item]}.")
