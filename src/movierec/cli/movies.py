"""Commands about films: recommend, similar, search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from movierec.cli import rendering
from movierec.core.errors import MovierecError

if TYPE_CHECKING:
    from movierec.core.array_files import Array
    from movierec.serving.catalogue import Catalogue
    from movierec.serving.user_profile import Given, UserProfile
    from movierec.serving.user_scores import UserScores
    from movierec.serving.workspace import Project

N_NAMED = 10  # films of a file that are not known here
ASK = "give --user-id ID, or --like TITLE[=RATING], --dislike TITLE or --ratings FILE"
EMPTY = "nothing left to recommend: lower --min-ratings, or filter less"


@dataclass(frozen=True)
class Wish:
    """What is asked of a list."""

    n: int = 10
    min_ratings: int | None = None  # recommend.min_ratings unless given
    genre: tuple[str, ...] = ()
    not_genre: tuple[str, ...] = ()
    from_year: int | None = None
    to_year: int | None = None
    diverse: float = 0
    explain: bool = False

    def eligible(self, project: Project) -> Array:
        """Which films pass (n_films,) bool."""
        floor = project.params.recommend.min_ratings
        least = floor if self.min_ratings is None else self.min_ratings
        years = self.from_year, self.to_year
        return project.films.chosen(least, self.genre, self.not_genre, *years)


def options(*added: Callable[..., Any]) -> Callable[..., Any]:
    """Several options as one decorator, in this order in the help."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(added):
            command = option(command)
        return command

    return add


output = options(
    click.option(
        "-n", "n", default=10, show_default=True, type=click.IntRange(1), help="How many."
    ),
    click.option("--json", "form", flag_value="json", help="Print JSON, for programs."),
    click.option("--csv", "form", flag_value="csv", help="Print CSV, for programs."),
)
filters = options(
    click.option("--genre", multiple=True, help="Films of this genre, or of another one given."),
    click.option("--not-genre", multiple=True, help="No films of this genre."),
    click.option("--from-year", type=int, metavar="YEAR", help="Films of this year or later."),
    click.option("--to-year", type=int, metavar="YEAR", help="Films of this year or earlier."),
    click.option("--min-ratings", type=click.IntRange(0), help="No films with fewer ratings."),
)


@click.command()
@click.option("--user-id", "--user_id", help="A user of the data set, by its own id.")
@click.option(
    "--like",
    multiple=True,
    metavar="TITLE[=RATING]",
    help="A film that a new person likes, best of ratings unless given. May be repeated.",
)
@click.option(
    "--dislike",
    multiple=True,
    metavar="TITLE[=RATING]",
    help="One that he does not, worst of ratings unless given. May be repeated.",
)
@click.option(
    "--ratings",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Ratings in a file: Letterboxd's or IMDb's export, or CSV with title and rating.",
)
@filters
@click.option(
    "--diverse",
    is_flag=False,
    flag_value=0.5,
    default=0,
    type=click.FloatRange(0, 1),
    metavar="[SHARE]",
    help="Films that differ: how much that counts beside the rating, 0 to 1; 0.5 unless given.",
)
@click.option("--explain", is_flag=True, help="Say which of one's own films carried each.")
@output
def recommend(
    user_id: str | None,
    like: tuple[str, ...],
    dislike: tuple[str, ...],
    ratings: Path | None,
    form: str | None,
    **wish: Any,
) -> None:
    """Films for a user of the data set, or for a new person by his ratings.

    Beside the predicted rating stands its standard deviation: how much of it one's own ratings
    leave open.

    \b
    movierec recommend --user-id 196
    movierec recommend --like "Star Wars" --like "Toy Story=4.5" --dislike Scream
    movierec recommend --ratings letterboxd.zip --genre Comedy --from-year 1990 --explain
    """
    if (user_id is None) == (not (like or dislike or ratings)):
        raise MovierecError(ASK)
    from movierec.serving import user_profile as people
    from movierec.serving.workspace import Project

    project = Project.here()
    if user_id is not None:
        person = project.user(user_id)
        about = f"For user {user_id}, who rated {len(person.items):,} films"
    else:
        given = _of_file(project, ratings) if ratings else {}
        named = people.by_titles(project.films, project.scale, like, dislike)
        person = people.UserProfile.of(given | named)
        about = "For whoever rates " + _said(project.films, given, named)
    asked = Wish(**wish)
    eligible = asked.eligible(project)
    rows = recommended(project, person, project.verdict(person), asked, eligible)
    rendering.show(rows, form, about, EMPTY)


