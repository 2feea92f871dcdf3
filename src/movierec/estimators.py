"""Estimators: models fitted on your own ratings, by the code that the pipeline's stages run."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from movierec.core.errors import MovierecError
from movierec.core.params import GibbsParams, ImplicitParams, SplitParams, TrainParams, validated
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.rating_table import RatingTable, places_of

if TYPE_CHECKING:
    import pandas as pd

    from movierec.model.biased_mf import Model
    from movierec.model.top_n_lists import Scorer
    from movierec.serving.folding_in import LinearScores

Unknown = Literal["error", "prior_mean"]


@dataclass
class Estimator(ABC):
    """Base of the estimators: fitting, recommending, saving.

    After `fit`: ratings_ (RatingTable: all ratings fitted on), rating_scale_ (lowest and highest
    rating).
    """

    _is_rating_model: ClassVar[bool] = False

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name, as scikit-learn's `clone` needs them.

        deep: also those of estimators among them, as in "rated__n_factors".
        """
        params = {part.name: getattr(self, part.name) for part in fields(self) if part.init}
        nested = {
            f"{name}__{key}": value
            for name, inner in params.items()
            if deep and isinstance(inner, Estimator)
            for key, value in inner.get_params().items()
        }
        return params | nested

    def set_params(self, **params: Any) -> Self:
        """Set constructor arguments; ValueError for one that does not exist."""
        allowed = self.get_params()
        for name, value in params.items():
            if name not in allowed:
                raise ValueError(f"no parameter {name!r}; choose from {', '.join(allowed)}")
            inner, _, rest = name.partition("__")
            if rest:
                getattr(self, inner).set_params(**{rest: value})
            else:
                setattr(self, name, value)
        return self

    def fit(
        self,
        ratings: Any,
        validation: Any = None,
        *,
        columns: Mapping[str, str] | None = None,
        genres: Mapping[Any, list[str]] | None = None,
    ) -> Self:
        """Fit on ratings.

        Parameters
        ----------
        ratings
            A pandas, Polars or Arrow table with the columns user_id, item_id (or movie_id), rating
            and, if you have it, timestamp; a scipy.sparse matrix of ratings (users × items); a
            tuple of three or four arrays in that order; or a table from `movierec.split`.
        validation
            Ratings of the same kind, which decide when training stops; with `refit`, the model is
            then fitted again on both. A fraction, such as 0.1, holds out that share of each user's
            ratings. None: train for max_epochs.
        columns
            Your names of the columns, such as {"user_id": "customer"}.
        genres
            The genres of each item id; only for ALS and GibbsMF with model="genre_mf".

        Raises ValueError for values that cannot be used; it names the column and the row.
        """
        train = RatingTable.read(ratings, columns)
        if isinstance(validation, float):
            train, validation = _hold_out(train, validation, self._seed)
        elif validation is not None:
            validation = RatingTable.read(validation, columns).with_ids_of(train)
            train = train.with_ids_of(validation)
        both = train if validation is None else train.joined(validation)
        self.ratings_, self.rating_scale_ = both, self._scale_of(both)
        self.__dict__.pop("_seen", None)
        with _threads(getattr(self, "n_jobs", None)):
            self._fit(train, validation, genres or {})
        return self

    @property
    def _seed(self) -> int:
        return int(getattr(self, "random_state", 0))

    def _scale_of(self, table: RatingTable) -> tuple[float, float]:
        """The lowest and the highest rating, as set or as they occur."""
        scale = getattr(self, "rating_scale", None)
        rating = table.ratings.rating
        low, high = (float(rating.min()), float(rating.max())) if scale is None else scale
        if not (low <= rating.min() and rating.max() <= high):
            raise ValueError(f"rating: not all are from {low:g} to {high:g}, the rating_scale")
        return (low, high) if low < high else (low, low + 1)

    @abstractmethod
    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, list[str]]
    ) -> None: ...

    @abstractmethod
    def scorer(self) -> Model | Scorer:
        """What ranks the items, for all users."""

    @cached_property
    def _seen(self) -> Csr:
        return self.fitted.by_user

    @property
    def fitted(self) -> RatingTable:
        """The ratings that the model was fitted on; ValueError before `fit`."""
        if not hasattr(self, "ratings_"):
            raise ValueError(f"this {type(self).__name__} is not fitted; call fit first")
        return self.ratings_

    @property
    def user_ids_(self) -> Array:
        """The ids of the users fitted on; position = user index."""
        return self.fitted.user_ids

    @property
    def item_ids_(self) -> Array:
        """The ids of the items fitted on; position = item index."""
        return self.fitted.item_ids

    def _items(self, ids: Any) -> Array:
        return _known(places_of(ids, self.item_ids_), ids, "item")

    def _users(self, ids: Any) -> Array:
        return _known(places_of(ids, self.user_ids_), ids, "user")

    def recommend(
        self, users: Any = None, n: int = 10, *, exclude_seen: bool = True, items: Any = None
    ) -> pd.DataFrame:
        """The n best items for each user: a DataFrame with user_id, rank, item_id and score.

        users: their ids; all by default. exclude_seen: leave out what a user has rated. items: ids
        that may be recommended; all by default. A list is shorter if there are fewer items.

        Raises KeyError for an unknown id.
        """
        import pandas as pd

        from movierec.model import top_n_lists

        if n < 1:
            raise ValueError(f"n should be at least 1, not {n}")
        every = np.arange(len(self.user_ids_))
        rows = every if users is None else self._users(users)
        seen = self._seen.take(rows)
        if not exclude_seen:
            seen = Csr(np.zeros(len(rows) + 1, np.int64), seen.indices[:0], seen.values[:0])
        eligible = np.ones(len(self.item_ids_), bool) if items is None else self._mask(items)
        n = min(n, len(eligible))
        lists, scores = top_n_lists.top_n(self.scorer(), seen, n, eligible, rows)
        row, place = np.nonzero((lists >= 0) & np.isfinite(scores))
        return pd.DataFrame(
            {
                "user_id": self.user_ids_[rows[row]],
                "rank": place + 1,
                "item_id": self.item_ids_[lists[row, place]],
                "score": scores[row, place],
            }
        )

    def _mask(self, items: Any) -> Array:
        mask = np.zeros(len(self.item_ids_), bool)
        mask[self._items(items)] = True
        return mask

    def _linear_scores(self, items: Array, ratings: Array) -> LinearScores:
        """The scores of all items for a new user, as sums of contributions of their ratings."""
        raise TypeError(f"{type(self).__name__} does not explain its scores")

    def _scores_for(self, items: Array, ratings: Array) -> Array:
        """The scores of all items for a new user."""
        return self._linear_scores(items, ratings).scores

    def recommend_for(
        self, ratings: Mapping[Any, float], n: int = 10, *, explain: bool = False
    ) -> pd.DataFrame:
        """The n best items for a new user with these ratings, by item id.

        The user is folded in: their row is solved while the items stay fixed. Returns a DataFrame
        with rank, item_id and score; for rating models also deviation, the standard deviation of
        the predicted rating. explain: add a column for each rating, with what it adds to the score.

        Raises KeyError for an unknown item, ValueError for a rating off the scale.
        """
        import pandas as pd

        from movierec.recommending import selection

        rated, given = self._new_user(ratings)
        linear = self._linear_scores(rated, given) if explain or self._is_rating_model else None
        scores = linear.scores if linear else self._scores_for(rated, given)
        eligible = np.ones(len(self.item_ids_), bool)
        eligible[rated] = False
        best = selection.best(scores, eligible, n)
        columns: dict[str, Any] = {
            "rank": np.arange(1, len(best) + 1),
            "item_id": self.item_ids_[best],
            "score": scores[best],
        }
        if linear and self._is_rating_model:
            columns["deviation"] = linear.deviations(best)
        frame = pd.DataFrame(columns)
        if linear and explain:
            ids = self.item_ids_[linear.items]
            parts = pd.DataFrame(linear.contributions(best), columns=ids)
            frame = pd.concat((frame, parts), axis=1)
        return frame

    def explain(self, ratings: Mapping[Any, float], item: Any) -> pd.Series:
        """What each rating of a user adds to the score of an item, the greatest first.

        The rest of the score, which needs no ratings of the user, is `attrs["rest"]`.
        """
        import pandas as pd

        rated, given = self._new_user(ratings)
        linear, place = self._linear_scores(rated, given), self._items([item])
        parts = linear.contributions(place)[0]
        series = pd.Series(parts, index=self.item_ids_[linear.items], name="contribution")
        series = series.iloc[np.argsort(-np.abs(parts), kind="stable")]
        series.attrs["rest"] = float(linear.scores[place[0]] - parts.sum())
        return series

    def _new_user(self, ratings: Mapping[Any, float]) -> tuple[Array, Array]:
        if not ratings:
            raise ValueError("ratings: give at least one")
        rated = self._items(list(ratings)).astype(np.int32)
        given, (low, high) = np.array(list(ratings.values()), np.float64), self.rating_scale_
        if not ((given >= low) & (given <= high)).all():
            raise ValueError(f"ratings: they should be from {low:g} to {high:g}")
        return rated, given

    def _vectors(self) -> Array:
        """The vectors of items whose cosines are similarities."""
        raise TypeError(f"{type(self).__name__} has no factors to compare items by")

    def similar_items(self, item: Any, n: int = 10) -> pd.DataFrame:
        """The n nearest items by the cosine of the factors: a DataFrame with item_id, similarity."""
        import pandas as pd

        from movierec.recommending import selection

        eligible = np.ones(len(self.item_ids_), bool)
        nearest, cosines = selection.similar(self._vectors(), self._items([item])[0], n, eligible)
        return pd.DataFrame({"item_id": self.item_ids_[nearest], "similarity": cosines})


