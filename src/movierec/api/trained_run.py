"""A trained run of the pipeline, from Python: its movies, models, metrics and recommendations."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from movierec.api.estimator import known_places
from movierec.api.rating_table import places_of
from movierec.core import paths
from movierec.core.errors import MovierecError
from movierec.core.params import Params
from movierec.model import model_file
from movierec.serving.workspace import Project

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from movierec.core.array_files import Array
    from movierec.model.biased_mf import Model
    from movierec.plotting.results import Results
    from movierec.serving.user_profile import UserProfile

# What a revision is loaded from.
NEEDED = (
    Path("params.yaml"),
    Path("datasets.yaml"),
    paths.INDEX,
    paths.MODEL,
    paths.IMPLICIT_MODEL,
    paths.METRICS,
    paths.PLOTS,
)


def load(source: str | Path | None = None, *, rev: str | None = None) -> Any:
    """Load a trained run, or a model that an estimator has saved.

    Parameters
    ----------
    source
        The folder of a project, or one inside it; by default this folder. Or a file that `save` of
        an estimator wrote.
    rev
        A Git revision or an experiment of the project, whose outputs are in DVC's cache or remote.

    Returns a TrainedRun, or the estimator. Raises MovierecError, in one line, if something is
    missing, damaged or does not belong together.
    """
    place = paths.expand(Path(source or "."))
    if place.is_file():
        if rev is not None:
            raise ValueError("rev: only a project has revisions, not a file")
        from movierec.api import estimator_file

        return estimator_file.read(place)
    if not place.exists():
        raise MovierecError(f"{place}: no such file or folder")
    root = paths.find_project(place.absolute())
    if root is None:
        raise MovierecError(
            f"{place}: no movierec project (a folder with params.yaml and dvc.yaml) here or above"
        )
    if rev is None:
        return TrainedRun(root)
    copy = tempfile.TemporaryDirectory(prefix="movierec-")
    _fetch(root, rev, Path(copy.name))
    return TrainedRun(Path(copy.name), rev, copy)


@dataclass(frozen=True)
class TrainedRun:
    """A run of the pipeline. `movierec.load` returns it.

    folder: of the project. rev: the Git revision, if one was asked for.
    """

    folder: Path
    rev: str | None = None
    _copy: Any = field(default=None, repr=False, compare=False)  # deleted with this object

    @cached_property
    def project(self) -> Project:
        return Project.at(self.folder)

    @property
    def params(self) -> Params:
        """The params, and in `params.data` the block of datasets.yaml."""
        return self.project.params

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """metrics/*.json by name: the numbers that `dvc metrics show` shows."""
        files = sorted((self.folder / paths.METRICS).glob("*.json"))
        return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}

    @cached_property
    def items(self) -> pd.DataFrame:
        """The movies: movie_id, title, year, genres, n_ratings; row number = item index."""
        table = self.project.movies.table.select(
            ["movie_id", "title", "year", "genres", "n_ratings"]
        )
        return table.to_pandas().astype({"year": "Int32"})  # also where one is missing

    @cached_property
    def user_ids(self) -> Array:
        """The ids of the users; position = user index."""
        from movierec.data import parquet_tables

        [file] = self.project.index_files("users.parquet")
        ids = parquet_tables.read_table(file, ["user_id"])["user_id"]
        return np.asarray(ids.to_numpy())

    @cached_property
    def ratings(self) -> pd.DataFrame:
        """All ratings: user_id, movie_id, rating, timestamp (s since 1970); by user, then movie."""
        import pandas as pd

        from movierec.data import parquet_tables

        users, file = self.project.index_files("users.parquet", "ratings_by_user.parquet")
        (counts,) = parquet_tables.read_columns(users, ["n_ratings"])
        columns = ["item_index", "rating", "timestamp"]
        item_index, rating, timestamp = parquet_tables.read_columns(file, columns)
        return pd.DataFrame(
            {
                "user_id": np.repeat(self.user_ids, counts),
                "movie_id": self.items.movie_id.to_numpy()[item_index],
                "rating": rating,
                "timestamp": timestamp,
            }
        )

    @cached_property
    def _results(self) -> Results:
        from movierec.plotting.results import Results

        return Results.read(self.params, self.folder)

    def plot(self, name: str) -> Figure:
        """Draw a picture of the run, as in plots/pictures.

        name: "ratings", "activity", "most_rated", "training", "result", "predicted", "groups",
        "calibration", "factors", "polarising", "genres", "neighbours", "recommended" or "rankings".

        Returns a Matplotlib Figure, which a notebook shows; elsewhere, call its `savefig`. Needs
        the extra `plots`. Raises ValueError for another name.
        """
        from movierec.api import pictures

        return pictures.draw(name, lambda: self._results)

    @property
    def item_factors(self) -> Array:
        """The movies' factors in the rating model (n_items, n_factors)."""
        return self.model.item_factors

    @property
    def user_factors(self) -> Array:
        """The users' factors in the rating model (n_users, n_factors)."""
        return self.model.user_factors

    @property
    def model(self) -> Model:
        """The rating model."""
        return self._models[0]

    @property
    def implicit_model(self) -> Model:
        return self._models[1]

    @cached_property
    def _models(self) -> tuple[Model, Model]:
        return model_file.read_models(self.project.manifest, folder=self.folder)

    def recommend(
        self,
        ratings: Mapping[Any, float] | None = None,
        *,
        user_id: Any = None,
        n: int = 10,
        explain: bool = False,
        diverse: float = 0.0,
        genre: str | Iterable[str] = (),
        not_genre: str | Iterable[str] = (),
        from_year: int | None = None,
        to_year: int | None = None,
        min_ratings: int | None = None,
    ) -> pd.DataFrame:
        """Recommend movies for a new user with these ratings, or for a user of the data set.

        Parameters
        ----------
        ratings
            By title ("Star Wars", as `movierec recommend --like` takes it) or movie id.
        user_id
            The id of a user of the data set; give either this or ratings.
        explain
            Add the columns score_without_ratings and because: for each rating, the greatest first,
            its movie and what it contributed to the score and to the predicted rating.
        diverse
            Make the list more diverse: a weight from 0 to 1.
        genre, not_genre, from_year, to_year, min_ratings
            As the options of `movierec recommend`.

        Returns a DataFrame with movie_id, title, score, predicted_rating and deviation, the
        standard deviation of the predicted rating. Raises MovierecError for a movie that is not
        found, with the nearest titles.
        """
        import pandas as pd

        from movierec.serving import lists
        from movierec.serving.filters import passing
        from movierec.serving.lists import ListOptions

        if (ratings is None) == (user_id is None):
            raise ValueError("give either ratings or user_id")
        if n < 1:
            raise ValueError(f"n should be at least 1, not {n}")
        if not 0 <= diverse <= 1:
            raise ValueError(f"diverse should be from 0 to 1, not {diverse}")
        user = self._profile(ratings) if ratings is not None else self.project.user(str(user_id))
        options = ListOptions(
            n, min_ratings, _names(genre), _names(not_genre), from_year, to_year, diverse
        )
        options.check()
        others = self.project.movies.others(user.items)
        eligible = others & passing(options.filters(self.project), len(others))
        scores, movies = self.project.score_items(user), self.project.movies
        items = lists.choose(self.project, scores, options, eligible)
        columns: dict[str, Any] = {
            "movie_id": [movies.movie_ids[item] for item in items],
            "title": [movies.display(item) for item in items],
            **scores.values(items, self.params.data.scale),
        }
        if explain:
            *parts, columns["score_without_ratings"] = scores.contributions(items)
            columns["because"] = [self._reasons(user, *rows) for rows in zip(*parts, strict=True)]
        return pd.DataFrame(columns)

    def _reasons(
        self, user: UserProfile, to_score: Array, to_rating: Array
    ) -> list[dict[str, Any]]:
        movies = self.project.movies
        return [
            {
                "title": movies.display(user.items[place]),
                "rating": float(user.ratings[place]),
                "score": float(to_score[place]),
                "predicted_rating": float(to_rating[place]),
            }
            for place in np.argsort(-np.abs(to_score), kind="stable")
        ]

    def _profile(self, ratings: Mapping[Any, float]) -> UserProfile:
        from movierec.serving import user_profile

        if not ratings:
            raise ValueError("ratings: give at least one")
        scale = self.params.data.scale
        by_item = {
            self.find(movie): user_profile.check(float(rating), scale, repr(movie))
            for movie, rating in ratings.items()
        }
        return user_profile.UserProfile.from_ratings(by_item)

    def find(self, movie: Any) -> int:
        """The item index of a movie, by its title or its id; MovierecError if none or several."""
        movies = self.project.movies
        place = places_of([movie], np.array(movies.movie_ids))[0] if movie is not None else -1
        if place >= 0:
            return int(place)
        if not isinstance(movie, str):
            raise MovierecError(f"no movie has the id {movie!r}")
        return movies.index.find(movie)

    def similar(self, movie: Any, n: int = 10) -> pd.DataFrame:
        """The movies that are most similar to one, by the cosine of their factors."""

        from movierec.recommending import selection
        from movierec.serving.filters import passing

        item, movies = self.find(movie), self.project.movies
        eligible = movies.others([item])
        eligible &= passing(movies.filters(self.params.recommend.min_ratings), len(movies))
        items, cosines = selection.similar(self.project.item_vectors(), item, n, eligible)
        return self._listed(items).assign(similarity=cosines)

    def search(self, query: str, n: int = 10) -> pd.DataFrame:
        """The movies whose titles have all these words, the most rated first."""
        index = self.project.movies.index
        return self._listed((index.search(query) or index.similar(query))[:n])

    def _listed(self, items: Any) -> pd.DataFrame:
        movies = self.project.movies
        rows = self.items.iloc[items].reset_index(drop=True)
        return rows.assign(title=[movies.display(item) for item in items])

    def predict(self, user_ids: Any, movie_ids: Any) -> Array:
        """The predicted ratings of pairs of a user and a movie, clipped to the scale: (n_pairs,).

        Raises KeyError for an unknown id.
        """
        users, movies = np.broadcast_arrays(np.atleast_1d(user_ids), np.atleast_1d(movie_ids))
        rows = known_places(places_of(users, self.user_ids), users, "user")
        own = np.array(self.project.movies.movie_ids)
        columns = known_places(places_of(movies, own), movies, "movie")
        predicted = self.model.predict(rows.astype(np.int32), columns.astype(np.int32))
        return np.clip(predicted.astype(np.float64), *self.params.data.scale)


def _names(genres: str | Iterable[str]) -> tuple[str, ...]:
    return (genres,) if isinstance(genres, str) else tuple(genres)


def _fetch(root: Path, rev: str, folder: Path) -> None:
    """Copy what a run needs from a revision, out of DVC's cache or remote."""
    try:
        from dvc.api import DVCFileSystem
        from dvc.exceptions import DvcException
        from dvc.scm import SCMError
    except ImportError:
        raise MovierecError("rev: needs DVC; install movierec[pipeline]") from None
    try:
        files = DVCFileSystem(str(root), rev=rev)
        for path in NEEDED:
            files.get(path.as_posix(), str(folder / path), recursive=files.isdir(path.as_posix()))
    except FileNotFoundError as error:
        raise MovierecError(f"{rev}: {error}; check out the revision and run dvc repro") from None
    except (DvcException, SCMError) as error:
        raise MovierecError(f"{rev}: {' '.join(str(error).split())}") from None
