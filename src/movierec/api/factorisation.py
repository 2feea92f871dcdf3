"""The base of the estimators that are factorisations, fitted by ALS or sampling."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from movierec.api import fitting, pictures
from movierec.api.estimator import Estimator
from movierec.api.rating_table import RatingTable
from movierec.data.rating_arrays import Array, Csr, Ratings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from movierec.model.biased_mf import Model
    from movierec.training.in_memory import InMemoryData


@dataclass
class Factorisation(Estimator):
    """Factors of users and items.

    After `fit`: also model_ (biased_mf.Model), best_epoch_, epochs_ (a DataFrame with a row for
    each epoch), and validation_, the quality on validation (None without).
    """

    @abstractmethod
    def _settings(self) -> fitting.Settings:
        """The parameters as the training code takes them."""

    @abstractmethod
    def _data(
        self,
        by_user: Csr,
        by_item: Csr,
        validation: Ratings | None,
        genres: Mapping[Any, list[str]],
    ) -> InMemoryData: ...

    @abstractmethod
    def _trainer(self, data: InMemoryData, settings: Any) -> Any: ...

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, list[str]]
    ) -> None:
        def load(by_user: Csr, by_item: Csr, held_out: Ratings | None) -> InMemoryData:
            return self._data(by_user, by_item, held_out, genres)

        name, settings = type(self).__name__, self._settings()
        trained, epochs = fitting.search_and_refit(
            name, settings, load, self._trainer, train, validation, self.fitted
        )
        self.model_: Model = trained.model
        self.best_epoch_, self.validation_ = trained.best_epoch, trained.validation
        self.epochs_ = pd.DataFrame([vars(epoch) for epoch in epochs])

    def scorer(self) -> Model:
        """What ranks the items: the predictions of the model."""
        _ = self.fitted
        return self.model_

    def _vectors(self) -> Array:
        return self.item_factors_

    @property
    def user_factors_(self) -> Array:
        """(n_users, n_factors)."""
        return self.scorer().user_factors

    @property
    def item_factors_(self) -> Array:
        """(n_items, n_factors)."""
        return self.scorer().item_factors

    def plot_training(self) -> Figure:
        """Plot how training went, as `movierec.plot_training`."""
        return pictures.plot_training(self)

    def plot_factors(self, titles: Mapping[Any, str] | None = None) -> Figure:
        """Plot the map of the most rated items: similar factors lie close together.

        titles: the title of each item id, a dict or a pandas Series; an item without one is named
        by its id. Needs the extra `plots`. Raises ValueError if no item has a title.

        Examples
        --------
        >>> import movierec as mr
        >>> ratings = ["ann", "ann", "bob", "bob", "eve"], [1, 2, 1, 3, 2], [5, 1, 4, 2, 1]
        >>> als = mr.ALS(n_factors=2).fit(ratings)
        >>> figure = als.plot_factors({1: "Star Wars (1977)", 2: "Alien (1979)"})
        """
        from movierec.plotting import factor_maps

        order, items = pictures.items_of(self, titles)
        rows = factor_maps.factor_map(self.item_factors_[order], items)
        return pictures.draw_table("factors", rows)

    def plot_polarising(self, titles: Mapping[Any, str] | None = None) -> Figure:
        """Plot the items about which opinions differ most and least.

        deviation: the standard deviation over users of what the factors add to a predicted rating.
        Items with few ratings are left out. titles: as of `plot_factors`.
        """
        from movierec.plotting import factor_maps

        order, items = pictures.items_of(self, titles)
        factors = self.user_factors_, self.item_factors_[order]
        return pictures.draw_table("polarising", factor_maps.polarising(*factors, items))
