"""The base of the estimators: models fitted on your own ratings, by the code of the stages."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from movierec.api import arguments, ids
from movierec.api.fitting import threads
from movierec.api.input_types import GenresLike, Id, IdsLike, RatingsLike, UserRatings
from movierec.api.rating_table import RatingTable
from movierec.api.splitting import split
from movierec.core import paths
from movierec.core.errors import NotFittedError
from movierec.core.rating_scale import Scale
from movierec.core.yaml_file import shorten
from movierec.data.rating_arrays import Array, Csr

if TYPE_CHECKING:
    import pandas as pd
    from pydantic import BaseModel

    from movierec.model.biased_mf import Model
    from movierec.model.top_n_lists import Ranked
    from movierec.serving.folding_in import LinearScores


State = tuple[dict[str, Array], dict[str, Any]]


@dataclass(eq=False, repr=False, kw_only=True)
class Estimator(ABC):
    """What all estimators share: fitting, recommending, comparing items, saving.

    They follow scikit-learn's conventions: the constructor only stores its arguments, `fit` returns
    the estimator, names that end with an underscore exist after `fit`, and `sklearn.base.clone`
    works. If `fit` fails or is interrupted, the estimator stays as it was.

    Attributes
    ----------
    ratings_ : RatingTable
        All ratings that the model was fitted on, including those for validation.
    rating_scale_ : Scale
        The lowest and the highest rating, as a named tuple `(low, high)`.
    params_ : dict
        The constructor's arguments that the model was fitted with. To change the estimator's own
        does not change the fitted model.
    """

    _needs_values: ClassVar[bool] = True  # of ratings, or only who rated what
    _scores_are_ratings: ClassVar[bool] = False

    def __repr__(self) -> str:
        """The arguments that are not the defaults."""
        changed = []
        for part in fields(self):
            default = part.default_factory if part.default is MISSING else lambda p=part: p.default
            value = repr(getattr(self, part.name))
            if value != repr(default()):  # type: ignore[operator]
                changed.append(f"{part.name}={value}")
        return f"{type(self).__name__}({', '.join(changed)})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments by name.

        Parameters
        ----------
        deep
            If an argument is an estimator, also return its arguments, with names such as
            `rated__n_factors`.

        Returns
        -------
        dict
            The value of each argument.

        Examples
        --------
        >>> import movierec as mr
        >>> mr.ItemKNN(n_neighbours=50).get_params()
        {'n_neighbours': 50, 'n_jobs': None}
        >>> mr.Blend().get_params()["rated__n_factors"]
        16
        """
        params = {part.name: getattr(self, part.name) for part in fields(self)}
        nested = {
            f"{name}__{key}": value
            for name, inner in params.items()
            if deep and isinstance(inner, Estimator)
            for key, value in inner.get_params().items()
        }
        return params | nested

    def set_params(self, **params: object) -> Self:
        """Change some of the constructor's arguments.

        Parameters
        ----------
        **params
            New values by name. Call `fit` again to train with them.

        Returns
        -------
        Self
            This estimator.

        Raises
        ------
        ValueError
            If there is no argument of that name.

        Examples
        --------
        >>> import movierec as mr
        >>> mr.ALS().set_params(n_factors=32).n_factors
        32
        >>> mr.Blend().set_params(rated__n_factors=32).rated.n_factors
        32
        """
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
        ratings: RatingsLike,
        validation: RatingsLike | float | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        genres: GenresLike | None = None,
    ) -> Self:
        """Fit the model on ratings.

        Parameters
        ----------
        ratings
            A table, a sparse matrix, a tuple of arrays or a part of a `Split`. If a user rated an
            item several times, the latest rating counts and you get a warning.
        validation
            Ratings that decide when to stop training, or the share of each user's ratings to hold
            out for this, such as 0.1. With `refit=True`, the model is then fitted again on all
            ratings. By default, training runs for `max_epochs`.
        columns
            Your names of the columns, such as `{"user_id": "customer"}`.
        genres
            The genres of each item, only for `model="genre_mf"`. Without them, or with None or NaN,
            an item has none.

        Returns
        -------
        Self
            This estimator.

        Raises
        ------
        ValueError
            If a value is missing, infinite or off the `rating_scale` (the message says where), or
            an argument of the constructor is out of range.
        TypeError
            If `ratings` has another form.

        Examples
        --------
        >>> import pandas as pd
        >>> import movierec as mr
        >>> ratings = pd.DataFrame({"who": [1, 1, 2], "movie_id": [7, 8, 8], "rating": [5, 2, 4]})
        >>> als = mr.ALS(n_factors=1).fit(ratings, columns={"user_id": "who"})
        >>> als.ratings_
        RatingTable(3 ratings, 2 users, 2 items)
        """
        model, needs_values = self._prepared(), self._needs_values
        if genres is not None and not model._uses_genres:
            raise ValueError(
                f'genres: {self} does not use them; leave them out, or set model="genre_mf"'
            )
        train = RatingTable.read(ratings, columns, needs_values)
        if not len(train):  # such as the empty part of a split
            raise ValueError("ratings: there are none")
        if isinstance(validation, int | float | np.number):
            share = float(validation)
            if not 0 < share < 1:
                raise ValueError(f"validation should be above 0 and below 1, not {share:g}")
            try:
                train, _, validation = split(
                    train, test_fraction=share, validation_fraction=0, random_state=model._seed
                )
            except ValueError:  # each user loses at least one rating
                raise ValueError(
                    f"validation: no ratings to fit on are left without {share:g} of each user's;"
                    " lower it, or give a table of validation ratings"
                ) from None
        elif validation is not None:
            validation = RatingTable.read(validation, columns, needs_values).with_ids_of(train)
            train = train.with_ids_of(validation)
        both = train if validation is None else train.joined(validation)
        if validation is not None and (n_shared := len(train) + len(validation) - len(both)):
            raise ValueError(
                f"validation: {n_shared:,} of its {len(validation):,} ratings are also among the"
                " ratings to fit on (the same user and item); leave them out of one"
            )
        by_id = {} if genres is None else dict(genres.items())
        model._fit_on(both, model._scale_of(both), train, validation, by_id)
        fitted = {name: value for name, value in vars(model).items() if name.endswith("_")}
        vars(self).update(fitted)  # at once, so that no call in another thread finds a part of it
        return self

    def _prepared(self) -> Self:
        """A new estimator with these arguments, checked, for `fit` to work on."""
        model = type(self)(**self.get_params(deep=False))
        model._prepare()
        return model

    def _prepare(self) -> None:
        self.params_ = self._checked()

    def _checked(self) -> dict[str, Any]:
        """The arguments, those of NumPy as Python's; ValueError if one is out of range."""
        params = {key: arguments.plain(value) for key, value in self.get_params(False).items()}
        if "n_jobs" in params:
            params["n_jobs"] = arguments.threads(params["n_jobs"])
        if "random_state" in params:
            arguments.integer(params["random_state"], "random_state", low=0)
        if "rating_scale" in params:
            params["rating_scale"] = arguments.rating_scale(params["rating_scale"])
        return params

    def _fit_on(
        self,
        both: RatingTable,
        scale: Scale,
        train: RatingTable,
        validation: RatingTable | None,
        genres: Mapping[Any, Any],
    ) -> None:
        self.ratings_, self.rating_scale_ = both, scale
        with threads(self.params_.get("n_jobs")), arguments.named():
            self._fit(train, validation, genres)

    @property
    def _seed(self) -> int:
        return int(self.params_.get("random_state", 0))

    @property
    def _uses_genres(self) -> bool:
        return False

    def _scale_of(self, table: RatingTable) -> Scale:
        """The lowest and the highest rating, as set or as they occur.

        If all ratings are equal, they are the highest: you like what you choose.
        """
        rating, own = table.ratings.rating, self.params_.get("rating_scale")
        ends = (rating.min(), rating.max()) if own is None else own
        low, high = (float(np.float32(end)) for end in ends)
        if not (low <= rating.min() and rating.max() <= high):
            raise ValueError(f"rating: not all are from {low:g} to {high:g}, the rating_scale")
        scale = Scale(low, high) if low < high else Scale(high - 4, high)
        if not scale.is_exact:
            raise ValueError(f"rating: {low:g} to {high:g} loses digits; shift or multiply ratings")
        return scale

    @abstractmethod
    def _fit(
        self, train: RatingTable, validation: RatingTable | None, genres: Mapping[Any, Any]
    ) -> None: ...

    def _own(self, block: type[BaseModel]) -> dict[str, Any]:
        """The parameters that are fields of a block of params.yaml."""
        params = self.params_
        return {name: params[name] for name in block.model_fields if name in params}

    @abstractmethod
    def scorer(self) -> Ranked:
        """Return the object that scores items for users, in the form that the pipeline uses.

        Returns
        -------
        Model | RegressedModel | Scorer
            A `Model`, whose predictions are the scores; for `ItemRegression` and `Blend`, a
            `RegressedModel`, which adds those by item regression. For `ItemKNN`, a function from
            user indices (n,) to scores of all items (n, n_items) float32.

        Raises
        ------
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2], ["Alien", "Heat", "Up", "Alien", "Up"]
        >>> popularity = mr.Popularity().fit((users, movies, [5, 4, 1, 4, 2]))
        >>> popularity.scorer().item_biases
        array([2., 2., 1.], dtype=float32)
        """

    @property
    def _named_parts(self) -> dict[str, Estimator]:
        """The fitted estimators that this one consists of, by the names of its arguments."""
        return {}

    @abstractmethod
    def _state(self) -> State:
        """What `fit` learned, for a file: arrays by name, and other values as JSON has them."""

    @abstractmethod
    def _restore(self, arrays: Mapping[str, Array], values: Mapping[str, Any]) -> None:
        """Set what `_state` returned, with `ratings_` and `rating_scale_` set before.

        Raises TypeError, ValueError or KeyError if it does not fit them.
        """

    def _model_from(self, arrays: Mapping[str, Array]) -> Model:
        """The model of the users and items in `ratings_` that these arrays are."""
        from movierec.model import model_file

        model, table = model_file.from_arrays(arrays), self.fitted
        sizes = len(table.user_ids), len(table.item_ids)
        if (model.n_users, model.n_items) != sizes:
            raise ValueError(f"its arrays are not of {sizes[0]} users and {sizes[1]} items")
        return model

    def _snapshot(self) -> Self:
        """The fitted model as it is now, which `fit` in another thread does not change."""
        _ = self.fitted
        return copy.copy(self)

    @property
    def fitted(self) -> RatingTable:
        """The ratings that the model was fitted on, or a clear error before `fit`.

        Raises
        ------
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import movierec as mr
        >>> mr.ALS().fitted
        Traceback (most recent call last):
        movierec.core.errors.NotFittedError: this ALS is not fitted; call fit first
        """
        if not hasattr(self, "ratings_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted; call fit first")
        return self.ratings_

    @property
    def user_ids_(self) -> Array:
        """The ids of the users (n_users,), int64 or text, those with most ratings first.

        The position of an id is the user index, as in `user_factors_`.

        Raises
        ------
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [7, 7, 7, 9, 9], ["Alien", "Heat", "Up", "Alien", "Up"]
        >>> mr.Popularity().fit((users, movies, [5, 4, 1, 4, 2])).user_ids_
        array([7, 9])
        """
        return self.fitted.user_ids

    @property
    def item_ids_(self) -> Array:
        """The ids of the items (n_items,), int64 or text, those with most ratings first.

        The position of an id is the item index, as in `item_factors_`: after a sparse matrix, rows
        do not follow its columns.

        Raises
        ------
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [7, 7, 7, 9, 9], ["Alien", "Heat", "Up", "Alien", "Up"]
        >>> mr.Popularity().fit((users, movies, [5, 4, 1, 4, 2])).item_ids_.tolist()
        ['Alien', 'Up', 'Heat']
        """
        return self.fitted.item_ids

    def _items(self, items: IdsLike) -> Array:
        return ids.known_places(items, self.fitted.item_ids, "item")

    def _users(self, users: IdsLike) -> Array:
        return ids.known_places(users, self.fitted.user_ids, "user")

    def recommend(
        self,
        users: IdsLike | None = None,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        items: IdsLike | None = None,
    ) -> pd.DataFrame:
        """Recommend items to users that the model was fitted on.

        Parameters
        ----------
        users
            User ids. By default all users.
        n
            Length of each list. A list is shorter if fewer items remain.
        exclude_seen
            Leave out items that the user has rated.
        items
            Ids of the items that may be recommended. By default all items.

        Returns
        -------
        DataFrame
            The columns `user_id`, `rank` from 1, `item_id` and `score`, for one user after the
            other, the best item first.

        Raises
        ------
        UnknownIdError
            If a user or an item is unknown.
        ValueError
            If `n` is not an integer from 1, or before `fit`.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> als = mr.ALS(n_factors=1).fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> als.recommend([2, 3], n=1).round(2)
           user_id  rank item_id  score
        0        2     1    Heat   3.02
        1        3     1   Alien   3.27
        """
        import pandas as pd

        from movierec.model import top_n_lists

        n, model = arguments.integer(n, "n"), self._snapshot()
        every = np.arange(len(model.user_ids_))
        rows = every if users is None else model._users(users)
        seen = model.ratings_.by_user.take(rows)
        if not exclude_seen:
            seen = Csr(np.zeros(len(rows) + 1, np.int64), seen.indices[:0], seen.values[:0])
        eligible = np.ones(len(model.item_ids_), bool) if items is None else model._mask(items)
        n = min(n, len(eligible))
        lists, scores = top_n_lists.top_n(model.scorer(), seen, n, eligible, rows)
        row, place = np.nonzero((lists >= 0) & np.isfinite(scores))
        return pd.DataFrame(
            {
                "user_id": model.user_ids_[rows[row]],
                "rank": place + 1,
                "item_id": model.item_ids_[lists[row, place]],
                "score": scores[row, place],
            }
        )

    def _mask(self, items: IdsLike) -> Array:
        mask = np.zeros(len(self.item_ids_), bool)
        mask[self._items(items)] = True
        return mask

    def _linear_scores(self, items: Array, ratings: Array) -> LinearScores:
        """The scores of all items for a new user, as sums of contributions of their ratings."""
        raise TypeError(f"{type(self).__name__} does not explain its scores")

    def _scores_for(self, items: Array, ratings: Array) -> Array:
        """The scores of all items for a new user."""
        return self._linear_scores(items, ratings).scores

    def recommend_for(self, ratings: UserRatings | IdsLike, n: int = 10) -> pd.DataFrame:
        """Recommend items to a new user, without fitting again.

        The user is folded in: their factors are solved while the items' factors stay fixed.

        Parameters
        ----------
        ratings
            The user's ratings by item id, or only the ids of items that they like, which is to give
            them the highest rating.
        n
            Length of the list. It is shorter if fewer items remain.

        Returns
        -------
        DataFrame
            The columns `rank` from 1, `item_id` and `score`. For `ALS` and `GibbsMF`, the score is
            the unclipped predicted rating, and the column `deviation` its standard deviation.

        Raises
        ------
        UnknownIdError
            If an item is unknown.
        ValueError
            If there are no ratings, one is off the scale, or `n` is not an integer from 1.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> als = mr.ALS(n_factors=1).fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> als.recommend_for({"Alien": 5}).round(2)
           rank item_id  score  deviation
        0     1    Heat   3.31       0.45
        1     2      Up   2.78       0.45
        >>> als.recommend_for(["Alien"], n=1).item_id.tolist()
        ['Heat']
        """
        import pandas as pd

        from movierec.recommending import selection

        n, model = arguments.integer(n, "n"), self._snapshot()
        rated, given = model._new_user(ratings)
        linear = model._linear_scores(rated, given) if model._scores_are_ratings else None
        scores = linear.scores if linear else model._scores_for(rated, given)
        eligible = np.ones(len(scores), bool)
        eligible[rated] = False
        best = selection.best(scores, eligible, n)
        columns: dict[str, Any] = {
            "rank": np.arange(1, len(best) + 1),
            "item_id": model.item_ids_[best],
            "score": scores[best],
        }
        if linear:
            columns["deviation"] = linear.deviations(best)
        return pd.DataFrame(columns)

    def explain(self, ratings: UserRatings | IdsLike, item: Id) -> pd.DataFrame:
        """Return what each rating of a new user contributes to the score of an item.

        Parameters
        ----------
        ratings
            The user's ratings, as in `recommend_for`.
        item
            The id of the item to explain.

        Returns
        -------
        DataFrame
            The columns `item_id`, `rating` and `contribution`, the largest contribution first. In
            the last row, `item_id` is missing: it is the part of the score that does not depend on
            the ratings. The sum of all is the score in `recommend_for`.

        Raises
        ------
        UnknownIdError
            If an item is unknown.
        ValueError
            If there are no ratings, or one is off the scale.
        TypeError
            For `Popularity` and `ItemKNN`, which do not explain their scores.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> als = mr.ALS(n_factors=1).fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> als.explain({"Alien": 5, "Up": 1}, "Heat").round(2)
          item_id  rating  contribution
        0   Alien     5.0          0.25
        1      Up     1.0         -0.25
        2     NaN     NaN          3.01
        """
        import pandas as pd

        model = self._snapshot()
        rated, given = model._new_user(ratings)
        linear, place = model._linear_scores(rated, given), model._items([item])
        parts = linear.contributions(place)[0]
        rest = linear.scores[place[0]] - parts.sum()
        order, ids = np.argsort(-np.abs(parts), kind="stable"), model.item_ids_
        shown: Any = [*ids[rated[order]].tolist(), None]
        return pd.DataFrame(
            {
                "item_id": pd.array(shown, "Int64" if ids.dtype == np.int64 else object),
                "rating": np.append(given[order], np.nan),
                "contribution": np.append(parts[order], rest),
            }
        )

    def _new_user(self, ratings: UserRatings | IdsLike) -> tuple[Array, Array]:
        """The indices of the items, ascending, and their ratings; a list of ids has the highest."""
        by_id: Any = dict(ratings.items()) if hasattr(ratings, "items") else {}
        ids: Any = list(by_id) if hasattr(ratings, "items") else ratings
        if np.size(ids) == 0:
            raise ValueError("ratings: give at least one")
        places, (low, high) = self._items(ids), self.rating_scale_
        given = np.full(len(places), high, np.float32)
        for number, (item, rating) in enumerate(by_id.items()):
            is_number = isinstance(rating, Real)
            if not is_number or not low <= np.float32(rating) <= high:
                raise ValueError(
                    f"ratings: that of {shorten(arguments.plain(item))} should be from {low:g} to"
                    f" {high:g}, not {shorten(arguments.plain(rating))}"
                )
            given[number] = rating
        rated, first, which = np.unique(places, return_index=True, return_inverse=True)
        if (given != given[first][which]).any():
            raise ValueError("ratings: an item has two different ones; keep one")
        return rated.astype(np.int32), given[first].astype(np.float64)

    def _vectors(self) -> Array:
        """The vectors of items whose cosines are similarities."""
        raise TypeError(f"{type(self).__name__} has no factors to compare items by")

    def similar_items(self, item: Id, n: int = 10) -> pd.DataFrame:
        """Find the items that are most similar to one.

        Parameters
        ----------
        item
            The id of the item.
        n
            Length of the list. It is shorter if fewer items can be compared.

        Returns
        -------
        DataFrame
            The columns `item_id` and `similarity`, the most similar item first. The similarity is
            the cosine of the items' factors, from −1 to 1; for `ItemKNN`, that of the sets of users
            who rated them.

        Raises
        ------
        UnknownIdError
            If the item is unknown.
        TypeError
            For `Popularity`, which cannot compare items.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> knn = mr.ItemKNN().fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> knn.similar_items("Alien").round(2)
          item_id  similarity
        0      Up         1.0
        1    Heat         0.5
        """
        import pandas as pd

        from movierec.recommending import selection

        n, model = arguments.integer(n, "n"), self._snapshot()
        eligible = np.ones(len(model.item_ids_), bool)
        nearest, cosines = selection.similar(model._vectors(), model._items([item])[0], n, eligible)
        return pd.DataFrame({"item_id": model.item_ids_[nearest], "similarity": cosines})

    def save(self, path: str | Path) -> Path:
        """Save the fitted model to one safetensors file, without pickle.

        The file contains the arguments that it was fitted with, the whole model, and every rating
        that it was fitted on, with the ids of users and items and the timestamps, so share it only
        with those who may see these. The same
        model always gives the same bytes.

        Parameters
        ----------
        path
            The file to write; it is replaced if it exists.

        Returns
        -------
        Path
            The path of the file.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError
            For a subclass of your own, which `load` would not know.
        MovierecError
            If the file cannot be written.

        Examples
        --------
        >>> import movierec as mr
        >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
        >>> als = mr.ALS(n_factors=1).fit((users, movies, [5, 4, 1, 4, 2, 2]))
        >>> als.save("als.safetensors").name
        'als.safetensors'
        """
        from movierec.api import estimator_file

        return estimator_file.write(paths.expand(path), self._snapshot())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load a model that `save` wrote, with all its fitted attributes.

        All is checked and read into memory, so that you may replace or delete the file.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        Self
            The fitted estimator.

        Raises
        ------
        MovierecError
            If the file is missing or damaged.
        TypeError
            If it contains an estimator of another class.

        Examples
        --------
        >>> import movierec as mr
        >>> path = mr.Popularity().fit(([1, 1, 2], ["Alien", "Up", "Up"], [5, 2, 4])).save("model")
        >>> mr.Popularity.load(path).item_ids_.tolist()
        ['Up', 'Alien']
        """
        from movierec.api import estimator_file

        model = estimator_file.read(paths.expand(path))
        if not isinstance(model, cls):
            raise TypeError(f"{path}: holds {type(model).__name__}, not {cls.__name__}")
        return model
