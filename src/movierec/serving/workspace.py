"""The params, movies and models of a project, checked to belong together.

Files are read only when they are used, and compared with their hashes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from movierec.core import manifests
from movierec.core.errors import MovierecError, UnknownIdError
from movierec.core.manifests import Manifest
from movierec.core.params import Params, load_params
from movierec.core.paths import IMPLICIT_MODEL, INDEX, MODEL
from movierec.core.rating_scale import Scale
from movierec.core.result_files import MAX_SHOWN, check_params
from movierec.core.text import printable, shortened
from movierec.model import model_file
from movierec.recommending import selection
from movierec.serving.catalogue import Catalogue
from movierec.serving.user_profile import UserProfile

if TYPE_CHECKING:
    from movierec.core.array_files import Array
    from movierec.model.model_file import Models
    from movierec.serving.user_scores import UserScores


@dataclass(frozen=True)
class Project:
    """folder: where dvc.yaml is. manifest: of the index. has_users: whether models have them."""

    folder: Path
    params: Params
    manifest: Manifest
    movies: Catalogue
    has_users: bool = False

    @classmethod
    def at(cls, folder: Path = Path()) -> Project:
        """The project in a folder, by default this one; MovierecError if something is missing."""
        params, index = load_params(folder / "params.yaml"), folder / INDEX
        manifest = manifests.read_manifest(index, params.dataset)
        manifests.check_files(index, manifest, "index", "items.parquet")
        for stage in ("download", "index"):
            check_params(index, manifest[stage]["params"], params)
        counts = (manifest["index"]["result"].get(name) for name in ("n_ratings", "n_users"))
        if not all(isinstance(count, int) and count > 0 for count in counts):
            raise MovierecError(f"{index}: its manifest counts no ratings; run dvc repro --force")
        return cls(folder, params, manifest, Catalogue.read(index))

    @property
    def scale(self) -> Scale:
        return self.params.data.scale

    def item_vectors(self) -> Array:
        """selection.vectors of the movies."""
        if "models" in vars(self):
            rated, watched = (model.item_factors for model in self.models[:2])
        else:
            watched, rated = map(self._item_factors, (IMPLICIT_MODEL, MODEL))
        rating_weight = self.params.recommend.rating_weight
        return selection.vectors(watched, rated, rating_weight, self.genre_vectors)

    @cached_property
    def genre_vectors(self) -> Array:
        """selection.genre_vectors of the movies."""
        genres = self.movies.table["genres"].to_pylist()
        return selection.genre_vectors(genres, self.params.recommend.genre_weight)

    def _item_factors(self, path: Path) -> Array:
        path = self.folder / path
        arrays, manifest = model_file.read_arrays(path, only=["item_factors"])
        manifests.check_same_origin(manifest, self.manifest, path)
        return arrays["item_factors"]

    def user(self, user_id: str) -> UserProfile:
        """A user of the data set and all their ratings."""
        import pyarrow.compute as pc

        from movierec.data import parquet_tables

        users, ratings = self.index_files("users.parquet", "ratings_by_user.parquet")
        ids = parquet_tables.read_table(users, ["user_id"])["user_id"]
        place = pc.index(ids.cast("string"), user_id).as_py()
        if place < 0:
            shown = shortened(printable(user_id), MAX_SHOWN) or repr("")
            low, high = pc.min_max(ids).as_py().values()
            raise UnknownIdError(
                f"no user {shown} in the data set; it has {len(ids):,} users, with"
                f" IDs from {low} to {high}"
            )
        row = parquet_tables.read_block(ratings, users, place, place + 1)
        return UserProfile(row.indices, row.values, is_complete=True)

    def index_files(self, *names: str) -> list[Path]:
        """The paths of files of the index, whose hashes were checked."""
        return manifests.check_files(self.folder / INDEX, self.manifest, "index", *names)

    def score_items(self, user: UserProfile) -> UserScores:
        """The scores of all movies for this user."""
        from movierec.serving import folding_in, user_scores
        from movierec.serving.genre_part import GenreProfiles

        models = self.models if user.is_complete else self.rounded_models
        trained_with = user_scores.TrainedWith.of(models)
        known = models, user.items, user.ratings, self.params, trained_with
        if user.is_complete:
            return user_scores.score_items(*known)
        index = self.manifest["index"]["result"]
        share = folding_in.unseen_share(len(user.items), index["n_ratings"] / index["n_users"])
        popularity = self.movies.n_ratings / index["n_users"]
        return user_scores.score_items(*known, share, GenreProfiles(self.genre_vectors, popularity))

    @cached_property
    def rounded_models(self) -> Models:
        """Those for new users."""
        from movierec.serving import rounded_models

        return rounded_models.rounded(self.models, self.scale)

    @cached_property
    def models(self) -> Models:
        """The models of the run; unless has_users, mapped and without the users.

        Who needs the users keeps the models for long, so that the files may change meanwhile.
        """
        return model_file.read_models(
            self.manifest, self.has_users, self.folder, in_memory=self.has_users
        )
