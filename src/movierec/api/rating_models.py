"""Estimators that predict ratings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from movierec.api.estimator import known_places
from movierec.api.factorisation import Factorisation
from movierec.api.rating_table import places_of
from movierec.core.params import GibbsParams, TrainParams, validated
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr, Ratings

if TYPE_CHECKING:
    from movierec.serving.folding_in import LinearScores
    from movierec.training.in_memory import InMemoryData

Unknown = Literal["error", "prior_mean"]


@dataclass
class RatingEstimator(Factorisation):
    """Base of the models that predict ratings."""

    _is_rating_model = True

    @abstractmethod
    def _settings(self) -> TrainParams: ...

    def _data(
        self,
        by_user: Csr,
        by_item: Csr,
        validation: Ratings | None,
        genres: Mapping[Any, list[str]],
    ) -> InMemoryData:
        from movierec.training.in_memory import InMemoryData

        settings, of_items = self._settings(), None
        if settings.model == "genre_mf":
            of_items = _genres_by_index(genres, self.item_ids_)
        return InMemoryData.from_params(by_user, by_item, settings, of_items, validation)

    def _trainer(self, data: InMemoryData, settings: TrainParams) -> Any:
        from movierec.training import rating_model

        return rating_model.make_trainer(data, settings, self._seed, self.rating_scale_)

    def predict(self, users: Any, items: Any, *, unknown: Unknown = "error") -> Array:
        """The predicted ratings of pairs of a user and an item, clipped to the scale: (n_pairs,).

        unknown: what to do about ids that the model was not fitted on: raise KeyError, or predict
        from their prior mean, so by the mean and the bias of the other side.
        """
        users, items = np.broadcast_arrays(np.atleast_1d(users), np.atleast_1d(items))
        rows, columns = places_of(users, self.user_ids_), places_of(items, self.item_ids_)
        if unknown == "error":
            known_places(rows, users, "user")
            known_places(columns, items, "item")
        elif unknown != "prior_mean":
            raise ValueError(f"unknown should be 'error' or 'prior_mean', not {unknown!r}")
        model, known = self.scorer(), (rows >= 0) & (columns >= 0)
        predicted = np.full(len(rows), model.global_mean, np.float64)
        pairs = rows[known].astype(np.int32), columns[known].astype(np.int32)
        predicted[known] = model.predict(*pairs)
        for places, other, biases in (
            (rows, columns, model.user_biases),
            (columns, rows, model.item_biases),
        ):
            alone = (places >= 0) & (other < 0)
            predicted[alone] += biases[places[alone]]
        return np.clip(predicted, *self.rating_scale_)

    def _linear_scores(self, items: Array, ratings: Array) -> LinearScores:
        from movierec.serving import folding_in

        params = self._settings().on_scale(self.rating_scale_)
        return folding_in.fold_in(self.scorer(), items, ratings, params)


@dataclass
class ALS(RatingEstimator):
    """Biased matrix factorisation by alternating least squares.

    r̂ = global mean + user bias + item bias + user factors · item factors. The parameters and their
    defaults are those of `train` in params.yaml.

    Parameters
    ----------
    model
        "mf"; "genre_mf", with the items' genres as prior mean; "svdpp", with who rated what as
        prior mean; "biases", without factors; or "damped_biases".
    n_factors
        Length of the factors.
    factor_precision, factor_precision_per_rating
        Precision of the Gaussian prior of the factors, and what each rating of a row adds to it.
    bias_precision, bias_precision_per_rating
        The same of the biases.
    rating_precision
        Precision of the ratings' noise.
    feature_ridge
        Ridge of the features' weights, for "genre_mf" and "svdpp".
    max_epochs, patience, min_improvement
        Training stops after max_epochs, or after `patience` epochs in which RMSE on validation has
        not improved by min_improvement.
    refit
        Fit again on train and validation together, for the best number of epochs.
    init_scale, dtype
        Expected length of the initial factors; "float32" or "float64".
    rating_scale
        Lowest and highest rating; None: those that occur.
    random_state, n_jobs
        Seed of the random numbers; number of threads, None for all cores. Results do not depend on
        n_jobs.

    Examples
    --------
    >>> import movierec as mr
    >>> ratings = ["ann", "ann", "bob", "bob", "eve"], [1, 2, 1, 3, 2], [5, 1, 4, 2, 1]
    >>> als = mr.ALS(n_factors=1, max_epochs=5).fit(ratings)
    >>> als.recommend(["ann"]).item_id.tolist()
    [3]
    >>> als.recommend_for({1: 5}, n=1).item_id.tolist()
    [3]
    """

    model: str = "mf"
    n_factors: int = 8
    factor_precision: float = 10.0
    factor_precision_per_rating: float = 0.025
    bias_precision: float = 4.0
    bias_precision_per_rating: float = 0.0
    rating_precision: float = 1.0
    feature_ridge: float = 5.0
    max_epochs: int = 60
    patience: int = 4
    min_improvement: float = 0.0001
    refit: bool = True
    init_scale: float = 0.1
    dtype: str = "float32"
    rating_scale: tuple[float, float] | None = None
    random_state: int = 20
    n_jobs: int | None = None

    def _settings(self) -> TrainParams:
        gibbs = GibbsParams(start_epochs=0, burn_in=0, samples=1, thin=1)
        own = self._own(TrainParams)
        return validated(TrainParams, **own, method="als", gibbs_feature_ridge=1.0, gibbs=gibbs)


@dataclass
class GibbsMF(RatingEstimator):
    """Bayesian matrix factorisation by Gibbs sampling: the mean of samples of the posterior.

    Slower than `ALS` and more accurate; the precisions are sampled, not set. Parameters as of ALS,
    and start_epochs, burn_in, samples, thin: the ALS epochs before sampling, the sweeps that are
    discarded, the samples that are averaged, and of how many sweeps one is kept. The parameters and
    their defaults are those of `train` in params.yaml.

    Examples
    --------
    >>> import movierec as mr
    >>> ratings = ["ann", "ann", "bob", "bob", "eve"], [1, 2, 1, 3, 2], [5, 1, 4, 2, 1]
    >>> gibbs = mr.GibbsMF(n_factors=1, burn_in=2, samples=3, thin=1).fit(ratings)
    >>> gibbs.predict("ann", 3).shape
    (1,)
    """

    model: str = "mf"
    n_factors: int = 8
    factor_precision: float = 10.0
    factor_precision_per_rating: float = 0.025
    bias_precision: float = 4.0
    bias_precision_per_rating: float = 0.0
    rating_precision: float = 1.0
    feature_ridge: float = 1.0
    start_epochs: int = 5
    burn_in: int = 20
    samples: int = 100
    thin: int = 2
    patience: int = 4
    min_improvement: float = 0.0001
    refit: bool = True
    init_scale: float = 0.1
    dtype: str = "float32"
    rating_scale: tuple[float, float] | None = None
    random_state: int = 20
    n_jobs: int | None = None

    def _settings(self) -> TrainParams:
        own = self._own(TrainParams)
        gibbs = validated(GibbsParams, **self._own(GibbsParams))
        ridge = own.pop("feature_ridge")
        others = {"gibbs_feature_ridge": ridge, "feature_ridge": 5.0, "max_epochs": 1}
        return validated(TrainParams, **own, method="gibbs", gibbs=gibbs, **others)


def _genres_by_index(genres: Mapping[Any, list[str]], item_ids: Array) -> Csr:
    """The genres of each item, as indices of the sorted names of the genres."""
    if not genres:
        raise ValueError('genres: model="genre_mf" needs the genres of each item')
    texts = [item for item in item_ids.tolist() if isinstance(genres.get(item), str)]
    if texts:
        raise ValueError(f"genres: those of {texts[0]!r} are one text; give a list for each item")
    of_items = [sorted(set(genres.get(item, ()))) for item in item_ids.tolist()]
    return parquet_tables.genre_csr(pa.array(of_items, pa.list_(pa.string())))
