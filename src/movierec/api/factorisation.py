"""The base of the estimators that are factorisations, fitted by ALS or sampling."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from movierec.api import fitting
from movierec.api.estimator import Estimator
from movierec.api.rating_table import RatingTable
from movierec.data.rating_arrays import Array, Csr, Ratings

if TYPE_CHECKING:
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
