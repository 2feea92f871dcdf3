"""The base of the estimators that are factorisations, fitted by ALS or sampling."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from movierec.api.arguments import read_only
from movierec.api.estimator import Estimator
from movierec.api.rating_table import RatingTable
from movierec.core.params import ImplicitParams, TrainParams
from movierec.data.rating_arrays import Array, Csr, Ratings

if TYPE_CHECKING:
    from movierec.model.biased_mf import Model
    from movierec.training.in_memory import InMemoryData


@dataclass(eq=False, repr=False, kw_only=True)
class Factorisation(Estimator):
    """What `ALS`, `GibbsMF` and `ImplicitALS` have in addition: factors and a training history.

    Attributes
    ----------
    model_ : Model
        The global mean, biases and factors, by index of users and items.
    best_epoch_ : int
        The number of the epoch whose model was chosen, from 1.
    epochs_ : DataFrame
        The history: a row for each epoch, with the objective and the errors or NDCG@10.
    validation_ : Errors | Ranking | None
        The quality of the chosen model on validation, before the refit. None without validation.
    """

    @abstractmethod
    def _settings(self) -> TrainParams | ImplicitParams:
        """The parameters that the model is fitted with, as the training code takes them."""

    @abstractmethod
    def _data(
        self,
        by_user: Csr,
        by_item: Csr,
        validation: Ratings | None,
        genres: Mapping[Any, Any],
    ) -> InMemoryData: ...

    @abstractmethod
    def _trainer(self, data: InMemoryData, settings: Any) -> Any: ...

    def _prepare(self) -> None:
        super()._prepare()
        self._settings()  # checks them

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, Any]
    ) -> None:
        from movierec.core import reporting
        from movierec.training import early_stopping, search

        epochs: list[Any] = []

        def fit(settings: Any, is_refit: bool) -> Any:
            by_user = (self.ratings_ if is_refit else train).by_user
            by_item = by_user.transpose(len(train.item_ids))
            held_out = None if is_refit or validation is None else validation.ratings
            data = self._data(by_user, by_item, held_out, genres)
            trainer = self._trainer(data, settings)
            with reporting.progress(type(self).__name__, trainer.max_epochs) as advance:
                state = early_stopping.fit(trainer, lambda state: advance())
            epochs.extend([] if is_refit else state.epochs)
            return state, data

        trained = search.fit_twice(fit, self._settings())
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

        They are read-only; their type is the argument `dtype`. For `GibbsMF`, the factors of all
        samples stand side by side: (n_users, samples · n_factors).

        Raises
        ------
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> als = mr.ALS(n_factors=2).fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> als.user_factors_.shape
        (3, 2)
        """
        return read_only(self.scorer().user_factors)

    @property
    def item_factors_(self) -> Array:
        """The factors of the items (n_items, n_factors), in the order of `item_ids_`.

        They are read-only; their type is the argument `dtype`. For `GibbsMF`, the factors of all
        samples stand side by side: (n_items, samples · n_factors).

        Raises
        ------
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> als = mr.ALS(n_factors=2).fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> als.item_factors_.shape
        (3, 2)
        """
        return read_only(self.scorer().item_factors)
