"""The interactive session of `movierec` without a command: rate movies, get recommendations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import click

from movierec.cli import rendering
from movierec.cli.movies import ListOptions, explain, recommended
from movierec.core.errors import MovierecError
from movierec.core.reporting import count
from movierec.data.titles import display_title
from movierec.serving.workspace import Project

if TYPE_CHECKING:
    from movierec.serving.user_profile import ItemRatings, UserProfile
    from movierec.serving.user_scores import UserScores

N_CANDIDATES = 9  # movies offered for a part of a title
EMPTY = "No movies left; type genre or since alone to remove a filter."
WORDS = {"like": 1.0, "love": 1.0, "so-so": 0.5, "ok": 0.5, "dislike": 0.0, "hate": 0.0}
COMMANDS = [
    ("TITLE", "Rate a movie: type part of its title."),
    ("Enter", "Show your recommendations."),
    ("more", "Show more recommendations."),
    ("rate N", "Rate movie N in the list."),
    ("drop N", "Remove movie N from the list."),
    ("explain N", "Show how much each of your ratings contributed to movie N."),
    ("genre NAME …", "Only movies of these genres; genre alone: all genres."),
    ("since YEAR", "Only movies from YEAR or later; since alone: all years."),
    ("mine", "List your ratings."),
    ("forget N", "Delete your rating N, as listed by mine."),
    ("find TITLE", "Rate a movie whose title is also a command, such as More."),
    ("help", "Show this help."),
    ("quit", "End the session."),
]


def run() -> None:
    """Ask until the user quits, or presses Ctrl-C or Ctrl-D."""
    with suppress(ImportError):
        import readline  # noqa: F401 - gives input() line editing
    session = Session(Project.here())
    rendering.console().print(session.greeting, markup=False)
    with suppress(click.Abort):
        while session.turn(_ask()):
            pass
    click.echo("\nBye.")


def _ask(prompt: str = "", suffix: str = "> ") -> str:
    return click.prompt(prompt, default="", show_default=False, prompt_suffix=suffix).strip()


@dataclass
class Session:
    """The ratings and filters of the user so far, and the list on screen."""

    project: Project
    ratings: ItemRatings = field(default_factory=dict)  # by item_index
    dropped: set[int] = field(default_factory=set)
    listing: ListOptions = field(default_factory=ListOptions)
    rows: rendering.Rows = field(default_factory=list)

    @property
    def greeting(self) -> str:
        low, high = self.project.scale
        return (
            "Rate a few movies to get recommendations: type part of a title, choose the movie, and"
            f" rate it from {low:g} to {high:g}, or type like, so-so or dislike. Press Enter to see"
            " your recommendations, or type help to see all commands."
        )

    def turn(self, line: str) -> bool:
        """Run a line; False if it quits. Prints errors, which do not end the session."""
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
            "help": lambda _: self.help(),
        }

    def help(self) -> None:
        formatter = click.HelpFormatter()
        formatter.write_dl(COMMANDS)
        click.echo(formatter.getvalue(), nl=False)

    def find(self, text: str) -> None:
        """Offer the movies whose titles match, and ask for a rating of the chosen one."""
        movies = self.project.movies
        items = movies.index.search(text) or movies.index.similar(text)
        if not items:
            raise MovierecError(f"No movie title matches {text!r}; try fewer words.")
        if len(items) == 1:
            self.rate(items[0])
            return
        for number, item in enumerate(items[:N_CANDIDATES], 1):
            click.echo(f"  {number}  {movies.display(item)}")
        if len(items) > N_CANDIDATES:
            click.echo(f"     … and {len(items) - N_CANDIDATES} more; type more of the title")
        n_offered = min(len(items), N_CANDIDATES)
        while answer := _ask("Which one (Enter: none)", ": "):
            if number := _number(answer, n_offered):
                self.rate(items[number - 1])
                return
            click.echo(f"Type a number from 1 to {n_offered}.")

    def rate(self, item: int) -> None:
        """Ask for the rating of a movie, until the answer is a rating or empty."""
        title = self.project.movies.display(item)
        low, high = self.project.scale
        while answer := _ask(f"Your rating of {title}, {low:g} to {high:g} (Enter: skip)", ": "):
            rating = self._rating(answer)
            if rating is not None:
                self.ratings[item] = rating
                click.echo(
                    f"{title}: {rating:g}. You have rated {count(len(self.ratings), 'movie')}."
                )
                return
            click.echo(f"Type a number from {low:g} to {high:g}, or like, so-so or dislike.")

    def _rating(self, answer: str) -> float | None:
        low, high = self.project.scale
        if answer.casefold() in WORDS:
            return low + WORDS[answer.casefold()] * (high - low)
        with suppress(ValueError):
            rating = float(answer.replace(",", "."))
            return rating if low <= rating <= high else None
        return None

    def show(self, n_skipped: int = 0) -> None:
        """Show the best movies, after those skipped."""
        if not self.ratings:
            raise MovierecError("Rate a movie first: type part of its title.")
        listing = replace(self.listing, n=n_skipped + self.listing.n)
        eligible = listing.eligible(self.project)
        eligible[list(self.dropped)] = False
        rows = recommended(self.project, self.user, self.scores, listing, eligible)[n_skipped:]
        if not rows:
            raise MovierecError("No more movies." if n_skipped else EMPTY)
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
        """The item_index of movie N in the list."""
        number = _number(text, len(self.rows))
        if not number:
            raise MovierecError(
                f"Give the number of a movie in the list, from 1 to {len(self.rows)}."
                if self.rows
                else "There is no list yet; press Enter to get one."
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
        title = self.project.movies.display(item)
        click.echo(
            f"{title}: score {row['score']:.2f}. Contributions of your ratings to the score (and to"
            " the predicted rating):"
        )
        for reason in row["because"][:N_CANDIDATES]:
            rated = f"{display_title(reason['title'])} {reason['rating']:g}"
            click.echo(f"  {reason['score']:+.2f}  {rated} ({reason['stars']:+.2f} stars)")

    def genre(self, text: str) -> None:
        names = tuple(text.replace(",", " ").split())
        self.project.movies.of_genres(names)  # raises where one is unknown
        self.listing = replace(self.listing, genre=names)
        self.show()

    def since(self, text: str) -> None:
        if text and not text.isdecimal():
            raise MovierecError("Give a year, as in: since 1990")
        self.listing = replace(self.listing, from_year=int(text) if text else None)
        self.show()

    def mine(self) -> None:
        if not self.ratings:
            click.echo("You have not rated any movie yet.")
        for number, (item, rating) in enumerate(self.ratings.items(), 1):
            click.echo(f"  {number}  {self.project.movies.display(item)}  {rating:g}")

    def forget(self, text: str) -> None:
        number = _number(text, len(self.ratings))
        if not number:
            raise MovierecError("Give the number of a rating; mine lists them.")
        item = list(self.ratings)[number - 1]
        del self.ratings[item]
        click.echo(f"Deleted your rating of {self.project.movies.display(item)}.")


def _number(text: str, last: int) -> int:
    """The number from 1 to last in a text, or 0."""
    return int(text) if text.isdecimal() and 1 <= int(text) <= last else 0