class RatingEstimator(Estimator):
    """Base of the models that predict ratings. After `fit`: also model_, best_epoch_ and epochs_."""

    _is_rating_model = True

    @abstractmethod
    def _train_params(self) -> TrainParams: ...

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, list[str]]
    ) -> None:
        from movierec.training import rating_model
        from movierec.training.in_memory import InMemoryData

        params, genre_csr = self._train_params(), None
        if params.model == "genre_mf":
            genre_csr = _genres_by_index(genres, train.item_ids)

        def load(by_user: Csr, by_item: Csr, held_out: Ratings | None) -> InMemoryData:
            return InMemoryData.from_params(by_user, by_item, params, genre_csr, held_out)

        def trainer(data: InMemoryData, settings: TrainParams) -> Any:
            return rating_model.make_trainer(data, settings, self._seed, self.rating_scale_)

        _train(self, params, load, trainer, train, validation)

    def predict(self, users: Any, items: Any, *, unknown: Unknown = "error") -> Array:
        """The predicted ratings of pairs of a user and an item, clipped to the scale: (n_pairs,).

        unknown: what to do about ids that the model was not fitted on: raise KeyError, or predict
        from their prior mean, so by the mean and the bias of the other side.
        """
        users, items = np.broadcast_arrays(np.atleast_1d(users), np.atleast_1d(items))
        rows, columns = places_of(users, self.user_ids_), places_of(items, self.item_ids_)
        if unknown == "error":
            _known(rows, users, "user")
            _known(columns, items, "item")
        elif unknown != "prior_mean":
            raise ValueError(f"unknown should be 'error' or 'prior_mean', not {unknown!r}")
        model, known = self.model_, (rows >= 0) & (columns >= 0)
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

    def scorer(self) -> Model:
        return self.model_

    def _linear_scores(self, items: Array, ratings: Array) -> LinearScores:
        from movierec.serving import folding_in

        return folding_in.fold_in(self.model_, items, ratings, self._train_params())

    def _vectors(self) -> Array:
        return self.model_.item_factors

    @property
    def user_factors_(self) -> Array:
        """(n_users, n_factors)."""
        return self.model_.user_factors

    @property
    def item_factors_(self) -> Array:
        """(n_items, n_factors)."""
        return self.model_.item_factors


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

    def _train_params(self) -> TrainParams:
        gibbs = GibbsParams(start_epochs=0, burn_in=0, samples=1, thin=1)
        own = _own_params(self, TrainParams)
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

    def _train_params(self) -> TrainParams:
        own = _own_params(self, TrainParams)
        gibbs = validated(GibbsParams, **_own_params(self, GibbsParams))
        ridge = own.pop("feature_ridge")
        others = {"gibbs_feature_ridge": ridge, "feature_ridge": 5.0, "max_epochs": 1}
        return validated(TrainParams, **own, method="gibbs", gibbs=gibbs, **others)


