"""The base of the estimators: models fitted on your own ratings, by the code of the stages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from movierec.api.fitting import threads
from movierec.api.rating_table import RatingTable, places_of
from movierec.api.splitting import split
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array, Csr

if TYPE_CHECKING:
    import pandas as pd
    from pydantic import BaseModel

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
            The list of genres of each item id, a dict or a pandas Series; only for ALS and GibbsMF
            with model="genre_mf".

        Raises ValueError for values that cannot be used; it names the column and the row.
        """
        train = RatingTable.read(ratings, columns)
        if isinstance(validation, float):
            train, _, validation = split(
                train, test_fraction=validation, validation_fraction=0, random_state=self._seed
            )
        elif validation is not None:
            validation = RatingTable.read(validation, columns).with_ids_of(train)
            train = train.with_ids_of(validation)
        both = train if validation is None else train.joined(validation)
        self.ratings_, self.rating_scale_ = both, self._scale_of(both)
        self.__dict__.pop("_seen", None)
        try:
            with threads(getattr(self, "n_jobs", None)):
                self._fit(train, validation, {} if genres is None else dict(genres.items()))
        except BaseException:  # no model of other ratings than these
            del self.ratings_
            raise
        return self

    @property
    def _seed(self) -> int:
        return int(getattr(self, "random_state", 0))

    def _scale_of(self, table: RatingTable) -> Scale:
        """The lowest and the highest rating, as set or as they occur."""
        rating, own = table.ratings.rating, getattr(self, "rating_scale", None)
        ends = (rating.min(), rating.max()) if own is None else own
        low, high = (float(np.float32(end)) for end in ends)
        if not (low <= rating.min() and rating.max() <= high):
            raise ValueError(f"rating: not all are from {low:g} to {high:g}, the rating_scale")
        scale = Scale(low, high) if low < high else Scale(low, low + 4)
        if not scale.is_exact:
            raise ValueError(f"rating: {low:g} to {high:g} loses digits; shift or multiply ratings")
        return scale

    @abstractmethod
    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, list[str]]
    ) -> None: ...

    def _own(self, block: type[BaseModel]) -> dict[str, Any]:
        """The parameters that are fields of a block of params.yaml."""
        params = self.get_params(deep=False)
        return {name: params[name] for name in block.model_fields if name in params}

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
        return known_places(places_of(ids, self.item_ids_), ids, "item")

    def _users(self, ids: Any) -> Array:
        return known_places(places_of(ids, self.user_ids_), ids, "user")

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
        """The n items with the nearest factors, by cosine: item_id and similarity."""
        import pandas as pd

        from movierec.recommending import selection

        eligible = np.ones(len(self.item_ids_), bool)
        nearest, cosines = selection.similar(self._vectors(), self._items([item])[0], n, eligible)
        return pd.DataFrame({"item_id": self.item_ids_[nearest], "similarity": cosines})

    def save(self, path: str | Path) -> Path:
        """Write the fitted model to one safetensors file, which `load` reads; no pickle.

        Raises ValueError for ids that are neither integers nor text.
        """
        from movierec.api import estimator_file

        return estimator_file.write(Path(path), self)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that `save` wrote.

        Raises MovierecError for a missing or damaged file, TypeError for another kind of model.
        """
        from movierec.api import estimator_file

        model = estimator_file.read(Path(path))
        if not isinstance(model, cls):
            raise TypeError(f"{path}: holds {type(model).__name__}, not {cls.__name__}")
        return model


def known_places(places: Array, ids: Any, side: str) -> Array:
    """The places; KeyError, which names the first id, if one is unknown."""
    unknown = np.flatnonzero(places < 0)
    if len(unknown):
        first = np.atleast_1d(np.asarray(ids))[unknown[0] : unknown[0] + 1].tolist()[0]
        more = f", and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        raise KeyError(
            f"{side} {first!r} was not in the ratings that the model was fitted on{more}"
        )
    return places
