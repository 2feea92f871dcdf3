"""The estimator of item regression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from movierec.api.estimator import Estimator, State
from movierec.api.rating_table import RatingTable
from movierec.core.params import ItemRegressionParams, validated
from movierec.data.rating_arrays import Array

if TYPE_CHECKING:
    from movierec.model.item_regression import Cells, RegressionScores
    from movierec.model.top_n_lists import RegressedModel
    from movierec.serving.folding_in import LinearScores, RegressionPart


@dataclass(eq=False, repr=False, kw_only=True)
class ItemRegression(Estimator):
    """Ranks items by a weighted sum of the items that a user has rated (EASE).

    A user's cell of an item is 1 if they liked it, `low_cell` if they rated it lower, and 0 if they
    have not rated it. The weights are those that predict each item's cells best from the others',
    by ridge regression, which has a closed form. The arguments and their defaults are those of
    `item_regression` in `params.yaml`. Without a column `rating`, each row counts as 1.

    Parameters
    ----------
    max_items
        Only the most rated items take part; the others have the score 0. Memory grows with its
        square, time with its cube: 12,000 items need 0.6 GB.
    ridge
        Penalty on the squared weights, above 0.
    liked_rating
        The least rating that counts 1, on a scale from 1 to 5; on another scale, at the same place.
    low_cell
        What a lower rating counts, 0 to 1.
    weights_per_item
        Number of largest weights that are kept of each item.
    rating_scale
        Lowest and highest possible rating. By default, the lowest and highest that occur.
    n_jobs
        Number of threads. By default, one for each core. It does not change the result.

    Attributes
    ----------
    regression_ : ItemWeights
        The weights, by index of the items.

    Examples
    --------
    >>> import movierec as mr
    >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
    >>> regression = mr.ItemRegression(ridge=1).fit((users, movies, [5, 4, 1, 4, 2, 2]))
    >>> regression.recommend([3]).round(2)
       user_id  rank item_id  score
    0        3     1   Alien   0.11
    1        3     2      Up   0.01
    """

    _needs_values: ClassVar[bool] = False

    max_items: int = 12000
    ridge: float = 200.0
    liked_rating: float = 4.0
    low_cell: float = 0.25
    weights_per_item: int = 200
    rating_scale: tuple[float, float] | None = None
    n_jobs: int | None = None

    def _prepare(self) -> None:
        super()._prepare()
        self._settings()  # checks them

    def _settings(self) -> ItemRegressionParams:
        return validated(ItemRegressionParams, **self._own(ItemRegressionParams), refit=True)

    def _cells(self) -> Cells:
        from movierec.model.item_regression import Cells

        return Cells.from_params(self._settings(), self.rating_scale_)

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, Any]
    ) -> None:
        from movierec.model import item_regression

        self.regression_ = item_regression.fit_in_memory(
            self.ratings_.by_user, len(self.item_ids_), self._cells(), self._settings()
        )

    def _state(self) -> State:
        from movierec.model import model_file

        return model_file.named_arrays(self.regression_), {}

    def _restore(self, arrays: Mapping[str, Array], values: Mapping[str, Any]) -> None:
        from movierec.model import model_file

        self.regression_ = model_file.regression_from_arrays(arrays)
        if self.regression_.n_items != len(self.item_ids_):
            raise ValueError(f"its regression is not of {len(self.item_ids_)} items")

    def _regression_scores(self) -> RegressionScores:
        from movierec.model.item_regression import RegressionScores

        model = self._snapshot()
        by_user, cells = model.ratings_.by_user, model._cells()
        return RegressionScores.of_ratings(model.regression_, by_user, cells)

    def scorer(self) -> RegressedModel:
        from movierec.model.biased_mf import no_factors
        from movierec.model.top_n_lists import RegressedModel

        scores = self._regression_scores()
        return RegressedModel(no_factors(scores.cells.n_rows, scores.regression.n_items), scores)

    def _linear_scores(self, items: Array, ratings: Array) -> LinearScores:
        from movierec.serving.folding_in import LinearScores

        part = self._regression_part(items, ratings)
        return LinearScores(part.items, (part,))

    def _regression_part(self, items: Array, ratings: Array, share: float = 1) -> RegressionPart:
        from movierec.serving import folding_in

        cells = self._cells().of_new_user(ratings)
        return folding_in.fold_in_regression(self.regression_, items, cells, share)
