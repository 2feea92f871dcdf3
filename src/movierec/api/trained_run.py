"""A trained run of the pipeline, from Python: its movies, models, metrics and recommendations."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from movierec.api.estimator import known_places
from movierec.api.rating_table import places_of
from movierec.core import checksums, extras, manifests, paths, result_files
from movierec.core.errors import MovierecError
from movierec.core.params import Params
from movierec.model import model_file
from movierec.serving.workspace import Project

if TYPE_CHECKING:
    import pandas as pd

    from movierec.core.array_files import Array
    from movierec.model.biased_mf import Model
    from movierec.serving.user_profile import UserProfile

# What a revision is loaded from.
NEEDED = (
    Path("params.yaml"),
    Path("datasets.yaml"),
    paths.INDEX,
    paths.MODEL,
    paths.IMPLICIT_MODEL,
    paths.METRICS,
)


def load(source: str | Path | None = None, *, rev: str | None = None) -> Any:
    """Load a trained run, or a model that an estimator has saved.

    Parameters
    ----------
    source
        The folder of a project, or one inside it; by default this folder. Or a file that `save` of
        a run or of an estimator wrote.
    rev
        A Git revision or an experiment of the project, whose outputs are in DVC's cache or remote.

    Returns a TrainedRun, or the estimator. Raises MovierecError, in one line, if something is
    missing, damaged or does not belong together.
    """
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
        return TrainedRun(root)
    with _temporary_folder() as copy:
        _fetch(root, rev, Path(copy.name))
        return TrainedRun(Path(copy.name), rev, _copy=copy)


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


@dataclass(frozen=True)
class TrainedRun:
    """A run of the pipeline. `movierec.load` returns it.

    folder: of the project, or of a copy that is deleted with this object. rev: the Git revision, if
    one was asked for. file: what the run was saved to, if it was loaded from there.
    """

    folder: Path
    rev: str | None = None
    file: Path | None = None
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
        """metrics/*.json by name: the numbers that `dvc metrics show` shows.

        Raises MovierecError if they are of other models or params than those in the project.
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

    @cached_property
    def items(self) -> pd.DataFrame:
        """The movies: movie_id, title, year, genres, n_ratings; row number = item index."""
        table = self.project.movies.table.select(
            ["movie_id", "title", "year", "genres", "n_ratings"]
        )
        return table.to_pandas()

    @cached_property
    def user_ids(self) -> Array:
        """The ids of the users; position = user index."""
        from movierec.data import parquet_tables

        [file] = self.project.index_files("users.parquet")
        ids = parquet_tables.read_table(file, ["user_id"])["user_id"]
        return np.asarray(ids.to_numpy())

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
        if user_id is not None:
            self._need_ratings("user_id")
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

    def _need_ratings(self, what: str) -> None:
        """Raise MovierecError if this is a saved run, which contains no ratings."""
        if self.file is not None:
            raise MovierecError(
                f"{self.file}: a saved run contains no ratings of users, which {what} needs; load"
                " the project's folder"
            )

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

    def save(self, path: str | Path) -> Path:
        """Write the run to one file, which `load` opens anywhere; no pickle.

        It contains the params, movies, models and metrics, but no ratings, because most licences
        forbid to redistribute them: so `recommend` takes ratings, but no user_id. Its titles,
        genres and user ids are those of the data set, whose licence is `params.data.licence`.

        The same run gives the same bytes. Raises MovierecError if something is missing, damaged or
        does not belong together, or if the project was trained again after `load`.
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
        return manifests.hash_manifest(self.model.manifest | self.implicit_model.manifest)

    def _check(self) -> None:
        """Read all that a saved run contains; MovierecError if it does not belong together."""
        self.project.index_files("users.parquet")
        for path, model in zip(model_file.MODELS.values(), self._models, strict=True):
            for record in model.manifest.values():
                result_files.check_params(self.folder / path, record["params"], self.params)
        _ = self.metrics


def _names(genres: str | Iterable[str]) -> tuple[str, ...]:
    return (genres,) if isinstance(genres, str) else tuple(genres)


def _fetch(root: Path, rev: str, folder: Path) -> None:
    """Copy what a run needs from a revision, out of DVC's cache or remote."""
    with extras.explained():
        from dvc.api import DVCFileSystem
        from dvc.exceptions import DvcException
        from dvc.scm import SCMError
    try:
        files = DVCFileSystem(str(root), rev=rev)
        for path in NEEDED:
            files.get(path.as_posix(), str(folder / path), recursive=files.isdir(path.as_posix()))
    except FileNotFoundError as error:
        raise MovierecError(f"{rev}: {error}; check out the revision and run dvc repro") from None
    except (DvcException, SCMError) as error:
        raise MovierecError(f"{rev}: {' '.join(str(error).split())}") from None