@dataclass
class ImplicitALS(Estimator):
    """Implicit ALS (iALS): ranks items by how likely a user is to rate them.

    Every rating counts as 1, every other item as 0 with the weight unseen_weight. Other parameters
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
    unseen_weight: float = 0.1
    max_epochs: int = 30
    patience: int = 4
    min_improvement: float = 0.0005
    refit: bool = True
    init_scale: float = 0.1
    dtype: str = "float32"
    rating_scale: tuple[float, float] | None = None
    random_state: int = 20
    n_jobs: int | None = None

    def _params(self) -> ImplicitParams:
        return validated(ImplicitParams, **_own_params(self, ImplicitParams))

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, list[str]]
    ) -> None:
        from movierec.training.implicit_als import ImplicitTrainer
        from movierec.training.in_memory import InMemoryData

        def load(by_user: Csr, by_item: Csr, held_out: Ratings | None) -> InMemoryData:
            return InMemoryData(by_user, by_item, validation=held_out)

        def trainer(data: InMemoryData, settings: ImplicitParams) -> Any:
            return ImplicitTrainer(data, settings, self._seed)

        _train(self, self._params(), load, trainer, train, validation)

    def scorer(self) -> Model:
        return self.model_

    def _linear_scores(self, items: Array, ratings: Array) -> LinearScores:
        from movierec.serving import folding_in

        low, high = self.rating_scale_
        is_liked = ratings >= low + (high - low) / 4
        usual = len(self.ratings_) / len(self.user_ids_)
        share = len(items) / (len(items) + usual / 3)
        return folding_in.fold_in_implicit(self.model_, items, is_liked, self._params(), share)

    def _vectors(self) -> Array:
        return self.model_.item_factors

    user_factors_ = RatingEstimator.user_factors_
    item_factors_ = RatingEstimator.item_factors_


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


@dataclass
class Blend(Estimator):
    """Ranks by what a user will watch and like: an implicit score plus a predicted rating.

    The parameters are those of `recommend` in params.yaml: rating_weight is what a predicted rating
    at the top of the scale adds to the score. watched, rated: the estimators of the two parts.

    Examples
    --------
    >>> import movierec as mr
    >>> ratings = ["ann", "ann", "bob", "bob", "eve"], [1, 2, 1, 3, 2], [5, 1, 4, 2, 1]
    >>> blend = mr.Blend(mr.ImplicitALS(n_factors=1), mr.ALS(n_factors=1)).fit(ratings)
    >>> blend.recommend(["eve"], n=1).item_id.tolist()
    [1]
    """

    watched: Estimator = field(default_factory=ImplicitALS)
    rated: RatingEstimator = field(default_factory=ALS)
    rating_weight: float = 0.5

    @property
    def _seed(self) -> int:
        return self.rated._seed

    @property
    def _parts(self) -> tuple[Estimator, RatingEstimator]:
        return self.watched, self.rated

    def _scale_of(self, table: RatingTable) -> tuple[float, float]:
        return self.rated._scale_of(table)

    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, list[str]]
    ) -> None:
        if not (np.isfinite(self.rating_weight) and self.rating_weight >= 0):
            raise ValueError(f"rating_weight should be from 0, not {self.rating_weight}")
        for part in self._parts:
            part.ratings_, part.rating_scale_ = self.ratings_, self.rating_scale_
            part.__dict__.pop("_seen", None)
            with _threads(getattr(part, "n_jobs", None)):
                part._fit(train, validation, genres)

    @property
    def _share(self) -> float:
        low, high = self.rating_scale_
        return self.rating_weight / (high - low)

    def scorer(self) -> Model:
        from movierec.recommending import rankers

        watched, rated = (part.scorer() for part in self._parts)
        return rankers.blend(watched, rated, self.rating_weight, self.rating_scale_)  # type: ignore[arg-type]

    def _linear_scores(self, items: Array, ratings: Array) -> LinearScores:
        watched, rated = (part._linear_scores(items, ratings) for part in self._parts)
        return watched.plus(rated, self._share)

    def _vectors(self) -> Array:
        from movierec.recommending import selection

        watched, rated = (part._vectors() for part in self._parts)
        return selection.vectors(watched, rated, self.rating_weight)

    def predict(self, users: Any, items: Any, *, unknown: Unknown = "error") -> Array:
        """The predicted ratings of the rating model, as `ALS.predict`."""
        return self.rated.predict(users, items, unknown=unknown)


def _train(
    estimator: Any,
    params: Any,
    load: Any,
    make_trainer: Any,
    train: RatingTable,
    validation: RatingTable | None,
) -> None:
    """Fit with early stopping, then refit, as the stages do; sets the fitted attributes."""
    import pandas as pd

    from movierec.core import reporting
    from movierec.training import early_stopping, search

    n_users, n_items = len(train.user_ids), len(train.item_ids)
    epochs: list[Any] = []

    def fit(settings: Any, is_refit: bool) -> Any:
        by_user = (estimator.ratings_ if is_refit or validation is None else train).by_user
        held_out = None if is_refit or validation is None else validation.ratings
        data = load(by_user, by_user.transpose(n_items), held_out)
        trainer = make_trainer(data, settings)
        name = f"{type(estimator).__name__}{' refit' if is_refit else ''}"
        with reporting.progress(name, trainer.max_epochs) as advance:
            state = early_stopping.fit(trainer, lambda state: advance())
        if not is_refit:
            epochs.extend(state.epochs)
        return state, data

    trained = search.fit_twice(fit, params)
    assert trained.model.n_users == n_users  # noqa: S101
    estimator.model_, estimator.best_epoch_ = trained.model, trained.best_epoch
    estimator.epochs_ = pd.DataFrame([vars(epoch) for epoch in epochs])
    estimator.validation_ = trained.validation


def _hold_out(table: RatingTable, fraction: float, seed: int) -> tuple[RatingTable, RatingTable]:
    """The ratings that stay, and a random share of each user's."""
    from movierec.prepare import split

    params = validated(
        SplitParams, protocol="per_user_random", test_fraction=fraction, validation_fraction=0
    )
    train, _, held_out = split.split(table.ratings, len(table.user_ids), params, seed)
    ids = table.user_ids, table.item_ids
    return RatingTable(train, *ids), RatingTable(held_out, *ids)


