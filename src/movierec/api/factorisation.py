"""The base of the estimators that are factorisations, fitted by ALS or sampling."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from movierec.api import pictures
from movierec.api.arguments import read_only
from movierec.api.estimator import Estimator, State
from movierec.api.input_types import TitlesLike
from movierec.api.rating_table import RatingTable
from movierec.core.params import ImplicitParams, TrainParams
from movierec.data.rating_arrays import Array, Csr, Ratings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
        timestamp: Array,
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

        def fit(settings: Any, is_refit: bool, item_factors: Array | None) -> Any:
            table = self.ratings_ if is_refit else train
            by_user, timestamp = table.by_user, table.ratings.timestamp
            by_item = by_user.transpose(len(train.item_ids))
            held_out = None if is_refit or validation is None else validation.ratings
            data = self._data(by_user, by_item, held_out, genres, timestamp)
            trainer = self._trainer(data, settings)
            trainer.item_factors = item_factors
            with reporting.progress(type(self).__name__, trainer.max_epochs) as advance:
                state = early_stopping.fit(trainer, lambda state: advance())
            epochs.extend([] if is_refit else state.epochs)
            return state, trainer

        trained = search.fit_twice(fit, self._settings())
        self.model_: Model = trained.model
        self.best_epoch_, self.validation_ = trained.best_epoch, trained.validation
        self.epochs_ = pd.DataFrame([vars(epoch) for epoch in epochs])

    def _state(self) -> State:
        from movierec.model import model_file

        quality = self.validation_
        values = {
            "best_epoch": self.best_epoch_,
            "epochs": self.epochs_.to_dict("list"),
            "validation": None if quality is None else [type(quality).__name__, vars(quality)],
        }
        return model_file.named_arrays(self.model_), values

    def _restore(self, arrays: Mapping[str, Array], values: Mapping[str, Any]) -> None:
        from movierec.metrics.measures import Errors, Ranking

        self.model_ = self._model_from(arrays)
        self.best_epoch_, self.epochs_ = values["best_epoch"], pd.DataFrame(values["epochs"])
        name, quality = values["validation"] or (None, {})
        self.validation_ = {"Errors": Errors, "Ranking": Ranking}[name](**quality) if name else None

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

    def plot_training(self) -> Figure:
        """Plot how training went, as `movierec.plot_training` does for several models.

        Returns
        -------
        Figure
            A Matplotlib figure, which a notebook shows. Elsewhere, call its `savefig`.

        Raises
        ------
        MovierecError
            Without Matplotlib, which the extra `plots` installs.
        ValueError
            Before `fit`, or for `ImplicitALS` without validation ratings: nothing was measured
            then.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> als = mr.ALS(n_factors=1, max_epochs=5).fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> als.plot_training()
        <StyledFigure size 880x352 with 1 Axes>
        """
        return pictures.plot_training(self)

    def plot_factors(self, titles: TitlesLike | None = None) -> Figure:
        """Plot a map of the most rated items, on which items with similar factors lie close.

        The axes are the first two principal components of the item factors.

        Parameters
        ----------
        titles
            The titles of items. An item without one is named by its id.

        Returns
        -------
        Figure
            A Matplotlib figure, which a notebook shows. Elsewhere, call its `savefig`.

        Raises
        ------
        MovierecError
            Without Matplotlib, which the extra `plots` installs.
        ValueError
            Before `fit`, or if no item has a title.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], [50, 288, 181, 50, 181, 288]
        >>> als = mr.ALS(n_factors=2).fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> als.plot_factors({50: "Star Wars (1977)", 288: "Scream (1996)"})
        <StyledFigure size 880x638 with 1 Axes>
        """
        from movierec.plotting import factor_maps

        order, items = pictures.items_of(self, titles)
        rows = factor_maps.factor_map(self.item_factors_[order], items)
        return pictures.draw_table("factors", rows)

    def plot_polarising(self, titles: TitlesLike | None = None) -> Figure:
        """Plot the items about which opinions differ most, and those about which they differ least.

        Bars show the standard deviation over users of user · item factors: how much the factors
        change a predicted rating. Items with fewer than 100 ratings are left out, unless fewer than
        24 items have that many.

        Parameters
        ----------
        titles
            The titles of items. An item without one is named by its id.

        Returns
        -------
        Figure
            A Matplotlib figure, which a notebook shows. Elsewhere, call its `savefig`.

        Raises
        ------
        MovierecError
            Without Matplotlib, which the extra `plots` installs.
        ValueError
            Before `fit`, or if no item has a title.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> als = mr.ALS(n_factors=2, factor_precision=1)
        >>> als.fit((users, movies, [5, 4, 1, 4, 2, 2])).plot_polarising()
        <StyledFigure size 880x418 with 2 Axes>
        """
        from movierec.plotting import factor_maps

        order, items = pictures.items_of(self, titles)
        factors = self.user_factors_, self.item_factors_[order]
        return pictures.draw_table("polarising", factor_maps.polarising(*factors, items))
