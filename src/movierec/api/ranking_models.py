"""Estimators that only rank items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from movierec.api import arguments
from movierec.api.estimator import Estimator, State
from movierec.api.factorisation import Factorisation
from movierec.api.input_types import Id
from movierec.api.rating_table import RatingTable
from movierec.core.params import ImplicitParams, validated
from movierec.data.rating_arrays import Array, Csr, Ratings

if TYPE_CHECKING:
    import pandas as pd

    from movierec.model.biased_mf import Model
    from movierec.model.top_n_lists import Scorer
    from movierec.serving.folding_in import LinearScores
    from movierec.training.implicit_als import ImplicitTrainer
    from movierec.training.in_memory import InMemoryData


@dataclass(eq=False, repr=False, kw_only=True)
class ImplicitALS(Factorisation):
    """Ranks items by how likely a user is to rate them, with implicit ALS (iALS).

    The score is fitted to 1 for the highest rating, to `lowest_target` for the lowest, and to 0,
    with the weight `unseen_weight`, for each item without a rating. The arguments and their
    defaults are those of `implicit` in `params.yaml`.

    A table needs no column `rating`, and two arrays are enough, users and items: each row then
    counts as 1. If all ratings are equal, each is the highest. Do not pass counts, such as numbers
    of purchases, as ratings: they would be graded, from the lowest to the highest. Leave them out.

    Parameters
    ----------
    n_factors
        Number of factors of each user and item, 0 to 1024.
    factor_precision, factor_precision_per_rating
        Regularisation of the factors: the precision of their Gaussian prior, and what each rating
        of the user or item adds to it.
    unseen_weight
        Weight of an item without a rating; an item with a rating has weight 1.
    lowest_target
        Target of the lowest rating, 0 to 1. With 1, the values of ratings do not matter.
    max_epochs
        Training stops after this many epochs.
    patience, min_improvement
        With validation, training also stops after `patience` epochs in which NDCG@10 has not
        improved by `min_improvement`.
    refit
        With validation, fit again on all ratings for the best number of epochs.
    init_scale
        Expected norm of an item's random initial factors.
    dtype
        Type of the factors and biases.
    rating_scale
        Lowest and highest possible rating. By default, the lowest and highest that occur.
    random_state
        Seed of the random numbers.
    n_jobs
        Number of threads. By default, one for each core. It does not change the result.

    Examples
    --------
    >>> import movierec as mr
    >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
    >>> implicit = mr.ImplicitALS(n_factors=2).fit((users, movies, [5, 4, 1, 4, 2, 2]))
    >>> implicit.recommend([3]).item_id.tolist()
    ['Alien', 'Up']
    >>> implicit.fit((users, movies)).recommend([3]).item_id.tolist()  # who watched what
    ['Alien', 'Up']
    """

    _needs_values: ClassVar[bool] = False

    n_factors: int = 128
    factor_precision: float = 2.0
    factor_precision_per_rating: float = 0.03
    unseen_weight: float = 0.2
    lowest_target: float = 0.5
    max_epochs: int = 30
    patience: int = 4
    min_improvement: float = 0.0005
    refit: bool = True
    init_scale: float = 0.1
    dtype: Literal["float32", "float64"] = "float32"
    rating_scale: tuple[float, float] | None = None
    random_state: int = 20
    n_jobs: int | None = None

    def _settings(self) -> ImplicitParams:
        return validated(ImplicitParams, **self._own(ImplicitParams))

    def _data(
        self,
        by_user: Csr,
        by_item: Csr,
        validation: Ratings | None,
        genres: Mapping[Any, Any],
        timestamp: Array,
    ) -> InMemoryData:
        from movierec.training.in_memory import InMemoryData

        return InMemoryData(by_user, by_item, validation=validation)

    def _trainer(self, data: InMemoryData, settings: ImplicitParams) -> ImplicitTrainer[Model]:
        from movierec.training.implicit_als import ImplicitTrainer

        return ImplicitTrainer(data, settings, self._seed, self.rating_scale_)

    def _linear_scores(self, items: Array, ratings: Array) -> LinearScores:
        from movierec.model.implicit_targets import Targets
        from movierec.serving import folding_in

        settings = self._settings()
        targets = Targets.from_params(settings, self.rating_scale_).of_new_user(ratings)
        usual = len(self.ratings_) / len(self.user_ids_)
        share = folding_in.unseen_share(len(items), usual)
        return folding_in.fold_in_implicit(self.scorer(), items, targets, settings, share)


@dataclass(eq=False, repr=False, kw_only=True)
class Popularity(Estimator):
    """Ranks items by their number of ratings: a baseline without parameters.

    Examples
    --------
    >>> import movierec as mr
    >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Up"]
    >>> mr.Popularity().fit((users, movies, [5, 4, 1, 4, 2, 2])).recommend([3])
       user_id  rank item_id  score
    0        3     1   Alien    2.0
    1        3     2    Heat    1.0
    """

    _needs_values: ClassVar[bool] = False

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, Any]
    ) -> None:
        from movierec.model import baselines

        by_user = self.ratings_.by_user
        self.model_ = baselines.popularity(by_user, by_user.transpose(len(self.item_ids_)))

    def _state(self) -> State:
        from movierec.model import model_file

        return model_file.named_arrays(self.model_), {}

    def _restore(self, arrays: Mapping[str, Array], values: Mapping[str, Any]) -> None:
        self.model_ = self._model_from(arrays)

    def scorer(self) -> Model:
        _ = self.fitted
        return self.model_

    def _scores_for(self, items: Array, ratings: Array) -> Array:
        return self.model_.item_biases


@dataclass(eq=False, repr=False, kw_only=True)
class ItemKNN(Estimator):
    """Ranks items by their nearest neighbours among the items that a user has rated.

    The score of an item is the sum of its cosines with the user's rated items that have it among
    their neighbours. Only who rated what matters, not the values of the ratings.

    Parameters
    ----------
    n_neighbours
        Number of neighbours of each item, by the cosine of the sets of users who rated them.
    n_jobs
        Number of threads. By default, one for each core. It does not change the result.

    Attributes
    ----------
    neighbours_ : ndarray
        The item indices of each item's neighbours (n_items, n_neighbours) int32, the nearest first;
        −1 past the end of a shorter list.
    cosines_ : ndarray
        Their cosines (n_items, n_neighbours) float32.

    Examples
    --------
    >>> import movierec as mr
    >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
    >>> knn = mr.ItemKNN(n_neighbours=2).fit((users, movies, [5, 4, 1, 4, 2, 2]))
    >>> knn.recommend([3]).round(2)
       user_id  rank item_id  score
    0        3     1   Alien    0.5
    1        3     2      Up    0.5
    """

    _needs_values: ClassVar[bool] = False

    n_neighbours: int = 20
    n_jobs: int | None = None

    def _checked(self) -> dict[str, Any]:
        arguments.integer(self.n_neighbours, "n_neighbours")
        return super()._checked()

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, Any]
    ) -> None:
        from movierec.evaluation import item_knn

        n_items = len(self.item_ids_)
        rated = item_knn.rated_sets(self.ratings_.by_user, n_items)
        counts = np.diff(rated["of_items"])
        n_neighbours = min(self.params_["n_neighbours"], n_items)
        self.neighbours_, self.cosines_ = item_knn.nearest(
            [rated], counts, 0, n_items, n_neighbours
        )

    def _state(self) -> State:
        return {"neighbours_": self.neighbours_, "cosines_": self.cosines_}, {}

    def _restore(self, arrays: Mapping[str, Array], values: Mapping[str, Any]) -> None:
        if sorted(arrays) != ["cosines_", "neighbours_"]:
            raise ValueError(f"its arrays are {', '.join(arrays)}")
        self.neighbours_, self.cosines_ = arrays["neighbours_"], arrays["cosines_"]
        if len(self.neighbours_) != len(self.item_ids_):
            raise ValueError(f"its neighbours are not of {len(self.item_ids_)} items")
        self.scorer()  # checks the arrays

    def scorer(self) -> Scorer:
        from movierec.evaluation import item_knn

        model = self._snapshot()
        return item_knn.scorer(model.ratings_.by_user, model.neighbours_, model.cosines_)

    def _scores_for(self, items: Array, ratings: Array) -> Array:
        from movierec.evaluation import item_knn

        seen = Csr(np.array([0, len(items)]), np.sort(items), np.ones(len(items), np.float32))
        return item_knn.scorer(seen, self.neighbours_, self.cosines_)(np.array([0]))[0]

    def similar_items(self, item: Id, n: int = 10) -> pd.DataFrame:
        import pandas as pd

        n, model = arguments.integer(n, "n"), self._snapshot()
        place = model._items([item])[0]
        nearest, cosines = model.neighbours_[place], model.cosines_[place]
        kept = np.flatnonzero(nearest >= 0)[:n]
        ids = model.item_ids_[nearest[kept]]
        return pd.DataFrame({"item_id": ids, "similarity": cosines[kept]})
