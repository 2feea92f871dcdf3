"""Commands about movies: recommend, similar, search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from movierec.cli import explanations, rendering
from movierec.cli.list_options import FILE, filters, list_options, output
from movierec.cli.project import Location, ProjectCommand
from movierec.cli.values import SCALE, SHARE, WORDS
from movierec.core.errors import MovierecError

if TYPE_CHECKING:
    from movierec.cli.people import Person
    from movierec.serving.recommendations import Recommendations
    from movierec.serving.workspace import Project

ASK = (
    "give either --user-id ID, or your ratings with --like TITLE, --dislike TITLE or --ratings FILE"
)
# Columns of recommendations, and those that --explain adds; for one person, and for several.
SCORES, REASONS = ("score", "predicted_rating", "deviation"), ("score_without_ratings", "because")
GROUP_SCORES, GROUP_REASONS = ("score", "predicted_rating"), ("people",)
COMBINED = {"mean": "mean", "least_misery": "lowest"}


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
    type=FILE,
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
@click.option(
    "--companion",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="Ratings of someone who watches with you: recommend what suits all of you. Repeatable.",
)
@click.option(
    "--combine",
    type=click.Choice(["mean", "least-misery"]),
    help="Score for several people: the mean of their scores, or the lowest. Default: mean.",
)
@filters
@click.option(
    "--diverse",
    is_flag=False,
    flag_value=0.5,
    default=0,
    type=SHARE,
    metavar="[WEIGHT]",
    help="Make the list more diverse, so that it is not sorted by score. WEIGHT is from 0 to 1;"
    " without it, 0.5.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Under each movie, show how much each of your ratings, and the rest, adds to its score;"
    " for several people, the score of each.",
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
    companion: tuple[Path, ...],
    combine: str | None,
    form: str | None,
    **listing: Any,
) -> None:
    """Recommend movies for a user of the data set, or based on your own ratings.

    The list is sorted by score: 100 is the highest score of all movies that you have not rated, 0
    the lowest. Filters do not change scores. The number after ± is the standard deviation of the
    predicted rating: the more informative your ratings are for a movie, the smaller it is.

    \b
    Examples:
      movierec recommend --user-id 196
      movierec recommend --like "Star Wars" --dislike Scream=2
      movierec recommend --ratings me.csv --only watchlist.csv
    """
    if (user_id is None) == (not (like or dislike or ratings)):
        raise MovierecError(ASK)
    if scale is not None and not (ratings or companion):
        raise MovierecError("--scale is the scale of a file; give the file with --ratings")
    if combine is not None and not companion:
        raise MovierecError("--combine is for several people; add them with --companion FILE")
    from movierec.cli import people
    from movierec.serving import recommendations
    from movierec.serving.workspace import Project

    project = Project.at()
    if user_id is not None:
        you = people.of_data_set(project, user_id)
    else:
        files = people.read_ratings(project, ratings, scale, location.user)
        you = people.with_ratings(project, files, like, dislike)
    companions = people.read_ratings(project, companion, scale, location.user)
    group = [you, *map(people.companion, companions)]
    if combine is not None:
        listing["combine"] = combine.replace("-", "_")
    options = list_options(project, location.user, **listing)
    seen = {item for person in group for item in person.seen}
    found = recommendations.recommend(project, [person.profile for person in group], options, seen)
    about = [person.about for person in group]
    if companion:
        about.append(f"Score: the {COMBINED[options.combine]} of everybody's scores")
    if options.diverse:
        about.append("Diverse, so not sorted by score")
    scores, reasons = (GROUP_SCORES, GROUP_REASONS) if companion else (SCORES, REASONS)
    columns = (*scores, *reasons) if options.explain else scores
    rows = listed_rows(project, group, found, options.explain)
    rendering.show(rows, form, about, columns, found.why_none, found.scale)


def listed_rows(
    project: Project, people: Sequence[Person], found: Recommendations, is_explained: bool
) -> rendering.Rows:
    """The rows of a list for these people."""
    values = found.scores.values(found.items, project.scale)
    rows = rendering.rows_of(project.movies, found.items, **values)
    if is_explained:
        explanations.explain(rows, project, people, found)
    return rows


@click.command(cls=ProjectCommand, short_help="List movies similar to a movie.")
@click.argument("title", type=WORDS)
@filters
@output
@click.pass_obj
def similar(location: Location, title: str, form: str | None, **listing: Any) -> None:
    """List movies similar to the one with this TITLE, by the cosine similarity of their factors
    and genres.

    Part of a title is enough if it matches only one movie.
    """
    from movierec.recommending import selection
    from movierec.serving.filters import passing, why_none
    from movierec.serving.workspace import Project

    project = Project.at()
    chosen = list_options(project, location.user, **listing)
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
    about = [f"Movies similar to {title}"]
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
