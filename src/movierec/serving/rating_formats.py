"""Formats of files of ratings and of lists of movies: their columns, their scale, and what is a
movie."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

Scale = tuple[float, float]
TEN, STARS = (1.0, 10.0), (0.5, 5.0)
# Columns of a CSV. Beside "Your Rating", a column "Rating" has those of others.
RATINGS = ("yourrating", "myrating", "rating", "stars", "score")
TITLES = ("title", "name", "movie", "film", "movietitle")

# Types of titles that are movies, as column() writes them; others are series, episodes, games, ….
MOVIE_TYPES = {"movie", "film", "featurefilm", "documentary", "short", "shortfilm", "video"}
MOVIE_TYPES |= {"tvmovie", "tvshort", "tvspecial"}


@dataclass(frozen=True)
class Format:
    """A format is recognised by all columns of one of these sets; names as column() writes them.

    ratings: the columns of ratings and their scales; the first that is not empty counts. A scale of
    None is not known from the format. Titles, years and dates may be in several columns, too.
    """

    name: str
    recognised_by: tuple[set[str], ...]
    ratings: Mapping[str, Scale | None]
    titles: tuple[str, ...] = ("title",)
    years: tuple[str, ...] = ("year",)
    type: str = "type"
    dates: tuple[str, ...] = ("date", "timestamp", "ratedat", "daterated", "watcheddate")
    movie_id: str = ""
    is_windows: bool = False  # may be in Windows-1252 instead of UTF-8

    @property
    def columns(self) -> set[str]:
        named = (*self.ratings, *self.titles, *self.years, *self.dates)
        return {*named, self.type, self.movie_id, *USER_COLUMNS}


FORMATS = (
    Format(  # since the end of 2017; "Original Title" since 2024, and more columns before in 2025
        "IMDb",
        ({"const", "yourrating", "title"},),
        {"yourrating": TEN},
        titles=("title", "originaltitle"),
        years=("year", "releasedate"),
        type="titletype",
        is_windows=True,
    ),
    Format(
        "IMDb until 2017",
        ({"const", "yourated", "title"},),
        {"yourated": TEN},
        type="titletype",
        dates=("created",),
        is_windows=True,
    ),
    Format(
        "TMDB",
        ({"tmdbid", "name", "yourrating"},),
        {"yourrating": (0.5, 10.0)},
        titles=("name",),
        years=("releasedate",),
    ),
    Format(
        "Trakt",
        ({"traktid", "title", "rating"}, {"ratedat", "type", "title", "rating"}),
        {"rating": TEN},
    ),
    Format("Simkl", ({"simklid", "title", "rating"},), {"rating": TEN}),
    Format(
        "Letterboxd",
        ({"letterboxduri", "name", "rating"},),
        {"rating": STARS},
        titles=("name",),
    ),
    Format(  # what Letterboxd imports, and other programs write for it
        "Letterboxd import",
        (
            {"title", "rating10"},
            {"title", "rating", "letterboxduri"},
            {"title", "rating", "watcheddate"},
        ),
        {"rating10": TEN, "rating": STARS},
    ),
    Format(
        "movielens.org",
        ({"movieid", "title", "rating", "averagerating"}, {"movieid", "title", "rating", "imdbid"}),
        {"rating": STARS},
        movie_id="movieid",
    ),
    *(
        Format(
            "CSV",
            tuple({title, rating} for title in TITLES),
            {rating: None},
            titles=TITLES,
            movie_id="movieid",
        )
        for rating in RATINGS
    ),
    Format(
        "CSV by id",
        ({"movieid", "rating"},),
        {"rating": None},
        titles=(),
        years=(),
        movie_id="movieid",
    ),
)
USER_COLUMNS = ("userid", "user", "username")
ACCEPTED = (
    "ratings exported by Letterboxd, IMDb, Trakt, TMDB, Simkl or movielens.org, or a CSV file with"
    " the columns title and rating, or movie_id and rating"
)


def _without_ratings(form: Format) -> Format:
    """A format without its columns of ratings; a title alone is no sign of a program's format."""
    sets = (columns - {*form.ratings} for columns in form.recognised_by)
    is_plain = None in form.ratings.values()
    recognised_by = tuple(columns for columns in sets if is_plain or len(columns) > 1)
    return replace(form, recognised_by=recognised_by, ratings={})


LIST_FORMATS = tuple(map(_without_ratings, FORMATS))
TITLE_LINES = replace(LIST_FORMATS[-2], name="list of titles")
ID_LINES = replace(LIST_FORMATS[-1], name="list of movie ids")
ACCEPTED_LISTS = (
    "a watchlist or ratings of Letterboxd, IMDb, Trakt, TMDB, Simkl or movielens.org, a CSV file"
    " with the column title or movie_id, or a text file with a title or movie id on each line"
)


def column(name: str) -> str:
    """The name of a column, or a type of title, however it is spelled: "Your Rating", movieId."""
    return re.sub(r"[\W_]+", "", name.casefold())


def recognise(columns: Iterable[str], formats: Iterable[Format] = FORMATS) -> Format | None:
    """The first of the formats that has these columns."""
    present = set(columns)
    return next((form for form in formats if any(s <= present for s in form.recognised_by)), None)


def problem(columns: Iterable[str], formats: Iterable[Format] = FORMATS) -> str:
    """Why these columns are none of these formats."""
    if formats is LIST_FORMATS:
        return "no column title in"
    present = set(columns)
    has_titles, has_ratings = (not present.isdisjoint(names) for names in (TITLES, RATINGS))
    if has_titles == has_ratings:
        return "unknown format, with"
    return f"no column {'rating' if has_titles else 'title'} in"
