"""What the commands for one person read of the project in this folder, known to belong together.

Only what is used is read, and what is read is compared with its hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from movierec.core import manifests
from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest
from movierec.core.params import Params, load_params
from movierec.core.paths import IMPLICIT_MODEL, INDEX, MODEL
from movierec.model import model_file
from movierec.recommending import selection
from movierec.serving.catalogue import Catalogue
from movierec.serving.user_profile import UserProfile

if TYPE_CHECKING:
    from pathlib import Path

    from movierec.core.array_files import Array
    from movierec.model.biased_mf import Model
    from movierec.serving.user_scores import UserScores


@dataclass(frozen=True)
class Project:
    params: Params
    manifest: Manifest  # of the index
    films: Catalogue

    @classmethod
    def here(cls) -> Project:
        params = load_params()
        manifest = manifests.read_manifest(INDEX, params.dataset)
        manifests.check_files(INDEX, manifest, "index", "items.parquet")
        return cls(params, manifest, Catalogue.read())

    @property
    def scale(self) -> tuple[float, float]:
        return self.params.data.rating_min, self.params.data.rating_max

    def item_vectors(self) -> Array:
        """By which films are alike, as lists.vectors has them."""
        weight = self.params.recommend.rating_weight
        return selection.vectors(
            self._item_factors(IMPLICIT_MODEL), self._item_factors(MODEL), weight
        )

    def _item_factors(self, path: Path) -> Array:
        arrays, manifest = model_file.read_arrays(path, only=["item_factors"])
        manifests.check_same_origin(manifest, self.manifest, path)
        return arrays["item_factors"]

    def user(self, user_id: str) -> UserProfile:
        """A user of the data set and all his ratings."""
        import pyarrow.compute as pc

        from movierec.data import parquet_tables

        names = ("users.parquet", "ratings_by_user.parquet")
        users, _ = manifests.check_files(INDEX, self.manifest, "index", *names)
        ids = parquet_tables.read_table(users, ["user_id"])["user_id"]
        place = pc.index(ids.cast("string"), user_id).as_py()
        if place < 0:
            low, high = pc.min_max(ids).as_py().values()
            raise MovierecError(
                f"no user {user_id} in the data: {len(ids):,} users, with ids from {low} to {high}"
            )
        return UserProfile(*parquet_tables.read_ratings_of(place), whole=True)

    def verdict(self, person: UserProfile) -> UserScores:
        """What the models say of all films for this person."""
        from movierec.serving import user_scores

        model, watched = self._models
        trained_with = model_file.trained_with(model), model_file.implicit_trained_with(watched)
        rated = person.items, person.ratings
        share = self._share_told(person)
        return user_scores.verdict((model, watched), *rated, self.params, trained_with, share)

    def _share_told(self, person: UserProfile) -> float:
        """How much a person's ratings tell of what he has not seen: taste.watched."""
        data = self.manifest["index"]["result"]
        told, usual = len(person.items), data["n_ratings"] / data["n_users"]
        return 1.0 if person.whole else told / (told + usual / 3)

    @cached_property
    def _models(self) -> tuple[Model, Model]:
        """The models of ratings and of who watches what, without their users."""
        return model_file.read_models(self.manifest, users=False)
