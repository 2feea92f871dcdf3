"""Evaluate fitted models on held-out ratings, as the pipeline's evaluate stage does."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from movierec.api import ids
from movierec.api.estimator import Estimator
from movierec.api.input_types import RatingsLike
from movierec.api.rating_table import RatingTable
from movierec.core.params import EvaluateParams, validated
from movierec.core.rating_scale import Scale

if TYPE_CHECKING:
    import pandas as pd

WITH_INTERVALS = ("rmse", "mae", "ndcg", "recall")


def evaluate(
    models: Estimator | Mapping[str, Estimator],
    test: RatingsLike,
    *,
    n: int = 10,
    relevant_rating: float | None = 4.0,
    min_ratings: int = 0,
    max_users: int = 2000,
    bootstrap_samples: int = 1000,
    random_state: int = 20,
    columns: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Compare fitted models on held-out ratings: errors and top-n lists, with 95% intervals.

    Parameters
    ----------
    models
        A fitted estimator, or several by name, fitted on the same ratings and the same scale.
    test
        Held-out ratings, such as the part `test` of a `Split`. Errors also count unknown users and
        items, predicted with `unknown="prior_mean"`. Unknown users get no list, and you get a
        warning.
    n
        Length of the lists, 1 to 1000.
    relevant_rating
        Items with a held-out rating of at least this are relevant. It is in stars of a 1–5 scale,
        to which other scales are mapped. With None, all held-out items are.
    min_ratings
        Items with fewer ratings are not listed.
    max_users
        Lists are evaluated on a random sample of at most this many users.
    bootstrap_samples
        Number of resamples of users for the intervals, 100 to 100,000.
    random_state
        Seed of the random numbers.
    columns
        Your names of the columns of `test`, such as `{"user_id": "customer"}`.

    Returns
    -------
    DataFrame
        A row for each model. `rmse` and `mae` are in the unit of the ratings, and NaN for models
        that only rank. `ndcg@n` and `recall@n` are means over users with a relevant item.
        `hit_rating@n` is the mean held-out rating of listed items, `coverage@n` the share of items
        in at least one list, and `novelty@n` the mean of −log2 of the share of users who rated a
        listed item. After each of the first four are the ends of its interval, such as `rmse_low`
        and `rmse_high`. What cannot be measured, such as NDCG if nothing is relevant, is NaN.

    Raises
    ------
    ValueError
        If the models were fitted on different ratings or scales, test ratings are among these, off
        the scale or only of unknown users, or an argument is out of range.
    TypeError
        If `models` is neither an estimator nor a dict of estimators.

    Examples
    --------
    >>> import numpy as np
    >>> import movierec as mr
    >>> users, movies = np.divmod(np.arange(400), 20)  # 20 users rate 20 movies
    >>> parts = mr.split((users, movies, np.where(users % 2 == movies % 2, 5, 2)))  # two tastes
    >>> als = mr.ALS(n_factors=2).fit(parts.train, parts.validation)
    >>> popularity = mr.Popularity().fit(parts.train, parts.validation)
    >>> table = mr.evaluate({"ALS": als, "popularity": popularity}, parts.test, n=5)
    >>> table[["rmse", "rmse_low", "rmse_high", "ndcg@5", "coverage@5"]].round(2)
                rmse  rmse_low  rmse_high  ndcg@5  coverage@5
    ALS         0.56      0.54       0.58    1.00         1.0
    popularity   NaN       NaN        NaN    0.85         1.0
    """
    import pandas as pd

    models = _named(models)
    params = _params(
        top_n=n,
        relevant_rating=1.0 if relevant_rating is None else relevant_rating,
        baseline_damping=0,
        ranking_users=max_users,
        bootstrap_samples=bootstrap_samples,
    )
    known, scale = _same_ratings(models)
    held_out = _held_out(RatingTable.read(test, columns), known, scale)
    least = -np.inf if relevant_rating is None else scale.limit(relevant_rating)
    rows = {
        name: _measure(model, known, held_out, params, least, min_ratings, random_state)
        for name, model in models.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _named(models: Any) -> Mapping[str, Estimator]:
    if isinstance(models, Estimator):
        return {type(models).__name__: models}
    if not isinstance(models, Mapping):
        raise TypeError(
            f"models: give a fitted estimator, or a dict of several such as {{'ALS': als}}, not a"
            f" {type(models).__name__}"
        )
    if not models:
        raise ValueError("models: give at least one")
    for name, model in models.items():
        if not isinstance(model, Estimator):
            raise TypeError(f"models: {name} is a {type(model).__name__}, not an estimator")
    return models


def _params(**values: Any) -> EvaluateParams:
    try:
        return validated(EvaluateParams, **values)
    except ValueError as error:  # which names a key of params.yaml
        key, _, problem = str(error).partition(":")
        name = {"top_n": "n", "ranking_users": "max_users"}.get(key, key)
        raise ValueError(f"{name}:{problem}") from None


def _same_ratings(models: Mapping[str, Estimator]) -> tuple[RatingTable, Scale]:
    """The ratings and the scale that all models were fitted on, whatever their indices."""
    (first_name, first), *others = models.items()
    table, scale = first.fitted, first.rating_scale_
    for name, model in others:
        other = model.fitted.with_ids_of(table)
        n_ids = {(len(each.user_ids), len(each.item_ids)) for each in (table, model.fitted, other)}
        names = ("user_index", "item_index", "rating")
        pairs = ((getattr(table.ratings, key), getattr(other.ratings, key)) for key in names)
        if len(n_ids) > 1 or not all(np.array_equal(*pair) for pair in pairs):
            smaller, larger = sorted((len(table), len(other)))
            is_part = smaller < larger and table._n_shared(other) == smaller
            hint = "; pass the same validation to both" if is_part else ""
            raise ValueError(f"models: {name} was fitted on other ratings than {first_name}{hint}")
        if model.rating_scale_ != scale:
            ends = " and ".join(
                f"{low:g} to {high:g}" for low, high in (scale, model.rating_scale_)
            )
            raise ValueError(
                f"models: {first_name} and {name} have different scales, {ends}; pass the same"
                " rating_scale to both"
            )
    return table, scale


def _held_out(test: RatingTable, known: RatingTable, scale: Scale) -> RatingTable:
    """The test ratings with the indices of the ratings that the models were fitted on."""
    if not len(test):
        raise ValueError("test: there are no ratings")
    held_out, (low, high) = test.with_ids_of(known), scale
    ratings, n_known = held_out.ratings, len(known.user_ids)
    if n_shared := known._n_shared(held_out):
        raise ValueError(
            f"test: {n_shared:,} of its {len(test):,} ratings are also among those that the models"
            " were fitted on (the same user and item); leave them out of one"
        )
    off = ratings.rating[(ratings.rating < low) | (ratings.rating > high)]
    if len(off):
        raise ValueError(
            f"test: {len(off):,} ratings, such as {off[0]:g}, are off the scale of the models,"
            f" {low:g} to {high:g}; fit them with a rating_scale that includes all"
        )
    users = np.unique(ratings.user_index)
    unknown = held_out.user_ids[users[users >= n_known]].tolist()
    if len(unknown) == len(users):
        raise ValueError("test: the models know none of its users")
    if unknown:
        shown = ", ".join(map(str, unknown[:3])) + ", …" * (len(unknown) > 3)
        warnings.warn(
            f"test: {len(unknown):,} of its {len(users):,} users are unknown to the models, so they"
            f" get no list: {shown}",
            stacklevel=3,
        )
    return held_out


def _measure(
    model: Estimator,
    known: RatingTable,
    held_out: RatingTable,
    params: EvaluateParams,
    relevant: float,
    min_ratings: int,
    seed: int,
) -> dict[str, float]:
    """The metrics of a model. known, held_out: with the same indices for all models."""
    from movierec.evaluation import evaluate as stage
    from movierec.metrics import measures, ranking_protocol
    from movierec.metrics.ranking_protocol import RankingEvaluator

    test, own, nan = held_out.ratings, model.fitted, float("nan")
    sums: dict[str, Any] = {}
    values = dict.fromkeys(("rmse", "mae"), nan)
    if hasattr(model, "predict"):
        pairs = held_out.user_ids[test.user_index], held_out.item_ids[test.item_index]
        has_days = getattr(getattr(model, "rated", model), "days", False)
        times = {"timestamps": test.timestamp} if has_days else {}
        errors = test.rating - model.predict(*pairs, unknown="prior_mean", **times)
        values["rmse"] = float(np.sqrt(np.mean(np.square(errors))))
        values["mae"] = float(np.mean(np.abs(errors)))
        sums["test"] = stage.sums_by_user(test.user_index, len(held_out.user_ids), errors)
    tested = np.unique(test.user_index[test.user_index < len(known.user_ids)])
    sample = ranking_protocol.sample_users(tested, params.ranking_users, seed, "evaluate/users")
    users = ids.join(known.user_ids, own.user_ids, "user ids")[1][sample]
    seen, n_users, n_items = own.by_user.take(users), len(own.user_ids), len(own.item_ids)
    in_own = held_out.with_ids_of(own).ratings
    evaluator = RankingEvaluator.from_sample(
        users, seen, in_own.take(in_own.user_index < n_users), own.counts("item"), n_users
    )
    lists = evaluator.lists(model.scorer(), min(params.top_n, n_items), min_ratings)
    per_user, per_list = {}, vars(evaluator.quality(lists, relevant))
    if (evaluator.held_out.rating >= relevant).any():
        per_user["lists"] = evaluator.per_user(lists, relevant)
    else:
        per_list |= {"ndcg": nan, "recall": nan}
    if np.isnan(measures.given_ratings(lists, evaluator.held_out)).all():
        per_list["hit_rating"] = nan
    values |= {f"{key}@{params.top_n}": value for key, value in per_list.items()}
    intervals = stage.bootstrap_intervals(sums, per_user, params, seed)
    ends = intervals["test"] | intervals["ranking"].get("lists", {})
    result = {}
    for metric, value in values.items():
        result[metric] = value
        if metric.partition("@")[0] in WITH_INTERVALS:
            of_metric = ends.get(metric, {"low": nan, "high": nan})
            result |= {f"{metric}_{end}": of_metric[end] for end in ("low", "high")}
    return result