@contextlib.contextmanager
def _threads(n_jobs: int | None) -> Iterator[None]:
    """Run kernels in this many threads; None: in as many as there are cores."""
    import numba

    before, most = numba.get_num_threads(), numba.config.NUMBA_NUM_THREADS
    if n_jobs is not None and n_jobs < 1:
        raise ValueError(f"n_jobs should be None or at least 1, not {n_jobs}")
    numba.set_num_threads(min(n_jobs or before, most))
    try:
        yield
    except MovierecError as error:
        raise ValueError(str(error)) from None
    finally:
        numba.set_num_threads(before)


def _known(places: Array, ids: Any, side: str) -> Array:
    """The places; KeyError, which names the first id, if one is unknown."""
    unknown = np.flatnonzero(places < 0)
    if len(unknown):
        first = np.atleast_1d(np.asarray(ids))[unknown[0]]
        more = f", and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        raise KeyError(
            f"{side} {first!r} was not in the ratings that the model was fitted on{more}"
        )
    return places


def _own_params(estimator: Estimator, block: Any) -> dict[str, Any]:
    """The estimator's parameters that are fields of a block of params.yaml."""
    params = estimator.get_params(deep=False)
    return {name: params[name] for name in block.model_fields if name in params}


def _genres_by_index(genres: Mapping[Any, list[str]], item_ids: Array) -> Csr:
    """The genres of each item, as indices of the sorted names of the genres."""
    if not genres:
        raise ValueError('genres: model="genre_mf" needs the genres of each item')
    of_items = [sorted(set(genres.get(item, ()))) for item in item_ids.tolist()]
    names = sorted({name for names in of_items for name in names})
    place = {name: number for number, name in enumerate(names)}
    indptr = np.concatenate(([0], np.cumsum([len(names) for names in of_items]))).astype(np.int64)
    indices = np.array([place[name] for names in of_items for name in names], np.int32)
    return Csr(indptr, indices, np.ones(len(indices), np.float32))
