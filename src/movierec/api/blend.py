"""The blend of an implicit model, an item regression and a rating model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from movierec.api import arguments
from movierec.api.estimator import Estimator, State
from movierec.api.input_types import IdsLike, Unknown
from movierec.api.item_regression import ItemRegression
from movierec.api.ranking_models import ImplicitALS
from movierec.api.rating_models import ALS, GibbsMF, RatingEstimator
from movierec.api.rating_table import RatingTable
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array

if TYPE_CHECKING:
    from movierec.model.top_n_lists import RegressedModel
    from movierec.serving.folding_in import LinearScores


@dataclass(eq=False, repr=False, kw_only=True)
class Blend(Estimator):
    """Ranks items by what a user is likely to watch and to like, from three models.

    The score is a weighted mean of those of the implicit model and the item regression, plus
    `rating_weight` times the predicted rating as a share of the rating scale. It is the pipeline's
    default ranking. `fit` fits copies of the parts, so the estimators that you pass stay as they
    are.

    Parameters
    ----------
    watched
        The implicit model.
    rated
        The rating model: an `ALS` or a `GibbsMF`.
    regression
        The item regression. An item that takes no part in it has its implicit score instead.
    regression_share
        Share of the item regression in the mean, 0 to 1.
    rating_weight
        What a predicted rating at the top of the scale adds to the score, at least 0.

    Attributes
    ----------
    watched_ : ImplicitALS
        The fitted implicit model.
    rated_ : ALS | GibbsMF
        The fitted rating model.
    regression_ : ItemRegression
        The fitted item regression.

    Examples
    --------
    >>> import movierec as mr
    >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
    >>> blend = mr.Blend(mr.ImplicitALS(n_factors=2), mr.ALS(n_factors=2))
    >>> blend.fit((users, movies, [5, 4, 1, 4, 2, 2])).recommend([3]).round(2)
       user_id  rank item_id  score
    0        3     1   Alien   0.01
    1        3     2      Up  -0.04
    """

    watched: ImplicitALS = field(default_factory=ImplicitALS, kw_only=False)
    rated: ALS | GibbsMF = field(default_factory=ALS, kw_only=False)
    regression: ItemRegression = field(default_factory=ItemRegression, kw_only=False)
    regression_share: float = 0.4
    rating_weight: float = 0.2

    def _prepare(self) -> None:
        super()._prepare()
        self.watched_, self.rated_ = self.watched._prepared(), self.rated._prepared()
        self.regression_ = self.regression._prepared()

    def _checked(self) -> dict[str, Any]:
        kinds: dict[str, tuple[type[Estimator], ...]] = {
            "watched": (ImplicitALS,),
            "rated": (ALS, GibbsMF),
            "regression": (ItemRegression,),
        }
        for name, allowed in kinds.items():
            if not isinstance(part := getattr(self, name), allowed):
                names = " or ".join(kind.__name__ for kind in allowed)
                raise TypeError(f"{name} should be an {names}, not {type(part).__name__}")
        return {
            **super()._checked(),
            "regression_share": arguments.number(self.regression_share, "regression_share", 0, 1),
            "rating_weight": arguments.number(self.rating_weight, "rating_weight", 0, 1000),
        }

    @property
    def _parts(self) -> tuple[ImplicitALS, RatingEstimator, ItemRegression]:
        return self.watched_, self.rated_, self.regression_

    @property
    def _named_parts(self) -> dict[str, Estimator]:
        return dict(zip(("watched", "rated", "regression"), self._parts, strict=True))

    def _state(self) -> State:
        states = {name: part._state() for name, part in self._named_parts.items()}
        arrays = {
            f"{name}.{key}": array
            for name, (own, _) in states.items()
            for key, array in own.items()
        }
        return arrays, {name: values for name, (_, values) in states.items()}

    def _restore(self, arrays: Mapping[str, Array], values: Mapping[str, Any]) -> None:
        own: dict[str, dict[str, Array]] = {name: {} for name in self._named_parts}
        for name, array in arrays.items():
            part_name, _, key = name.partition(".")
            own[part_name][key] = array
        for name, part in self._named_parts.items():
            part.ratings_, part.rating_scale_ = self.ratings_, self.rating_scale_
            part._restore(own[name], values[name])

    @property
    def _seed(self) -> int:
        return self.rated_._seed

    @property
    def _uses_genres(self) -> bool:
        return self.rated_._uses_genres

    def _scale_of(self, table: RatingTable) -> Scale:
        scales = {part.params_["rating_scale"] for part in self._parts} - {None}
        if len(scales) > 1:
            raise ValueError("rating_scale: the models have different ones; keep one")
        has_own = (part for part in self._parts if part.params_["rating_scale"] is not None)
        return next(has_own, self.rated_)._scale_of(table)

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, Any]
    ) -> None:
        for part in self._parts:
            part._fit_on(self.ratings_, self.rating_scale_, train, validation, genres)

    @property
    def _weight(self) -> float:
        return float(self.params_["rating_weight"])

    @property
    def _share(self) -> float:
        return float(self.params_["regression_share"])

    def scorer(self) -> RegressedModel:
        from movierec.recommending import rankers

        model = self._snapshot()
        scores, share = model.regression_._regression_scores(), model._share
        added = rankers.regressed(model.watched_.scorer(), scores, share)
        rated, scale = model.rated_.scorer(), model.rating_scale_
        return replace(added, model=rankers.blend(added.model, rated, model._weight, scale))

    def _linear_scores(self, items: Array, ratings: Array) -> LinearScores:
        watched, rated = (part._linear_scores(items, ratings) for part in self._parts[:2])
        added = self.regression_._regression_part(items, ratings, self._share)
        mean = self.rated_.model_.global_mean
        return watched.regressed(added).blended(rated, self._weight, self.rating_scale_, mean)

    def _vectors(self) -> Array:
        from movierec.recommending import selection

        watched, rated = (part._vectors() for part in self._parts[:2])
        return selection.vectors(watched, rated, self._weight)

    def predict(
        self,
        users: IdsLike,
        items: IdsLike,
        *,
        timestamps: ArrayLike | None = None,
        unknown: Unknown = "error",
    ) -> Array:
        """Predict ratings with the rating model, as `ALS.predict` does.

        Parameters
        ----------
        users, items
            Ids (n_pairs,) each. A single id is used for all pairs.
        timestamps
            Times of the ratings (n_pairs,) in seconds since 1970, used if `rated` has `days`.
        unknown
            For ids that the model was not fitted on, `"error"` raises UnknownIdError, and
            `"prior_mean"` predicts from the global mean and the bias of the known user or item.

        Returns
        -------
        ndarray
            Predicted ratings (n_pairs,) float64, clipped to the rating scale.

        Raises
        ------
        UnknownIdError
            If a user or an item is unknown, and `unknown` is `"error"`.
        ValueError
            Before `fit`, or if `users` and `items` have different lengths.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> blend = mr.Blend(mr.ImplicitALS(n_factors=1), mr.ALS(n_factors=1))
        >>> blend.fit((users, movies, [5, 4, 1, 4, 2, 2])).predict(2, "Heat").round(2)
        array([3.02])
        """
        rated = self._snapshot().rated_
        return rated.predict(users, items, timestamps=timestamps, unknown=unknown)
