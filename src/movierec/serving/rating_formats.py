"""Formats of files of one person's ratings: their columns, their scale, and what is a movie."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Scale = tuple[float, float]
TEN, STARS = (1.0, 10.0), (0.5, 5.0)

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
    Format(
        "CSV",
        ({"title", "rating"}, {"name", "rating"}),
        {"rating": None},
        titles=("title", "name"),
        movie_id="movieid",
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
USER_COLUMNS = ("userid", "user")
ACCEPTED = (
    "ratings exported by Letterboxd, IMDb, Trakt, TMDB or movielens.org, or a CSV file with the"
    " columns title and rating, or movie_id and rating"
)


def column(name: str) -> str:
    """The name of a column, or a type of title, however it is spelled: "Your Rating", movieId."""
    return re.sub(r"[\W_]+", "", name.casefold())


def recognise(columns: Iterable[str]) -> Format | None:
    """The first format that has these columns."""
    present = set(columns)
    return next((form for form in FORMATS if any(s <= present for s in form.recognised_by)), None)
