"""Errors of predicted ratings, and the quality of rankings."""

from dataclasses import dataclass

import numpy as np

from movierec.model import Model
from movierec.sparse import Array, Ratings


@dataclass(frozen=True)
class Errors:
    """Errors of predictions, in stars; clipped to the rating scale unless it says unclipped."""

    rmse: float
    mae: float
    rmse_unclipped: float


def errors_of(model: Model, ratings: Ratings, scale: tuple[float, float]) -> Errors:
    """Errors of a model on some ratings; NaN where there are none."""
    return errors_in(predict(model, ratings), ratings.rating, scale)


def predict(model: Model, ratings: Ratings) -> Array:
    """The unclipped predicted rating of each rating, in stars: (n_ratings,) float64."""
    return model.predict(ratings.user_index, ratings.item_index).astype(np.float64)


def errors_in(predicted: Array, rating: Array, scale: tuple[float, float]) -> Errors:
    """Errors of unclipped predicted ratings; NaN where there are none."""
    if not len(rating):
        return Errors(np.nan, np.nan, np.nan)
    clipped = rating - np.clip(predicted, *scale)
    return Errors(
        rmse=float(np.sqrt(np.mean(clipped**2))),
        mae=float(np.mean(np.abs(clipped))),
        rmse_unclipped=float(np.sqrt(np.mean((rating - predicted) ** 2))),
    )


@dataclass(frozen=True)
class Ranking:
    """The quality of top-n lists.

    ndcg and recall are means over the users who have a relevant held-out item.

    ndcg: binary gain, log2 discount, over the ideal list of min(relevant, n)
    (Järvelin & Kekäläinen, TOIS 2002). recall: found over relevant.
    coverage: the share of items that are in anyone's list. novelty: mean −log2 of the share of
    users who rated a recommended item; both over all lists (Vargas & Castells, RecSys 2011).
    """

    ndcg: float
    recall: float
    coverage: float
    novelty: float


def ranking(lists: Array, relevant: Ratings, counts: Array, n_users: int) -> Ranking:
    """Judge top-n lists against the relevant held-out ratings of the same users.

    lists (n_listed_users, n) int32, −1 where a list is shorter; row r is the list of user r.
    relevant: relevant ratings, their user_index the row of `lists`.
    counts (n_items,): ratings of each item in train; n_users: of how many users (for novelty).
    """
    ndcg, recall = gains(lists, relevant, len(counts))
    listed = lists[lists >= 0]
    share = np.maximum(counts[listed], 1) / max(1, n_users)

    def mean(values: Array) -> float:
        return float(values.mean()) if len(values) else 0.0

    return Ranking(
        ndcg=mean(ndcg[~np.isnan(ndcg)]),
        recall=mean(recall[~np.isnan(recall)]),
        coverage=len(np.unique(listed)) / len(counts),
        novelty=mean(-np.log2(share)),
    )


def gains(lists: Array, relevant: Ratings, n_items: int) -> tuple[Array, Array]:
    """NDCG and recall of each list, as in `ranking`; NaN where its user has no relevant item."""
    n = lists.shape[1]
    rows = np.arange(len(lists), dtype=np.int64)[:, None]
    wanted = relevant.user_index.astype(np.int64) * n_items + relevant.item_index
    hits = np.isin(rows * n_items + lists, wanted) & (lists >= 0)
    n_relevant = np.bincount(relevant.user_index, minlength=len(lists))
    discounts = 1 / np.log2(np.arange(2, n + 2))
    ideal = np.concatenate(([np.nan], np.cumsum(discounts)))[np.minimum(n_relevant, n)]
    gained, found = (hits * discounts).sum(axis=1), hits.sum(axis=1)
    return gained / ideal, found / np.where(n_relevant, n_relevant, np.nan)
