"""The blend of an implicit model and a rating model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from movierec.api.estimator import Estimator
from movierec.api.fitting import threads
from movierec.api.ranking_models import ImplicitALS
from movierec.api.rating_models import ALS, RatingEstimator, Unknown
from movierec.api.rating_table import RatingTable
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array

if TYPE_CHECKING:
    from movierec.model.biased_mf import Model
    from movierec.serving.folding_in import LinearScores


@dataclass
class Blend(Estimator):
    """Ranks by what a user will watch and like: an implicit score plus a predicted rating.

    The parameters are those of `recommend` in params.yaml: rating_weight is what a predicted rating
    at the top of the scale adds to the score. watched, rated: the estimators of the two parts.

    Examples
    --------
    >>> import movierec as mr
    >>> ratings = ["ann", "ann", "bob", "bob", "eve"], [1, 2, 1, 3, 2], [5, 1, 4, 2, 1]
    >>> blend = mr.Blend(mr.ImplicitALS(n_factors=1), mr.ALS(n_factors=1)).fit(ratings)
    >>> blend.recommend(["eve"], n=1).item_id.tolist()
    [1]
    """

    watched: ImplicitALS = field(default_factory=ImplicitALS)
    rated: RatingEstimator = field(default_factory=ALS)
    rating_weight: float = 0.5

    @property
    def _seed(self) -> int:
        return self.rated._seed

    @property
    def _parts(self) -> tuple[ImplicitALS, RatingEstimator]:
        return self.watched, self.rated

    def _scale_of(self, table: RatingTable) -> Scale:
        return self.rated._scale_of(table)

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, list[str]]
    ) -> None:
        if not (np.isfinite(self.rating_weight) and self.rating_weight >= 0):
            raise ValueError(f"rating_weight should be from 0, not {self.rating_weight}")
        for part in self._parts:
            part.ratings_, part.rating_scale_ = self.ratings_, self.rating_scale_
            part.__dict__.pop("_seen", None)
            with threads(getattr(part, "n_jobs", None)):
                part._fit(train, validation, genres)

    @property
    def _share(self) -> float:
        low, high = self.rating_scale_
        return self.rating_weight / (high - low)

    def scorer(self) -> Model:
        from movierec.recommending import rankers

        watched, rated = (part.scorer() for part in self._parts)
        return rankers.blend(watched, rated, self.rating_weight, self.rating_scale_)

    def _linear_scores(self, items: Array, ratings: Array) -> LinearScores:
        watched, rated = (part._linear_scores(items, ratings) for part in self._parts)
        return watched.plus(rated, self._share, less=self.rated.scorer().global_mean)

    def _vectors(self) -> Array:
        from movierec.recommending import selection

        watched, rated = (part._vectors() for part in self._parts)
        return selection.vectors(watched, rated, self.rating_weight)

    def predict(self, users: Any, items: Any, *, unknown: Unknown = "error") -> Array:
        """The predicted ratings of the rating model, as `ALS.predict`."""
        return self.rated.predict(users, items, unknown=unknown)
