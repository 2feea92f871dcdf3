"""Commands about movies: recommend, similar, search."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from movierec.cli import rendering
from movierec.cli.project import Location, ProjectCommand
from movierec.cli.values import SCALE, WORDS, YEAR, Number
from movierec.core import console
from movierec.core.errors import MovierecError
from movierec.core.text import count
from movierec.serving import lists
from movierec.serving.lists import ListOptions

if TYPE_CHECKING:
    from movierec.core.array_files import Array
    from movierec.serving.catalogue import Catalogue
    from movierec.serving.own_ratings import OwnRatings
    from movierec.serving.user_profile import UserProfile
    from movierec.serving.user_scores import UserScores
    from movierec.serving.workspace import Project

ASK = (
    "give either --user-id ID, or your ratings with --like TITLE, --dislike TITLE or --ratings FILE"
)
SCORES = ("score", "predicted_rating", "deviation")  # columns of recommendations
REASONS = ("score_without_ratings", "because")  # and with --explain


def options(*decorators: Callable[..., Any]) -> Callable[..., Any]:
    """Several options as one decorator, in this order in the help."""
    return lambda command: reduce(lambda inner, add: add(inner), reversed(decorators), command)


output = options(
    click.option(
        "-n",
        "n",
        default=10,
        show_default=True,
        type=Number(1),
        metavar="N",
        help="Number of movies.",
    ),
    click.option(
        "--json", "form", flag_value="json", help="Print JSON, with titles as in MovieLens."
    ),
    click.option(
        "--csv",
        "form",
        flag_value="csv",
        help="Print CSV, with titles as in MovieLens.",
    ),
)
filters = options(
    click.option(
        "--genre",
        multiple=True,
        type=WORDS,
        metavar="GENRE",
        help="Only movies of this genre. Repeat it to allow several genres.",
    ),
    click.option(
        "--not-genre",
        multiple=True,
        type=WORDS,
        metavar="GENRE",
        help="No movies of this genre. Repeat it to exclude several genres.",
    ),
    click.option("--from-year", type=YEAR, metavar="YEAR", help="Only movies from YEAR or later."),
    click.option("--to-year", type=YEAR, metavar="YEAR", help="Only movies from YEAR or earlier."),
    click.option(
        "--min-ratings",
        type=Number(0),
        metavar="N",
        help="Only movies with at least N ratings. Default: recommend.min_ratings in params.yaml.",
    ),
)


@click.command(
    cls=ProjectCommand, short_help="Recommend movies for a user or based on your ratings."
)
@click.option("--user-id", type=WORDS, metavar="ID", help="ID of a user in the data set.")
@click.option(
    "--like",
    multiple=True,
    type=WORDS,
    metavar="TITLE[=RATING]",
    help="A movie you like. Without a rating, it gets the highest one. Repeatable.",
)
@click.option(
    "--dislike",
    multiple=True,
    type=WORDS,
    metavar="TITLE[=RATING]",
    help="A movie you dislike. Without a rating, it gets the lowest one. Repeatable.",
)
@click.option(
    "--ratings",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your ratings: an export of Letterboxd, IMDb, Trakt, TMDB, Simkl or movielens.org, or a"
    " CSV file with title and rating. Repeatable.",
)
@click.option(
    "--scale",
    type=SCALE,
    metavar="MIN-MAX",
    help="Scale of the ratings in FILE, such as 1-10. Default: its format's, or the data set's.",
)
@filters
@click.option(
    "--diverse",
    is_flag=False,
    flag_value=0.5,
    default=0,
    type=Number(0.0, 1.0),
    metavar="[WEIGHT]",
    help="Make the list more diverse. WEIGHT is from 0 to 1; without it, 0.5.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Under each movie, show how much your ratings contributed to its score.",
)
@output
@click.pass_obj
def recommend(
    location: Location,
    user_id: str | None,
    like: tuple[str, ...],
    dislike: tuple[str, ...],
    ratings: tuple[Path, ...],
    scale: tuple[float, float] | None,
    form: str | None,
    **listing: Any,
) -> None:
    """Recommend movies for a user of the data set, or based on your own ratings.

    The number after ± is the standard deviation of the predicted rating: the more informative
    your ratings are for a movie, the smaller it is.

    \b
    Examples:
      movierec recommend --user-id 196
      movierec recommend --like "Star Wars" --dislike Scream=2
      movierec recommend --ratings letterboxd.zip --explain
    """
    if (user_id is None) == (not (like or dislike or ratings)):
        raise MovierecError(ASK)
    if scale is not None and not ratings:
        raise MovierecError("--scale is the scale of a file; give the file with --ratings")
    from movierec.serving import user_profile
    from movierec.serving.filters import passing, why_none
    from movierec.serving.workspace import Project

    chosen = ListOptions(**listing)
    chosen.check()
    project, seen = Project.at(), set[int]()
    if user_id is not None:
        user = project.user(user_id)
        about = f"Based on the {count(len(user.items), 'rating')} of user {user_id}"
    else:
        files = [_read_ratings(project, path, scale, location.user) for path in ratings]
        imported = {item: rating for own in files for item, rating in own.ratings.items()}
        seen.update(*(own.seen for own in files))
        named = user_profile.by_titles(project.movies, project.scale, like, dislike)
        user = user_profile.UserProfile.from_ratings(imported | named)
        sources = []
        if ratings:
            names = ", ".join(path.name for path in ratings)
            sources.append(f"{count(len(imported), 'rating')} from {names}")
        if named:
            stars = (f"{project.movies.display(item)} {rating:g}" for item, rating in named.items())
            sources.append("your ratings: " + ", ".join(stars))
        about = "Based on " + " and ".join(sources)
    filters, others = chosen.filters(project), project.movies.others(user.items)
    others[list(seen)] = False
    eligible = others & passing(filters, len(others))
    rows = recommended(project, user, project.score_items(user), chosen, eligible)
    columns = [*SCORES, *(REASONS if chosen.explain else ())]
    rendering.show(rows, form, about, columns, lambda: why_none(filters, others))


def recommended(
    project: Project, user: UserProfile, scores: UserScores, listing: ListOptions, eligible: Array
) -> rendering.Rows:
    """The rows of a list, of eligible movies; these must be unrated."""
    items = lists.choose(project, scores, listing, eligible)
    rows = rendering.rows_of(project.movies, items, **scores.values(items, project.scale))
    if listing.explain:
        explain(rows, project.movies, user, scores, items)
    return rows


def explain(
    rows: rendering.Rows, movies: Catalogue, user: UserProfile, scores: UserScores, items: Array
) -> None:
    """Add to each row how much each rating of the user contributed to its score and to its
    predicted rating, the greatest first; the rest of the score needs no ratings of the user."""
    contributions = scores.contributions(items)
    for row, score, stars, remainder in zip(rows, *contributions, strict=True):
        row["score_without_ratings"] = round(float(remainder), 4)
        row["because"] = [
            {
                "movie_id": movies.movie_ids[user.items[place]],
                "title": movies.titles[user.items[place]],
                "rating": round(float(user.ratings[place]), 4),
                "score": round(float(score[place]), 4),
                "stars": round(float(stars[place]), 4),
            }
            for place in (-abs(score)).argsort(kind="stable")
        ]


def _read_ratings(
    project: Project, path: Path, scale: tuple[float, float] | None, folder: Path
) -> OwnRatings:
    """The ratings in a file, whose path is relative to a folder; prints on stderr what was assumed
    and which of its movies were not found in the data set."""
    from movierec.serving import own_ratings

    with contextlib.chdir(folder):
        own = own_ratings.read(path, project.movies, project.scale, scale)
    console.notes(*own.notes)
    return own


@click.command(cls=ProjectCommand, short_help="List movies similar to a movie.")
@click.argument("title", type=WORDS)
@filters
@output
def similar(title: str, form: str | None, **listing: Any) -> None:
    """List movies similar to the one with this TITLE, by the cosine similarity of their factors.

    Part of a title is enough if it matches only one movie.
    """
    from movierec.recommending import selection
    from movierec.serving.filters import passing, why_none
    from movierec.serving.workspace import Project

    chosen = ListOptions(**listing)
    chosen.check()
    project = Project.at()
    item = project.movies.index.find(title)
    title, vectors = project.movies.display(item), project.item_vectors()
    if not vectors[item].any():
        raise MovierecError(
            f"{title}: no similar movies, since it has no ratings or the model has no factors"
        )
    filters, others = chosen.filters(project), project.movies.others([item])
    eligible = others & passing(filters, len(others))
    items, cosines = selection.similar(vectors, item, chosen.n, eligible)
    rows = rendering.rows_of(project.movies, items, similarity=cosines)
    about = f"Movies similar to {title}"
    rendering.show(rows, form, about, ["similarity"], lambda: why_none(filters, others))


@click.command(cls=ProjectCommand, short_help="Search movies by title.")
@click.argument("query", type=WORDS)
@output
def search(query: str, n: int, form: str | None) -> None:
    """Search movies by title.

    Any title of a movie finds it, and so do words of a title, complete or not: "star wa" finds Star
    Wars. Exact titles come first, then titles with all these words, then those with words that
    begin so; within each, the most rated first.

    If nothing is found, one line says so, with up to three titles of nearly this spelling; --json
    and --csv print an empty list. The exit status is 0 in any case.
    """
    from movierec.serving.workspace import Project

    movies = Project.at().movies
    rows = rendering.rows_of(movies, movies.index.search(query)[:n])
    rendering.show(rows, form, why_none=lambda: movies.index.no_movie(query))
