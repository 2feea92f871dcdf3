"""Estimators that predict ratings."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from movierec.api import arguments, ids
from movierec.api.factorisation import Factorisation
from movierec.api.input_types import IdsLike, Unknown
from movierec.core.params import GibbsParams, TrainParams, validated
from movierec.core.rating_scale import Scale
from movierec.core.yaml_file import shorten
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr, Ratings

if TYPE_CHECKING:
    from movierec.model.biased_mf import Model
    from movierec.serving.folding_in import LinearScores
    from movierec.training.in_memory import InMemoryData


@dataclass(eq=False, repr=False, kw_only=True)
class RatingEstimator(Factorisation):
    """Base of the models that predict ratings."""

    _scores_are_ratings: ClassVar[bool] = True

    @abstractmethod
    def _settings(self) -> TrainParams: ...

    @property
    def _uses_genres(self) -> bool:
        return bool(self.params_["model"] == "genre_mf")

    def _data(
        self,
        by_user: Csr,
        by_item: Csr,
        validation: Ratings | None,
        genres: Mapping[Any, Any],
        timestamp: Array,
    ) -> InMemoryData:
        from movierec.training.in_memory import InMemoryData

        settings, of_items = self._settings(), None
        if self._uses_genres:
            of_items = _genres_by_index(genres, self.item_ids_)
        sides = by_user, by_item, settings, of_items, validation
        return InMemoryData.from_params(*sides, timestamp)

    def _trainer(self, data: InMemoryData, settings: TrainParams) -> Any:
        from movierec.training import rating_model

        return rating_model.make_trainer(data, settings, self._seed, self.rating_scale_)

    def predict(
        self,
        users: IdsLike,
        items: IdsLike,
        *,
        timestamps: ArrayLike | None = None,
        unknown: Unknown = "error",
    ) -> Array:
        """Predict ratings for pairs of a user and an item.

        Parameters
        ----------
        users, items
            Ids (n_pairs,) each. A single id is used for all pairs.
        timestamps
            Times of the ratings (n_pairs,) in seconds since 1970, used by a model with `days`. By
            default, and on days without ratings, the prediction is for an average day.
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
        >>> als = mr.ALS(n_factors=1).fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> als.predict([2, 3], ["Heat", "Up"]).round(2)
        array([3.02, 2.27])
        >>> als.predict(4, "Heat", unknown="prior_mean").round(2)
        array([3.01])
        """
        model = self._snapshot()
        known = model.ratings_.user_ids, model.ratings_.item_ids
        pairs = known, users, items, unknown
        return predicted(model.model_, model.rating_scale_, *pairs, timestamps=timestamps)

    def _linear_scores(self, items: Array, ratings: Array) -> LinearScores:
        from movierec.serving import folding_in

        params = self._settings().on_scale(self.rating_scale_)
        return folding_in.fold_in(self.scorer(), items, ratings, params)


@dataclass(eq=False, repr=False, kw_only=True)
class ALS(RatingEstimator):
    """Predicts ratings by biased matrix factorisation, fitted by alternating least squares.

    The predicted rating is global mean + user bias + item bias + user factors · item factors. The
    arguments and their defaults are those of `train` in `params.yaml`.

    Parameters
    ----------
    model
        `"mf"` is the model above. `"genre_mf"` adds the items' genres to their prior mean, and
        `"svdpp"` adds who rated what to the prior means of both sides. `"biases"` has no factors,
        and `"damped_biases"` computes the biases in one pass.
    n_factors
        Number of factors of each user and item, 0 to 1024.
    factor_precision, factor_precision_per_rating
        Regularisation of the factors: the precision of their Gaussian prior, per star, and what
        each rating of the user or item adds to it.
    bias_precision, bias_precision_per_rating
        The same for the biases, per squared star.
    rating_precision
        1 / variance of the rating noise, per squared star.
    feature_ridge
        Ridge on the weights that `"genre_mf"` and `"svdpp"` learn for the prior means.
    days
        Whether to learn how each calendar day differs; the ratings then need timestamps.
    max_epochs
        Training stops after this many epochs.
    patience, min_improvement
        With validation, training also stops after `patience` epochs in which RMSE has not improved
        by `min_improvement` stars.
    refit
        With validation, fit again on all ratings for the best number of epochs.
    init_scale
        Expected norm of an item's random initial factors, in √stars.
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
    >>> als = mr.ALS(n_factors=2, rating_scale=(1, 5)).fit((users, movies, [5, 4, 1, 4, 2, 2]))
    >>> als.predict(2, "Heat").round(2)
    array([3.02])
    >>> als.recommend([3]).round(2)
       user_id  rank item_id  score
    0        3     1   Alien   3.27
    1        3     2      Up   2.27
    """

    model: Literal["mf", "genre_mf", "svdpp", "biases", "damped_biases"] = "mf"
    n_factors: int = 16
    factor_precision: float = 10.0
    factor_precision_per_rating: float = 0.025
    bias_precision: float = 4.0
    bias_precision_per_rating: float = 0.0
    rating_precision: float = 1.0
    feature_ridge: float = 5.0
    days: bool = False
    max_epochs: int = 60
    patience: int = 15
    min_improvement: float = 0.00001
    refit: bool = True
    init_scale: float = 0.1
    dtype: Literal["float32", "float64"] = "float32"
    rating_scale: tuple[float, float] | None = None
    random_state: int = 20
    n_jobs: int | None = None

    def _settings(self) -> TrainParams:
        gibbs = GibbsParams(start_epochs=0, burn_in=0, samples=1, thin=1)
        own = self._own(TrainParams)
        return validated(TrainParams, **own, method="als", gibbs_feature_ridge=1.0, gibbs=gibbs)


@dataclass(eq=False, repr=False, kw_only=True)
class GibbsMF(RatingEstimator):
    """Predicts ratings by Bayesian matrix factorisation: the mean of samples of the posterior.

    It is slower than `ALS` and more accurate. Gibbs sampling starts from a few epochs of ALS and
    also samples the precisions. With validation, it stops once more samples would hardly lower the
    RMSE. The arguments and their defaults are those of `train` and `train.gibbs` in `params.yaml`,
    where `feature_ridge` is called `gibbs_feature_ridge`.

    Parameters
    ----------
    model
        As for `ALS`, except `"damped_biases"`.
    n_factors
        Number of factors of each user and item in one sample, 0 to 1024.
    factor_precision, factor_precision_per_rating, bias_precision, bias_precision_per_rating
        Regularisation in the ALS epochs, as for `ALS`.
    rating_precision
        1 / variance of the rating noise in the ALS epochs, per squared star.
    feature_ridge
        Ridge on the weights that `"genre_mf"` and `"svdpp"` learn for the prior means, as a
        multiple of the sampled prior precision.
    days
        As for `ALS`.
    start_epochs
        Number of ALS epochs before sampling.
    burn_in
        Number of sweeps to discard.
    samples
        Largest number of samples to average.
    thin
        Keep one sweep in this many as a sample.
    min_improvement
        Stop when the second half of the samples lowered RMSE by less than 80 times this.
    refit
        With validation, continue on all ratings.
    init_scale
        Expected norm of an item's random initial factors, in √stars.
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
    >>> gibbs = mr.GibbsMF(n_factors=2, samples=20).fit((users, movies, [5, 4, 1, 4, 2, 2]))
    >>> gibbs.recommend_for({"Alien": 5}).round(1)
       rank item_id  score  deviation
    0     1    Heat    3.2        0.6
    1     2      Up    2.6        0.9
    """

    model: Literal["mf", "genre_mf", "svdpp", "biases"] = "mf"
    n_factors: int = 16
    factor_precision: float = 10.0
    factor_precision_per_rating: float = 0.025
    bias_precision: float = 4.0
    bias_precision_per_rating: float = 0.0
    rating_precision: float = 1.0
    feature_ridge: float = 1.0
    days: bool = False
    start_epochs: int = 5
    burn_in: int = 20
    samples: int = 200
    thin: int = 2
    min_improvement: float = 0.00001
    refit: bool = True
    init_scale: float = 0.1
    dtype: Literal["float32", "float64"] = "float32"
    rating_scale: tuple[float, float] | None = None
    random_state: int = 20
    n_jobs: int | None = None

    def _settings(self) -> TrainParams:
        own = self._own(TrainParams)
        gibbs = validated(GibbsParams, **self._own(GibbsParams))
        ridge = own.pop("feature_ridge")
        others = {"gibbs_feature_ridge": ridge, "feature_ridge": 5.0}
        others |= {"max_epochs": 1, "patience": 1}  # of ALS
        return validated(TrainParams, **own, method="gibbs", gibbs=gibbs, **others)


def predicted(
    model: Model,
    scale: Scale,
    known: tuple[Array, Array],
    users: IdsLike,
    items: IdsLike,
    unknown: Unknown = "error",
    item: str = "item",
    timestamps: ArrayLike | None = None,
) -> Array:
    """What `predict` returns. known: the ids of users and items; item: what errors call one."""
    if unknown not in ("error", "prior_mean"):
        raise ValueError(f"unknown should be 'error' or 'prior_mean', not {unknown!r}")
    find = ids.known_places if unknown == "error" else ids.places
    found = find(users, known[0], "user"), find(items, known[1], item)
    times = np.zeros(1, np.int64) if timestamps is None else np.atleast_1d(timestamps)
    if times.dtype.kind not in "iu" or times.ndim > 1:
        raise ValueError("timestamps: should be integers (n_pairs,), seconds since 1970")
    rows, columns, times = np.broadcast_arrays(*found, times)
    both = (rows >= 0) & (columns >= 0)
    result = np.full(len(rows), model.global_mean, np.float64)
    pairs = rows[both].astype(np.int32), columns[both].astype(np.int32)
    result[both] = model.predict(*pairs, times[both])
    for places, other, biases in (
        (rows, columns, model.user_biases),
        (columns, rows, model.item_biases),
    ):
        alone = (places >= 0) & (other < 0)
        result[alone] += biases[places[alone]]
    return np.clip(result, *scale)


def _genres_by_index(genres: Mapping[Any, Any], item_ids: Array) -> Csr:
    """The genres of each item, as indices of the sorted names of the genres."""
    if not genres:
        raise ValueError('genres: model="genre_mf" needs the genres of each item')
    items = item_ids.tolist()
    if not any(item in genres for item in items):
        first = shorten(arguments.plain(next(iter(genres))))
        raise ValueError(f"genres: none is of an item in the ratings; {first} is no such id")
    of_items = []
    for item in items:
        names = genres.get(item)
        if names is None or (isinstance(names, float) and math.isnan(names)):
            names = ()  # as in tables
        elif isinstance(names, str):
            raise ValueError(
                f"genres: those of {shorten(item)} are one text; give a list for each item"
            )
        of_items.append(sorted(set(names)))
    return parquet_tables.genre_csr(pa.array(of_items, pa.list_(pa.string())))
