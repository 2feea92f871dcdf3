"""Estimators that only rank items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from movierec.api.estimator import Estimator
from movierec.api.factorisation import Factorisation
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


@dataclass
class ImplicitALS(Factorisation):
    """Implicit ALS (iALS): ranks items by how likely a user is to rate them.

    The target of the highest rating is 1, of the lowest one lowest_target, and of every other item
    0, with the weight unseen_weight. Other parameters
    as of `ALS`, with NDCG@10 for RMSE; the parameters and their defaults are those of `implicit` in
    params.yaml. After `fit`: also model_, best_epoch_ and epochs_.

    Examples
    --------
    >>> import movierec as mr
    >>> ratings = ["ann", "ann", "bob", "bob", "eve"], [1, 2, 1, 3, 2], [5, 1, 4, 2, 1]
    >>> implicit = mr.ImplicitALS(n_factors=1, max_epochs=5).fit(ratings)
    >>> implicit.recommend(["eve"], n=1).item_id.tolist()
    [1]
    """

    n_factors: int = 64
    factor_precision: float = 2.0
    factor_precision_per_rating: float = 0.03
    unseen_weight: float = 0.2
    lowest_target: float = 0.5
    max_epochs: int = 30
    patience: int = 4
    min_improvement: float = 0.0005
    refit: bool = True
    init_scale: float = 0.1
    dtype: str = "float32"
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
        genres: Mapping[Any, list[str]],
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


@dataclass
class Popularity(Estimator):
    """Ranks items by their number of ratings; a baseline that needs no parameters.

    Examples
    --------
    >>> import movierec as mr
    >>> ratings = ["ann", "ann", "bob", "bob", "eve"], [1, 2, 1, 3, 1], [5, 1, 4, 2, 1]
    >>> mr.Popularity().fit(ratings).recommend(["eve"]).item_id.tolist()
    [2, 3]
    """

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, list[str]]
    ) -> None:
        from movierec.model import baselines

        by_user = self.ratings_.by_user
        self.model_ = baselines.popularity(by_user, by_user.transpose(len(self.item_ids_)))

    def scorer(self) -> Model:
        return self.model_

    def _scores_for(self, items: Array, ratings: Array) -> Array:
        return self.model_.item_biases


@dataclass
class ItemKNN(Estimator):
    """Ranks items by their nearest neighbours among the items that a user has rated.

    n_neighbours: the neighbours of each item, by the cosine of the sets of users who rated them.

    Examples
    --------
    >>> import movierec as mr
    >>> ratings = ["ann", "ann", "bob", "bob", "eve"], [1, 2, 1, 3, 1], [5, 1, 4, 2, 1]
    >>> mr.ItemKNN().fit(ratings).similar_items(2).item_id.tolist()
    [1]
    """

    n_neighbours: int = 20
    n_jobs: int | None = None

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, list[str]]
    ) -> None:
        from movierec.evaluation import item_knn

        if self.n_neighbours < 1:
            raise ValueError(f"n_neighbours should be at least 1, not {self.n_neighbours}")
        n_items = len(self.item_ids_)
        rated = item_knn.rated_sets(self.ratings_.by_user, n_items)
        counts = np.diff(rated["of_items"])
        n_neighbours = min(self.n_neighbours, n_items)
        self.neighbours_, self.cosines_ = item_knn.nearest(
            [rated], counts, 0, n_items, n_neighbours
        )

    def scorer(self) -> Scorer:
        from movierec.evaluation import item_knn

        return item_knn.scorer(self._seen, self.neighbours_, self.cosines_)

    def _scores_for(self, items: Array, ratings: Array) -> Array:
        from movierec.evaluation import item_knn

        seen = Csr(np.array([0, len(items)]), np.sort(items), np.ones(len(items), np.float32))
        return item_knn.scorer(seen, self.neighbours_, self.cosines_)(np.array([0]))[0]

    def similar_items(self, item: Any, n: int = 10) -> pd.DataFrame:
        """The nearest items by the cosine of the sets of users: a DataFrame with item_id,
        similarity."""
        import pandas as pd

        place = self._items([item])[0]
        nearest, cosines = self.neighbours_[place], self.cosines_[place]
        kept = np.flatnonzero(nearest >= 0)[:n]
        ids = self.item_ids_[nearest[kept]]
        return pd.DataFrame({"item_id": ids, "similarity": cosines[kept]})
