"""A trained run of the pipeline, from Python: its movies, models, metrics and recommendations."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike

from movierec.api import arguments, ids, list_arguments
from movierec.api.estimator import Estimator
from movierec.api.input_types import Combine, Id, IdsLike, MoviesLike, UserRatings
from movierec.api.rating_models import predicted
from movierec.core import checksums, extras, manifests, paths, result_files
from movierec.core.errors import MovierecError, UnknownIdError
from movierec.core.params import Params
from movierec.core.yaml_file import shorten
from movierec.model import model_file
from movierec.serving.workspace import Project

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from movierec.core.array_files import Array
    from movierec.model.biased_mf import Model
    from movierec.model.model_file import Models
    from movierec.plotting.results import Results
    from movierec.serving.lists import ListOptions
    from movierec.serving.user_profile import UserProfile

HEADLINE = ("rmse", "ndcg@")  # metrics in the repr
# What a revision is loaded from.
NEEDED = (
    Path("params.yaml"),
    Path("datasets.yaml"),
    paths.INDEX,
    *model_file.MODELS.values(),
    paths.METRICS,
    paths.PLOTS,
)


@overload
def load(source: None = None, *, rev: str | None = None) -> TrainedRun: ...
@overload
def load(source: str | Path, *, rev: str) -> TrainedRun: ...
@overload
def load(source: str | Path, *, rev: None = None) -> TrainedRun | Estimator: ...
def load(source: str | Path | None = None, *, rev: str | None = None) -> TrainedRun | Estimator:
    """Load a trained run of the pipeline, or a fitted estimator from a file.

    Of a run, this reads the params, movies and models, and checks that they belong together.

    Parameters
    ----------
    source
        The folder of a project or a folder inside it, or a file that `save` of a run or of an
        estimator wrote. By default the current folder.
    rev
        A Git revision or the name of an experiment whose outputs are in DVC's cache or remote. By
        default, the files in the folder are used as they are.

    Returns
    -------
    TrainedRun | Estimator
        The run, or the estimator from the file. With `ALS.load` and the like, type checkers also
        know the class of the estimator.

    Raises
    ------
    MovierecError
        If something is missing, damaged or belongs to another run.
    ValueError
        If you give `rev` together with a file, or it is empty.

    Examples
    --------
    >>> import movierec as mr
    >>> run = mr.load()
    >>> len(run.user_ids), len(run.items)
    (943, 1682)
    >>> mr.load(rev="HEAD").params.dataset
    'ml-100k'
    """
    if rev == "":
        raise ValueError("rev should be a revision or an experiment, not empty")
    place = paths.expand(Path(source or "."))
    if place.is_file():
        if rev is not None:
            raise ValueError("rev: only a project has revisions, not a file")
        return _load_file(place)
    if not place.exists():
        raise MovierecError(f"{place}: no such file or folder")
    root = paths.find_project(place.absolute())
    if root is None:
        raise MovierecError(
            f"{place}: no movierec project (a folder with params.yaml and dvc.yaml) here or above"
        )
    if rev is None:
        return TrainedRun(root)._read()
    with _temporary_folder() as copy:
        _fetch(root, rev, Path(copy.name))
        return TrainedRun(Path(copy.name), rev, _copy=copy)._read()


def _load_file(path: Path) -> Any:
    from movierec.api import estimator_file, run_file

    if not run_file.is_run(path):
        return estimator_file.read(path)
    with _temporary_folder() as copy:
        run_file.read(path, Path(copy.name))
        run = TrainedRun(Path(copy.name), file=path, _copy=copy)
        try:
            run._check()
        except MovierecError as error:
            text = str(error).replace(f"{run.folder}/", "")
            problem, _, _ = text.rpartition("; ")  # without what to do in a project
            raise MovierecError(f"{path}: {problem or text}; save it again") from None
        return run


@contextmanager
def _temporary_folder() -> Iterator[tempfile.TemporaryDirectory[str]]:
    """A folder that is deleted immediately on an error, else with the run that it is given to."""
    copy = tempfile.TemporaryDirectory(prefix="movierec-")
    try:
        yield copy
    except BaseException:
        copy.cleanup()
        raise


@dataclass(frozen=True, eq=False, repr=False)
class TrainedRun:
    """A finished run of the pipeline: its movies, models, metrics and recommendations.

    Get one with `load`, which reads the params, movies and models. Other files are read when they
    are first used, and checked to belong to this run. Arrays are read-only.

    Attributes
    ----------
    folder : Path
        The folder of the project, or of copies that are deleted with this object.
    rev : str | None
        The Git revision or experiment that you asked for.
    file : Path | None
        The file that the run was loaded from.

    Examples
    --------
    >>> import movierec as mr
    >>> run = mr.load()
    >>> run
    TrainedRun(ml-100k: 100,000 ratings, 943 users, 1,682 movies; test RMSE 0.906, NDCG@10 0.403)
    >>> run.recommend({"Star Wars": 5, "Alien": 4}, n=2)[["movie_id", "title"]]
       movie_id                           title
    0       181       Return of the Jedi (1983)
    1       172  The Empire Strikes Back (1980)
    >>> run.similar("Alien", n=2)[["movie_id", "title"]]
       movie_id                  title
    0       195  The Terminator (1984)
    1       176          Aliens (1986)
    """

    folder: Path
    rev: str | None = None
    file: Path | None = None
    # deleted with this object
    _copy: tempfile.TemporaryDirectory[str] | None = None

    def __repr__(self) -> str:
        counts = self._project.manifest["index"]["result"]
        sizes = (f"{counts[f'n_{name}']:,} {name}" for name in ("ratings", "users"))
        text = f"{self.params.dataset}: {', '.join(sizes)}, {len(self._project.movies):,} movies"
        with suppress(MovierecError, KeyError, TypeError, ValueError):  # the figures are optional
            shown = [item for item in self.metrics["test"].items() if item[0].startswith(HEADLINE)]
            text += "; test " + ", ".join(f"{key.upper()} {figure:.3f}" for key, figure in shown)
        return f"TrainedRun({text})"

    def _read(self) -> TrainedRun:
        """Read the params, movies and models now, so that what is wrong is known now."""
        _ = self.params
        return self

    @cached_property
    def _project(self) -> Project:
        return replace(Project.at(self.folder), has_users=True)

    @cached_property
    def params(self) -> Params:
        """The params of the run, and in `params.data` the block of the data set.

        `params.train` and `params.implicit` are what the models were trained with, even if
        `params.yaml` was edited since; the others are those of `params.yaml`.

        Raises
        ------
        MovierecError
            If a param is missing or out of range.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.params.train.n_factors
        16
        >>> run.params.data.scale
        Scale(low=1.0, high=5.0)
        """
        models = self._models
        trained_with = {
            "train": model_file.train_params(models.rating),
            "implicit": model_file.implicit_trained_with(models.implicit),
            "item_regression": model_file.regression_trained_with(models.regression),
        }
        return self._project.params.model_copy(update=trained_with)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The metrics by file and name, as in `dvc metrics show`.

        Raises
        ------
        MovierecError
            If they are of other models or params than those in the project.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> list(run.metrics)
        ['test', 'test_baseline', 'train']
        >>> round(run.metrics["test"]["rmse"], 2)
        0.91
        """
        if self._copy is None:
            evaluated = result_files.read_details("evaluate", self.folder, self.params)
            if evaluated["made_from"] != self._trained():
                where = self.folder / paths.METRICS
                raise MovierecError(f"{where}: of other models than those here; run dvc repro")
        return {
            name: result_files.read_json(self.folder / paths.METRICS / f"{name}.json")
            for name in result_files.HEADLINES
        }

    @property
    def items(self) -> pd.DataFrame:
        """The movies as a DataFrame, those with most ratings first.

        The row number is the item index. The columns are `movie_id` int64 or text, `title`, `year`
        Int32 (missing if unknown), `genres` (an array of text) and `n_ratings` int32.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.items[["movie_id", "title", "n_ratings"]].head(2)
           movie_id             title  n_ratings
        0        50  Star Wars (1977)        583
        1       258    Contact (1997)        509
        """
        return self._items.copy()

    @cached_property
    def _items(self) -> pd.DataFrame:
        table = self._project.movies.table.select(
            ["movie_id", "title", "year", "genres", "n_ratings"]
        )
        return table.to_pandas().astype({"year": "Int32"})  # also where one is missing

    @cached_property
    def user_ids(self) -> Array:
        """The ids of the users (n_users,), int64 or text, those with most ratings first.

        The position of an id is the user index.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.user_ids[:3]
        array([405, 655,  13])
        """
        from movierec.data import parquet_tables

        [file] = self._project.index_files("users.parquet")
        column = parquet_tables.read_table(file, ["user_id"])["user_id"]
        return arguments.read_only(np.asarray(column.to_numpy()))

    @cached_property
    def ratings(self) -> pd.DataFrame:
        """All ratings of the data set as a DataFrame, by user and then by movie.

        The columns are `user_id` and `movie_id`, int64 or text, `rating` float32 and `timestamp`
        int64, in seconds since 1970. Pass it to `split` or `fit`, and
        `run.items.set_index("movie_id").genres` as `genres`.

        Raises
        ------
        MovierecError
            If the ratings are missing, damaged or changed, or this is a saved run.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.ratings.head(2)
           user_id  movie_id  rating  timestamp
        0      405        50     5.0  885544947
        1      405       181     5.0  885547909
        """
        import pandas as pd

        from movierec.data import parquet_tables

        self._need_project("ratings")
        users, file = self._project.index_files("users.parquet", "ratings_by_user.parquet")
        (counts,) = parquet_tables.read_columns(users, ["n_ratings"])
        columns = ["item_index", "rating", "timestamp"]
        item_index, rating, timestamp = parquet_tables.read_columns(file, columns)
        return pd.DataFrame(
            {
                "user_id": np.repeat(self.user_ids, counts),
                "movie_id": self._movie_ids[item_index],
                "rating": rating,
                "timestamp": timestamp,
            }
        )

    @cached_property
    def _results(self) -> Results:
        from movierec.plotting.results import Results

        self._need_project("tables of plots")
        return Results.read(self.params, self.folder)

    def plot(self, name: str) -> Figure:
        """Draw a picture of the run, as in its report and in `plots/pictures`.

        Parameters
        ----------
        name
            `"ratings"`, `"activity"` or `"most_rated"`: what is in the data. `"training"`.
            `"result"`, `"predicted"`, `"groups"` or `"calibration"`: errors on test. `"factors"`,
            `"polarising"`, `"genres"` or `"neighbours"`: what was learned about the movies.
            `"recommended"` or `"rankings"`: the lists.

        Returns
        -------
        Figure
            A Matplotlib figure, which a notebook shows. Elsewhere, call its `savefig`.

        Raises
        ------
        ValueError
            If there is no picture of this name.
        MovierecError
            If results are missing, damaged or of other params, if this is a saved run, or without
            Matplotlib, which the extra `plots` installs.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.plot("factors")
        <StyledFigure size 880x638 with 1 Axes>
        """
        from movierec.api import pictures

        return pictures.draw(name, lambda: self._results)

    @property
    def item_factors(self) -> Array:
        """The movies' factors in the rating model (n_items, n_factors), float32 or float64.

        Rows are in the order of `items`. After Gibbs sampling, the factors of all samples stand
        side by side.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.item_factors.shape
        (1682, 16)
        """
        return arguments.read_only(self.model.item_factors)

    @property
    def user_factors(self) -> Array:
        """The users' factors in the rating model (n_users, n_factors), float32 or float64.

        Rows are in the order of `user_ids`.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.user_factors.shape
        (943, 16)
        """
        return arguments.read_only(self.model.user_factors)

    @property
    def model(self) -> Model:
        """The rating model: a global mean, biases and factors.

        `global_mean` is a number. `user_biases` (n_users,), `item_biases` (n_items,),
        `user_factors` (n_users, n_factors) and `item_factors` (n_items, n_factors) are arrays,
        float32 or float64.

        Raises
        ------
        MovierecError
            If the models are missing, damaged or of another run.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.model.item_biases.shape
        (1682,)
        """
        return self._models.rating

    @property
    def implicit_model(self) -> Model:
        """The implicit model, for ranking, with the same arrays as the rating model.

        Raises
        ------
        MovierecError
            If the models are missing, damaged or of another run.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.implicit_model.n_factors
        128
        """
        return self._models.implicit

    @property
    def _models(self) -> Models:
        return self._project.models

    def recommend(
        self,
        ratings: UserRatings | None = None,
        *,
        user_id: Id | None = None,
        companion: UserRatings | Id | Iterable[UserRatings | Id] = (),
        combine: Combine = "mean",
        n: int = 10,
        explain: bool = False,
        diverse: float = 0.0,
        genre: str | Iterable[str] = (),
        not_genre: str | Iterable[str] = (),
        year: int | str | None = None,
        known: bool | float = False,
        obscure: bool | float = False,
        min_ratings: int | None = None,
        only: MoviesLike | None = None,
        not_: MoviesLike | None = None,
    ) -> pd.DataFrame:
        """Recommend movies to a new user with these ratings, or to a user of the data set.

        A list for several people has movies that suit all of them, and that none of them has rated.

        Parameters
        ----------
        ratings
            A new user's ratings by title or movie id, such as `{"Star Wars": 5, 183: 4}`. Part of a
            title is enough if it fits only one movie.
        user_id
            The id of a user of the data set. Give either this or `ratings`.
        companion
            Someone who watches with you: their ratings, or the id of a user of the data set; or
            several such people.
        combine
            The score for several people: `"mean"` of their scores, or `"least_misery"`, the lowest
            of them. Each person's scores are first scaled, so that 100 is their highest score of
            all movies that nobody has rated, and 0 their lowest.
        n
            Length of the list. It is shorter if fewer movies remain.
        explain
            Add the columns `because`, a list of what each rating contributed to the score and to
            the predicted rating, the largest first, and `score_without_ratings`, the rest of the
            score. For several people, add `people`: the score, predicted rating and deviation of
            each, you first.
        diverse
            How much the movies should differ from each other: a weight from 0 to 1.
        genre
            Only movies of this genre, or of any of several.
        not_genre
            No movies of this genre, or of any of several.
        year
            Only movies from these years: 1994, or `"1990-1999"`, `"1990-"`, `"-1999"` or `"1990s"`.
        known
            Only well-known movies: the most rated ones, which together have this share of all
            ratings, from 0 to 1. True is 0.5.
        obscure
            Only little-known movies: the least rated ones, which together have at most this share
            of all ratings. True is 0.2.
        min_ratings
            Only movies with at least this many ratings. By default `recommend.min_ratings` in
            `params.yaml`.
        only
            Only these movies, such as a watchlist: a file, or titles or ids.
        not_
            None of these movies, such as those you have seen: a file, or titles or ids.

        Returns
        -------
        DataFrame
            The columns `movie_id`, `title`, `score`, `predicted_rating`, clipped to the scale, and
            `deviation`, its standard deviation. The movie with the highest score comes first,
            unless the list is diverse. For several people, the predicted rating is their mean, and
            there is no deviation.

        Raises
        ------
        MovierecError
            If a title fits no movie or several (the message suggests titles), a rating is off the
            scale, a user or genre is unknown, or a file cannot be read.
        ValueError
            If you give neither or both of `ratings` and `user_id`, two ratings of a movie differ,
            or another argument is out of range.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> movies = run.recommend({"Star Wars": 5, "Alien": 4}, n=2, genre="Sci-Fi", explain=True)
        >>> movies[["title", "score", "predicted_rating", "deviation"]].round(2)
                                    title  score  predicted_rating  deviation
        0       Return of the Jedi (1983)   0.52              4.24       0.58
        1  The Empire Strikes Back (1980)   0.42              4.45       0.52
        >>> [reason["title"] for reason in movies.because[0]]
        ['Star Wars (1977)', 'Alien (1979)']
        >>> both = run.recommend({"Star Wars": 5}, companion={"Emma": 5}, n=2, year="1990s")
        >>> both.title.tolist()
        ['Sense and Sensibility (1995)', 'The English Patient (1996)']
        """
        import pandas as pd

        from movierec.serving import groups, recommendations
        from movierec.serving.user_scores import UserScores

        if (ratings is None) == (user_id is None):
            raise ValueError("give either ratings or user_id")
        if combine not in groups.COMBINE:
            known_ways = ", ".join(groups.COMBINE)
            raise ValueError(f"combine should be one of {known_ways}, not {shorten(combine)}")
        options = self._list_options(
            n,
            genre=genre,
            not_genre=not_genre,
            year=year,
            known=known,
            obscure=obscure,
            min_ratings=min_ratings,
            only=only,
            not_=not_,
            combine=combine,
            diverse=arguments.number(diverse, "diverse", 0, 1),
        )
        user = self._profile(ratings) if ratings is not None else self._user(user_id)
        people = [user, *map(self._person, list_arguments.people(companion))]
        movies, scale = self._project.movies, self.params.data.scale
        found = recommendations.recommend(self._project, people, options)
        columns: dict[str, Any] = {
            "movie_id": [movies.movie_ids[item] for item in found.items],
            "title": [movies.display(item) for item in found.items],
            **found.scores.values(found.items, scale),
        }
        if explain and isinstance(found.scores, groups.GroupScores):
            of_people = found.scores.values_of_people(found.items, scale)
            columns["people"] = [
                [{name: float(numbers[row]) for name, numbers in one.items()} for one in of_people]
                for row in range(len(found.items))
            ]
        elif explain and isinstance(found.scores, UserScores):
            *parts, columns["score_without_ratings"] = found.scores.contributions(found.items)
            columns["because"] = [self._reasons(user, *rows) for rows in zip(*parts, strict=True)]
        return pd.DataFrame(columns)

    def _list_options(self, n: int, **given: Any) -> ListOptions:
        return list_arguments.list_options(self._project.movies, self._find, n=n, **given)

    def _person(self, person: UserRatings | Id) -> UserProfile:
        return self._profile(person) if isinstance(person, Mapping) else self._user(person)

    def _user(self, user_id: Any) -> UserProfile:
        self._need_project("ratings of users, which user_id needs")
        with suppress(KeyError, TypeError, ValueError):  # also text, among ids that are integers
            [place] = ids.known_places([user_id], self.user_ids, "user")
            user_id = self.user_ids[place]
        return self._project.user(str(user_id))

    def _need_project(self, lacks: str) -> None:
        """Raise MovierecError if this is a saved run; lacks: what it does not contain."""
        if self.file is not None:
            raise MovierecError(
                f"{self.file}: a saved run contains no {lacks}; load the project's folder"
            )

    def _reasons(
        self, user: UserProfile, to_score: Array, to_rating: Array
    ) -> list[dict[str, Any]]:
        movies = self._project.movies
        return [
            {
                "title": movies.display(user.items[place]),
                "rating": float(user.ratings[place]),
                "score": float(to_score[place]),
                "predicted_rating": float(to_rating[place]),
            }
            for place in np.argsort(-np.abs(to_score), kind="stable")
        ]

    def _profile(self, ratings: UserRatings) -> UserProfile:
        from movierec.serving import user_profile

        if not hasattr(ratings, "items"):
            raise TypeError(
                f'ratings should be by title or id, such as {{"Alien": 5}}, not {shorten(ratings)};'
                " for a user of the data set, give user_id, as in recommend(user_id=196)"
            )
        scale = self.params.data.scale
        by_item: dict[int, float] = {}
        for movie, rating in ratings.items():
            item, shown = self._find(movie), shorten(arguments.plain(movie))
            rating = user_profile.check(arguments.number(rating, shown, -np.inf), scale, shown)
            if by_item.setdefault(item, rating) != rating:
                title = self._project.movies.display(item)
                raise ValueError(f"ratings: {title} has two different ones; keep one")
        if not by_item:
            raise ValueError("ratings: give at least one")
        return user_profile.UserProfile.from_ratings(by_item)

    def _find(self, movie: Id) -> int:
        """The item index of a movie, given by title or movie id."""
        movies = self._project.movies
        with suppress(KeyError, TypeError, ValueError):  # also text, among ids that are integers
            return int(ids.known_places([movie], self._movie_ids, "movie")[0])
        if not isinstance(movie, str):
            raise UnknownIdError(f"no movie has the id {shorten(arguments.plain(movie))}")
        return movies.index.find(movie)

    @cached_property
    def _movie_ids(self) -> Array:
        return self._items.movie_id.to_numpy()

    def similar(
        self,
        movie: Id,
        n: int = 10,
        *,
        genre: str | Iterable[str] = (),
        not_genre: str | Iterable[str] = (),
        year: int | str | None = None,
        known: bool | float = False,
        obscure: bool | float = False,
        min_ratings: int | None = None,
        only: MoviesLike | None = None,
        not_: MoviesLike | None = None,
    ) -> pd.DataFrame:
        """Find the movies that are most similar to one.

        Parameters
        ----------
        movie
            A title or a movie id.
        n
            Length of the list.
        genre, not_genre, year, known, obscure, min_ratings, only, not_
            Filters, as of `recommend`.

        Returns
        -------
        DataFrame
            The columns of `items`, and `similarity` from −1 to 1: the cosine of the movies' factors
            in both models and their genres. The most similar movie comes first.

        Raises
        ------
        MovierecError
            If no movie or several match.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.similar("Alien", n=3)[["movie_id", "title", "similarity"]].round(2)
           movie_id                              title  similarity
        0       195              The Terminator (1984)        0.82
        1       176                      Aliens (1986)        0.81
        2        96  Terminator 2: Judgment Day (1991)        0.80
        """
        from movierec.recommending import selection
        from movierec.serving.filters import passing

        item, movies = self._find(movie), self._project.movies
        options = self._list_options(
            n,
            genre=genre,
            not_genre=not_genre,
            year=year,
            known=known,
            obscure=obscure,
            min_ratings=min_ratings,
            only=only,
            not_=not_,
        )
        eligible = movies.others([item]) & passing(options.filters(self._project), len(movies))
        items, cosines = selection.similar(self._project.item_vectors(), item, options.n, eligible)
        return self._listed(items).assign(similarity=cosines)

    def search(self, query: str, n: int = 10) -> pd.DataFrame:
        """Search movies by title.

        Parameters
        ----------
        query
            A title of a movie, or words of it; they may be incomplete.
        n
            Length of the list.

        Returns
        -------
        DataFrame
            The columns of `items`, without rows if no movie matches. Exact titles come first, then
            titles with all these words, then those with words that begin so; within each, the most
            rated first.

        Raises
        ------
        MovierecError
            If the query is empty.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.search("star tr", n=2)[["movie_id", "title"]]
           movie_id                                title
        0       222      Star Trek: First Contact (1996)
        1       228  Star Trek: The Wrath of Khan (1982)
        """
        n = arguments.integer(n, "n")
        return self._listed(self._project.movies.index.search(query)[:n])

    def _listed(self, items: Any) -> pd.DataFrame:
        movies = self._project.movies
        rows = self._items.iloc[items].reset_index(drop=True)
        return rows.assign(title=[movies.display(item) for item in items])

    def predict(
        self, user_ids: IdsLike, movie_ids: IdsLike, *, timestamps: ArrayLike | None = None
    ) -> Array:
        """Predict ratings for pairs of a user and a movie.

        Parameters
        ----------
        user_ids, movie_ids
            Ids (n_pairs,) each. A single id is used for all pairs.
        timestamps
            Times of the ratings (n_pairs,) in seconds since 1970, used after a run with
            `train.days`. By default, the prediction is for an average day.

        Returns
        -------
        ndarray
            Predicted ratings (n_pairs,) float64, clipped to the rating scale.

        Raises
        ------
        UnknownIdError
            If a user or a movie is unknown.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> run.predict([196, 186], 50).round(2)
        array([4.27, 4.11])
        """
        known = self.user_ids, self._movie_ids
        scale = self.params.data.scale
        pairs = known, user_ids, movie_ids
        return predicted(self.model, scale, *pairs, item="movie", timestamps=timestamps)

    def save(self, path: str | Path) -> Path:
        """Save the run to one file, which `load` opens on any machine, without pickle.

        The file contains the params, movies, models and metrics, but no ratings, because most data
        sets must not be redistributed. `recommend` therefore takes ratings, but no `user_id`. The
        licence of the data set, `params.data.licence`, also applies to titles, genres and user ids.
        The same run always gives the same bytes.

        Parameters
        ----------
        path
            The file to write; it is replaced if it exists.

        Returns
        -------
        Path
            The path of the file.

        Raises
        ------
        MovierecError
            If the file cannot be written, if something is missing, damaged or belongs to another
            run, or if the project was trained again since it was loaded.

        Examples
        --------
        >>> import movierec as mr
        >>> run = mr.load()
        >>> same = mr.load(run.save("run.zip"))
        >>> same.search("star trek", n=1).title.tolist()
        ['Star Trek: First Contact (1996)']
        """
        from movierec.api import run_file

        files = checksums.unchanged(*(self.folder / name for name in run_file.MEMBERS))
        current = replace(self)  # without what was read before
        current._check()
        if current._trained() != self._trained():
            raise MovierecError(f"{self.folder}: trained again since it was loaded; load it again")
        return run_file.write(paths.expand(path), self.folder, files)

    def _trained(self) -> str:
        """The hash of how the models were trained."""
        return manifests.hash_manifest(self._models.manifest)

    def _check(self) -> None:
        """Read all that a saved run contains; MovierecError if it does not belong together."""
        self._project.index_files("users.parquet")
        paths_of = model_file.MODELS.values()
        for path, manifest in zip(paths_of, self._models.manifests, strict=True):
            for record in manifest.values():
                result_files.check_params(
                    self.folder / path, record["params"], self._project.params
                )
        _ = self.metrics


def _fetch(root: Path, rev: str, folder: Path) -> None:
    """Copy what a run needs from a revision, out of DVC's cache or remote."""
    with extras.explained():
        from dvc.api import DVCFileSystem
        from dvc.exceptions import DvcException
        from dvc.scm import SCMError
        from dvc_data.index import DataIndexDirError
    try:
        files = DVCFileSystem(str(root), rev=rev)
        for path in NEEDED:
            files.get(path.as_posix(), str(folder / path), recursive=files.isdir(path.as_posix()))
    except (FileNotFoundError, DataIndexDirError) as error:
        raise MovierecError(f"{rev}: {error}; check out the revision and run dvc repro") from None
    except (DvcException, SCMError) as error:
        raise MovierecError(f"{rev}: {' '.join(str(error).split())}") from None
