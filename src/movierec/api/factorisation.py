"""The base of the estimators that are factorisations, fitted by ALS or sampling."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from movierec.api import fitting
from movierec.api.estimator import Estimator
from movierec.api.input_types import GenresLike
from movierec.api.rating_table import RatingTable
from movierec.data.rating_arrays import Array, Csr, Ratings

if TYPE_CHECKING:
    from movierec.model.biased_mf import Model
    from movierec.training.in_memory import InMemoryData


@dataclass
class Factorisation(Estimator):
    """What models with factors of users and items have in addition.

    Attributes
    ----------
    model_ : Model
        The arrays of the fitted model.
    best_epoch_ : int
        The epoch of the model, counted from 1.
    epochs_ : DataFrame
        A row for each epoch: its number, the objective, and the quality on validation.
    validation_ : Errors or Ranking or None
        The quality of the best epoch on validation, before the refit. None without validation.
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
        genres: GenresLike,
    ) -> InMemoryData: ...

    @abstractmethod
    def _trainer(self, data: InMemoryData, settings: Any) -> Any: ...

    def _fit(self, train: RatingTable, validation: RatingTable | None, genres: GenresLike) -> None:
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
        _ = self.fitted
        return self.model_

    def _vectors(self) -> Array:
        return self.item_factors_

    @property
    def user_factors_(self) -> Array:
        """The factors of the users (n_users, n_factors), in the order of `user_ids_`.

        They have the `dtype` of the estimator. For `GibbsMF` the factors of all samples stand side
        by side: (n_users, samples · n_factors).

        Raises
        ------
        ValueError
            Before `fit`.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> als = mr.ALS(n_factors=2).fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> als.user_factors_.shape
        (3, 2)
        """
        return self.scorer().user_factors

    @property
    def item_factors_(self) -> Array:
        """The factors of the items (n_items, n_factors), in the order of `item_ids_`.

        They have the `dtype` of the estimator. For `GibbsMF` the factors of all samples stand side
        by side: (n_items, samples · n_factors).

        Raises
        ------
        ValueError
            Before `fit`.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> als = mr.ALS(n_factors=2).fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> als.item_factors_.shape
        (3, 2)
        """
        return self.scorer().item_factors
