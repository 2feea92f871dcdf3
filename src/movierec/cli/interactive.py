"""The interactive session of `movierec` without a command: rate movies, get recommendations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from movierec.cli import explanations, movies, rendering
from movierec.cli.people import Person
from movierec.core import console
from movierec.core.errors import MovierecError
from movierec.core.text import count
from movierec.serving import lists
from movierec.serving.lists import ListOptions
from movierec.serving.user_profile import UserProfile
from movierec.serving.workspace import Project
from movierec.serving.years import Years

if TYPE_CHECKING:
    from movierec.serving.recommendations import Recommendations
    from movierec.serving.user_profile import ItemRatings

N_CANDIDATES = 9  # movies offered for a part of a title
QUIT = ("quit", "exit", "q")
WORDS = {"like": 1.0, "love": 1.0, "so-so": 0.5, "ok": 0.5, "dislike": 0.0, "hate": 0.0}
COMMANDS = [
    ("TITLE", "Rate a movie: type part of its title."),
    ("Enter", "Show your recommendations."),
    ("more", "Show more recommendations."),
    ("rate N", "Rate movie N in the list."),
    ("drop N", "Remove movie N from the list."),
    ("explain N", "Show how much each of your ratings contributed to movie N."),
    ("genre NAME …", "Only movies of these genres; genre alone: all genres."),
    ("year YEARS", "Only movies from 1994, 1990-1999, 1990- or 1990s; year alone: all years."),
    ("known", "Only well-known movies; again: all."),
    ("obscure", "Only little-known movies; again: all."),
    ("mine", "List your ratings."),
    ("forget N", "Delete your rating N, as listed by mine."),
    ("find TITLE", "Rate a movie whose title is also a command, such as More."),
    ("undo", "Undo your last rating, removal or filter; at a question, go back."),
    ("help", "Show this help; at a question, what you can answer."),
    ("quit", "End the session."),
]


class Quit(Exception):  # noqa: N818 - not an error
    """The user typed quit at a question."""


def run() -> None:
    """Ask until the user quits, or presses Ctrl-C or Ctrl-D."""
    with suppress(ImportError):
        import readline  # noqa: F401 - gives input() line editing
    session = Session(Project.at())
    console.out().print(session.greeting)
    with suppress(EOFError, KeyboardInterrupt):
        while session.turn(console.ask("> ")):
            pass
    console.lines("", "Bye.")


@dataclass(frozen=True)
class State:
    """What undo restores; undoes: its line, such as "your rating of Emma (1996)"."""

    undoes: str
    ratings: ItemRatings
    dropped: set[int]
    listing: ListOptions


@dataclass
class Session:
    """The ratings and filters of the user so far, and the list on screen."""

    project: Project
    ratings: ItemRatings = field(default_factory=dict)  # by item_index
    dropped: set[int] = field(default_factory=set)
    listing: ListOptions = field(default_factory=ListOptions)
    rows: rendering.Rows = field(default_factory=list)
    history: list[State] = field(default_factory=list)

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
        if word.casefold() in QUIT:
            return False
        command = self._commands.get(word.casefold())
        try:
            if command:
                command(rest.strip())
            else:
                self.find(line)
        except MovierecError as error:
            console.out().print(str(error))
        except Quit:
            return False
        return True

    def _answer(self, question: str, help_text: str) -> str | None:
        """The answer to a question, "" to skip it; None to go back. Raises Quit."""
        while True:
            answer = console.ask(f"{question}: ")
            if answer.casefold() in QUIT:
                raise Quit
            if answer.casefold() == "undo":
                return None
            if answer.casefold() != "help":
                return answer
            console.lines(help_text, "Press Enter to skip; undo goes back, quit ends the session.")

    def _change(self, what: str) -> None:
        """Remember the state before a change, for undo. what: changes."""
        self.history.append(State(what, dict(self.ratings), set(self.dropped), self.listing))

    def undo(self) -> None:
        if not self.history:
            raise MovierecError("There is nothing to undo.")
        last = self.history.pop()
        self.ratings, self.dropped, self.listing = last.ratings, last.dropped, last.listing
        console.out().print(f"Undone: {last.undoes}.")

    @property
    def _commands(self) -> dict[str, Callable[[str], object]]:
        return {
            "": lambda _: self.show(),
            "list": lambda _: self.show(),
            "more": lambda _: self.show(len(self.rows)),
            "rate": lambda text: self.rate(self._item(text)),
            "drop": self.drop,
            "explain": self.explain,
            "genre": self.genre,
            "year": self.year,
            "known": lambda _: self.known(),
            "obscure": lambda _: self.obscure(),
            "mine": lambda _: self.mine(),
            "forget": self.forget,
            "find": self.find,
            "undo": lambda _: self.undo(),
            "help": lambda _: self.help(),
        }

    def help(self) -> None:
        table = console.table()
        table.show_header = False
        table.add_column(no_wrap=True)
        table.add_column()
        for command in COMMANDS:
            table.add_row(*command)
        console.out().print(table)

    def find(self, text: str) -> None:
        """Offer the movies whose titles match, and ask for a rating of the chosen one."""
        movies = self.project.movies
        items = movies.index.search(text)
        if len(items) == 1:
            self.rate(items[0])
            return
        if not items:
            items = movies.index.close(text)
            if not items:
                raise MovierecError(movies.index.no_movie(text))
            console.lines(f'no movie called "{text}"; did you mean:')
        n_offered = min(len(items), N_CANDIDATES)
        console.lines(
            *(f"  {n}  {movies.display(item)}" for n, item in enumerate(items[:n_offered], 1))
        )
        if len(items) > n_offered:
            console.lines(f"     … and {len(items) - n_offered} more; type more of the title")
        how = f"Type a number from 1 to {n_offered}."
        while answer := self._answer("Which one (Enter: none)", how):
            number = _number(answer, n_offered)
            if not number:
                console.lines(how)
            elif self.rate(items[number - 1]):
                return

    def rate(self, item: int) -> bool:
        """Ask for the rating of a movie, until the answer is a rating or empty; False: go back."""
        title = self.project.movies.display(item)
        low, high = self.project.scale
        how = f"Type a number from {low:g} to {high:g}, or like, so-so or dislike."
        question = f"Your rating of {title}, {low:g} to {high:g} (Enter: skip)"
        while answer := self._answer(question, how):
            rating = self._rating(answer)
            if rating is not None:
                self._change(f"your rating of {title}")
                self.ratings[item] = rating
                said = f"{title}: {rating:g}. You have rated {count(len(self.ratings), 'movie')}."
                console.out().print(said)
                return True
            console.lines(how)
        return answer is not None

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
        found = self._found(replace(self.listing, n=n_skipped + self.listing.n))
        rows = movies.listed_rows(self.project, [self.person], found, False)[n_skipped:]
        if not rows:
            raise MovierecError("No more movies." if n_skipped else found.why_none())
        self.rows = [*self.rows[:n_skipped], *rows]
        if limits := replace(self.listing, min_ratings=0).filters(self.project):
            console.lines(f"Only movies {', '.join(each.asks for each in limits)}")
        rendering.show_table(rows, found.scale)

    @property
    def person(self) -> Person:
        return Person("you", UserProfile.from_ratings(self.ratings), self.dropped, "")

    def _found(self, listing: ListOptions) -> Recommendations:
        from movierec.serving import recommendations

        return recommendations.recommend(self.project, [self.person.profile], listing, self.dropped)

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
        item = self._item(text)
        self._change(f"removing {self.project.movies.display(item)} from the list")
        self.dropped.add(item)
        self.show()

    def explain(self, text: str) -> None:
        """How much each rating of the user contributed to the score of one listed movie."""
        import numpy as np

        item, row = self._item(text), dict(self.rows[int(text) - 1])
        if item in self.ratings:
            raise MovierecError("You have rated this movie; press Enter to get a new list.")
        found = replace(self._found(self.listing), items=np.array([item]))
        row["score"] = round(float(found.scores.scores[item]), explanations.DIGITS)
        explanations.explain([row], self.project, [self.person], found)
        score = explanations.percent(row["score"], found.scale)
        reasons = explanations.lines(row, found.scale, N_CANDIDATES)
        console.lines(f"{self.project.movies.display(item)}: score {score}", *reasons)

    def genre(self, text: str) -> None:
        names = tuple(self.project.movies.genre_names(text))
        self._filter(replace(self.listing, genre=names), f"genre {', '.join(names)}")

    def year(self, text: str) -> None:
        try:
            years = Years.from_text(text) if text else None
        except ValueError as error:
            raise MovierecError(str(error)) from None
        self._filter(replace(self.listing, year=years), f"year {text}")

    def known(self) -> None:
        share = lists.KNOWN if self.listing.known is None else None
        self._filter(replace(self.listing, known=share, obscure=None), "known")

    def obscure(self) -> None:
        share = lists.OBSCURE if self.listing.obscure is None else None
        self._filter(replace(self.listing, obscure=share, known=None), "obscure")

    def _filter(self, listing: ListOptions, line: str) -> None:
        """Show the list with other filters; those that no movie passes are not set."""
        self._change(line.strip())
        self.listing = listing
        try:
            self.show()
        except MovierecError:
            if self.ratings:
                self.listing = self.history.pop().listing
            raise

    def mine(self) -> None:
        if not self.ratings:
            raise MovierecError("You have not rated any movie yet.")
        for number, (item, rating) in enumerate(self.ratings.items(), 1):
            console.lines(f"  {number}  {self.project.movies.display(item)}  {rating:g}")

    def forget(self, text: str) -> None:
        number = _number(text, len(self.ratings))
        if not number:
            raise MovierecError("Give the number of a rating; mine lists them.")
        item = list(self.ratings)[number - 1]
        self._change(f"deleting your rating of {self.project.movies.display(item)}")
        del self.ratings[item]
        console.out().print(f"Deleted your rating of {self.project.movies.display(item)}.")


def _number(text: str, last: int) -> int:
    """The number from 1 to last in a text, or 0."""
    is_number = text.isdecimal() and len(text) <= len(str(last))
    return int(text) if is_number and 1 <= int(text) <= last else 0
