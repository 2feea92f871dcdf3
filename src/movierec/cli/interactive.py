"""`movierec` without a command: rate a few movies, get a list, refine it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import click

from movierec.cli import rendering
from movierec.cli.movies import EMPTY, ListOptions, explain, recommended
from movierec.core.errors import MovierecError
from movierec.serving.workspace import Project

if TYPE_CHECKING:
    from movierec.serving.user_profile import ItemRatings, UserProfile
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
    """Ask until the user quits, or ends it by Ctrl-C or Ctrl-D."""
    with suppress(ImportError):
        import readline  # noqa: F401 - gives input() line editing
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
    """The ratings and choices of the user so far, and the list on screen."""

    project: Project
    ratings: ItemRatings = field(default_factory=dict)  # by item_index
    dropped: set[int] = field(default_factory=set)
    listing: ListOptions = field(default_factory=ListOptions)
    rows: rendering.Rows = field(default_factory=list)

    @property
    def greeting(self) -> str:
        low, high = self.project.scale
        return (
            "Which films do you know? Type a part of a title, pick the film, and rate it\n"
            f"from {low:g} to {high:g}, or say like, so-so or dislike."
            " Enter alone shows your list;\nhelp tells the rest."
        )

    def turn(self, line: str) -> bool:
        """Do what a line asks for; False if that is to quit. Prints errors, which end nothing."""
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

    @property
    def _commands(self) -> dict[str, Callable[[str], None]]:
        return {
            "": lambda _: self.show(),
            "list": lambda _: self.show(),
            "more": lambda _: self.show(len(self.rows)),
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
        """Offer the movies that may be meant, and ask for a rating of the one picked."""
        films = self.project.movies
        items = films.index.search(text) or films.index.similar(text)
        if not items:
            raise MovierecError(f"No film has a title like {text!r}; try fewer words.")
        if len(items) == 1:
            self.rate(items[0])
            return
        for number, item in enumerate(items[:N_CANDIDATES], 1):
            click.echo(f"  {number}  {films.titles[item]}")
        if len(items) > N_CANDIDATES:
            click.echo(f"     … {len(items) - N_CANDIDATES} more; type more of the title for these")
        n_offered = min(len(items), N_CANDIDATES)
        while answer := _ask("Which (Enter: none)", ": "):
            if number := _number(answer, n_offered):
                self.rate(items[number - 1])
                return
            click.echo(f"A number from 1 to {n_offered}, please.")

    def rate(self, item: int) -> None:
        """Ask for the rating of a movie, until the answer is a rating or empty."""
        title = self.project.movies.titles[item]
        while answer := _ask(f"{title}: how was it (Enter: skip)", "? "):
            rating = self._rating(answer)
            if rating is not None:
                self.ratings[item] = rating
                click.echo(f"{title}: {rating:g}. You have rated {len(self.ratings)}.")
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

    def show(self, n_skipped: int = 0) -> None:
        """The best movies, after those skipped."""
        if not self.ratings:
            raise MovierecError("Rate a film first: type a part of its title.")
        listing = replace(self.listing, n=n_skipped + self.listing.n)
        eligible = listing.eligible(self.project)
        eligible[list(self.dropped)] = False
        rows = recommended(self.project, self.user, self.scores, listing, eligible)[n_skipped:]
        if not rows:
            raise MovierecError("That was all." if n_skipped else EMPTY)
        self.rows = [*self.rows[:n_skipped], *rows]
        terminal = rendering.console()
        terminal.print(rendering.movie_table(rows, terminal.width))

    @property
    def user(self) -> UserProfile:
        from movierec.serving.user_profile import UserProfile

        return UserProfile.from_ratings(self.ratings)

    @property
    def scores(self) -> UserScores:
        return self.project.score_items(self.user)

    def _item(self, text: str) -> int:
        """The item_index of movie N of the list."""
        number = _number(text, len(self.rows))
        if not number:
            raise MovierecError(
                f"Say which film of the list, 1 to {len(self.rows)}."
                if self.rows
                else "There is no list yet: press Enter for it."
            )
        return self.project.movies.movie_ids.index(self.rows[number - 1]["movie_id"])

    def drop(self, text: str) -> None:
        self.dropped.add(self._item(text))
        self.show()

    def explain(self, text: str) -> None:
        """How much each rating of the user contributed to the score of one listed movie."""
        import numpy as np

        item, row = self._item(text), dict(self.rows[int(text) - 1])
        explain([row], self.project.movies, self.user, self.scores, np.array([item]))
        click.echo(f"{row['title']} has a score of {row['score']:.2f}. What your films carried:")
        for reason in row["because"][:N_CANDIDATES]:
            stars = f"{reason['stars']:+.2f} stars of predicted rating"
            rated = f"{reason['title']}, rated {reason['rating']:g}"
            click.echo(f"  {reason['score']:+.2f}  {rated}; {stars}")

    def genre(self, text: str) -> None:
        names = tuple(text.replace(",", " ").split())
        self.project.movies.of_genres(names)  # raises where one is unknown
        self.listing = replace(self.listing, genre=names)
        self.show()

    def since(self, text: str) -> None:
        if text and not text.isdecimal():
            raise MovierecError("Say a year: since 1990.")
        self.listing = replace(self.listing, from_year=int(text) if text else None)
        self.show()

    def mine(self) -> None:
        if not self.ratings:
            click.echo("You have rated nothing yet.")
        for number, (item, rating) in enumerate(self.ratings.items(), 1):
            click.echo(f"  {number}  {self.project.movies.titles[item]}  {rating:g}")

    def forget(self, text: str) -> None:
        number = _number(text, len(self.ratings))
        if not number:
            raise MovierecError("Say which of your ratings; mine lists them.")
        item = list(self.ratings)[number - 1]
        del self.ratings[item]
        click.echo(f"Forgotten: {self.project.movies.titles[item]}.")


def _number(text: str, last: int) -> int:
    """The number from 1 to last that a text is, or 0."""
    return int(text) if text.isdecimal() and 1 <= int(text) <= last else 0
