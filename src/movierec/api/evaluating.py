"""Evaluate fitted models on held-out ratings, as the pipeline's evaluate stage does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from movierec.api.estimator import Estimator
from movierec.api.input_types import RatingsLike
from movierec.api.rating_table import RatingTable
from movierec.core.params import EvaluateParams, validated

if TYPE_CHECKING:
    import pandas as pd


def evaluate(
    models: Estimator | Mapping[str, Estimator],
    test: RatingsLike,
    *,
    n: int = 10,
    relevant_rating: float = 4.0,
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
        A fitted estimator, or several by name, fitted on the same ratings.
    test
        Held-out ratings, such as the part `test` of a `Split`. Errors also count unknown users and
        items, predicted with `unknown="prior_mean"`. Unknown users get no list.
    n
        Length of the lists, 1 to 1000.
    relevant_rating
        Items with a held-out rating of at least this are relevant. It is in stars of a 1–5 scale,
        to which other scales are mapped.
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
        listed item. `rmse_low` and `rmse_high`, and so on, are the ends of the intervals of the
        first four.

    Raises
    ------
    ValueError
        If you give no model, the models were fitted on different ratings, or an argument is out of
        range.

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

    if isinstance(models, Estimator):
        models = {type(models).__name__: models}
    params = validated(
        EvaluateParams,
        top_n=n,
        relevant_rating=relevant_rating,
        baseline_damping=0,
        ranking_users=max_users,
        bootstrap_samples=bootstrap_samples,
    )
    known = _same_ratings(models)
    held_out = RatingTable.read(test, columns).with_ids_of(known)
    rows = {
        name: _measure(model, known, held_out, params, min_ratings, random_state)
        for name, model in models.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _same_ratings(models: Mapping[str, Estimator]) -> RatingTable:
    """The ratings that all models were fitted on."""
    tables = [model.fitted for model in models.values()]
    if not tables:
        raise ValueError("models: give at least one")
    first = tables[0]
    for name, other in zip(models, tables, strict=True):
        same = all(
            np.array_equal(*pair)
            for pair in (
                (first.user_ids, other.user_ids),
                (first.item_ids, other.item_ids),
                (first.ratings.user_index, other.ratings.user_index),
                (first.ratings.item_index, other.ratings.item_index),
            )
        )
        if not same:
            raise ValueError(
                f"models: {name} was fitted on other ratings than {next(iter(models))}"
            )
    return first


def _measure(
    model: Estimator,
    known: RatingTable,
    held_out: RatingTable,
    params: EvaluateParams,
    min_ratings: int,
    seed: int,
) -> dict[str, float]:
    from movierec.evaluation import evaluate as stage
    from movierec.metrics import ranking_protocol
    from movierec.metrics.ranking_protocol import RankingEvaluator

    n_users, n_items, test = len(held_out.user_ids), len(known.item_ids), held_out.ratings
    sums: dict[str, Any] = {}
    result = dict.fromkeys(("rmse", "mae"), float("nan"))
    if hasattr(model, "predict"):
        ids = held_out.user_ids[test.user_index], held_out.item_ids[test.item_index]
        errors = test.rating - model.predict(*ids, unknown="prior_mean")
        result = {
            "rmse": float(np.sqrt(np.mean(np.square(errors)))),
            "mae": float(np.mean(np.abs(errors))),
        }
        sums["test"] = stage.sums_by_user(test.user_index, n_users, errors)
    by_user, counts = known.by_user, known.counts("item")
    users = ranking_protocol.sample_users(
        len(known.user_ids), params.ranking_users, seed, "evaluate/users"
    )
    of_known = held_out.ratings.take(test.user_index < len(known.user_ids))
    evaluator = RankingEvaluator.from_sample(
        users, by_user.take(users), of_known, counts, len(known.user_ids)
    )
    lists = evaluator.lists(model.scorer(), min(params.top_n, n_items), min_ratings)
    relevant = model.rating_scale_.limit(params.relevant_rating)
    per_user = evaluator.per_user(lists, relevant)
    quality = evaluator.quality(lists, relevant)
    result |= {f"{key}@{params.top_n}": value for key, value in vars(quality).items()}
    intervals = stage.bootstrap_intervals(sums, {"lists": per_user}, params, seed)
    for metric, ends in (intervals["test"] | intervals["ranking"]["lists"]).items():
        result |= {f"{metric}_{end}": value for end, value in ends.items()}
    return result