def recommended(
    project: Project, person: UserProfile, verdict: UserScores, wish: Wish, eligible: Array
) -> rendering.Rows:
    """The rows of a list, of what the person has not rated."""
    from movierec.recommending import selection

    eligible = eligible.copy()
    eligible[person.items] = False
    if wish.diverse:
        factors = project.item_vectors()
        found = selection.diverse(verdict.scores, eligible, wish.n, factors, wish.diverse)
    else:
        found = selection.best(verdict.scores, eligible, wish.n)
    predicted = verdict.rating.scores[found].clip(*project.scale)
    deviation = verdict.rating.deviations(found)
    columns = {"score": verdict.scores[found], "predicted_rating": predicted}
    rows = rendering.rows_of(project.films, found, **columns, deviation=deviation)
    if wish.explain:
        explain(rows, project.films, person, verdict, found)
    return rows


def explain(
    rows: rendering.Rows, films: Catalogue, person: UserProfile, verdict: UserScores, found: Array
) -> None:
    """Add to each row what each own film carried to its score and to its predicted rating, the
    most first; what is left of the score needs no ratings of this person."""
    to_score = verdict.why.contributions(found)
    to_rating = verdict.rating.contributions(found)
    rest = verdict.why.scores[found] - to_score.sum(axis=1)
    for row, score, stars, left in zip(rows, to_score, to_rating, rest, strict=True):
        row["score_without_ratings"] = round(float(left), 4)
        row["because"] = [
            {
                "movie_id": films.movie_ids[person.items[place]],
                "title": films.titles[person.items[place]],
                "rating": round(float(person.ratings[place]), 4),
                "score": round(float(score[place]), 4),
                "stars": round(float(stars[place]), 4),
            }
            for place in (-abs(score)).argsort(kind="stable")
        ]


def _of_file(project: Project, path: Path) -> Given:
    """The ratings in a file; says on stderr what of it is not known here."""
    from movierec.serving import import_ratings
    from movierec.serving import user_profile as people

    export = import_ratings.read(path, project.scale)
    given, unknown = people.by_export(project.films, export.rated)
    skipped = "".join(f"; skipped {count} {why}" for why, count in export.skipped.items())
    click.echo(
        f"{path} ({export.kind}): {len(export.rated) - len(unknown):,} of {len(export.rated):,}"
        f" ratings are of films known here{skipped}",
        err=True,
    )
    for name in unknown[:N_NAMED]:
        click.echo(f"  not found: {name}", err=True)
    if len(unknown) > N_NAMED:
        click.echo(f"  … and {len(unknown) - N_NAMED:,} more", err=True)
    if not given:
        raise MovierecError(f"{path}: none of its films is known here; name some with --like")
    return given


def _said(films: Catalogue, given: Given, named: Given) -> str:
    parts = [f"{len(given):,} film{'s'[: len(given) > 1]} of the file"] if given else []
    parts += [f"{films.titles[item]} {stars:g}" for item, stars in named.items()]
    return ", ".join(parts)


@click.command()
@click.argument("title")
@filters
@output
def similar(title: str, form: str | None, **wish: Any) -> None:
    """Films whose factors are most like one film's."""
    from movierec.recommending import selection
    from movierec.serving.workspace import Project

    project, asked = Project.here(), Wish(**wish)
    item = project.films.catalogue.find(title)
    name = project.films.titles[item]
    factors = project.item_vectors()
    if not factors[item].any():
        raise MovierecError(f"{name}: nobody rated it, or the model has no factors")
    found, cosines = selection.similar(factors, item, asked.n, asked.eligible(project))
    rows = rendering.rows_of(project.films, found, similarity=cosines)
    rendering.show(rows, form, f"Most like {name}")


@click.command()
@click.argument("query")
@output
def search(query: str, n: int, form: str | None) -> None:
    """Films by the words of their titles, the most rated first."""
    from movierec.serving.catalogue import Catalogue

    films = Catalogue.read()
    found = films.catalogue.search(query) or films.catalogue.similar(query)
    if not found:
        raise MovierecError(f"no film has a title like {query!r}; try fewer words")
    rendering.show(rendering.rows_of(films, found[:n]), form)
