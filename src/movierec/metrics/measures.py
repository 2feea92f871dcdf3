"""Metrics: errors of predicted ratings, and the quality of top-n lists."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.kernels.scoring import squared_errors_by_row
from movierec.model.biased_mf import Model
from movierec.model.top_n_lists import unit_rows


class ErrorSum(IntEnum):
    """The columns of kernels.scoring.squared_errors_by_row, which are sums over ratings.

    SQUARED belongs to the latest sample, the others to the mean of all samples so far. For a model
    that is not a mean of samples, both are the same.
    """

    SQUARED = 0
    CLIPPED_SQUARED = 1
    CLIPPED_ABSOLUTE = 2
    MEAN_SQUARED = 3


@dataclass(frozen=True)
class Errors:
    """Errors of predictions, in stars; predictions are clipped to the scale unless unclipped."""

    rmse: float
    mae: float
    rmse_unclipped: float

    @classmethod
    def from_sums(cls, sums: Array, n: int) -> "Errors":
        """Compute the errors of n ratings from sums over them (4,), in the order of ErrorSum."""
        return cls(
            rmse=float((sums[ErrorSum.CLIPPED_SQUARED] / n) ** 0.5),
            mae=float(sums[ErrorSum.CLIPPED_ABSOLUTE] / n),
            rmse_unclipped=float((sums[ErrorSum.MEAN_SQUARED] / n) ** 0.5),
        )


def errors_of(model: Model, ratings: Ratings, scale: tuple[float, float]) -> Errors:
    """Errors of a model on ratings; NaN if there are none."""
    return errors_in(predict(model, ratings), ratings.rating, scale)


def errors_by_row(
    model: Model, by_user: Csr, scale: tuple[float, float], timestamp: Array | None = None
) -> Array:
    """Sums of errors over each user's ratings: (n_users, 4), with the columns of ErrorSum.

    timestamp (n_ratings,): the times of the ratings, for a model with days.
    """
    by_user.check_columns(model.n_items)
    if by_user.n_rows != model.n_users:
        raise ValueError(f"by_user has {by_user.n_rows} users, but the model {model.n_users}")
    low, high, mean = map(model.user_factors.dtype.type, (*scale, model.global_mean))
    third = model.days_of(timestamp)
    return squared_errors_by_row(
        by_user.indptr,
        by_user.indices,
        by_user.values,
        mean,
        model.user_factors,
        model.item_factors,
        model.user_biases,
        model.item_biases,
        low,
        high,
        *third.arrays,
        model.day_share,
        np.zeros(0),
        1,
    )


def predict(model: Model, ratings: Ratings) -> Array:
    """The unclipped prediction for each rating, in stars: (n_ratings,) float64."""
    index = ratings.user_index, ratings.item_index
    return model.predict(*index, ratings.timestamp).astype(np.float64)


def errors_in(predicted: Array, rating: Array, scale: tuple[float, float]) -> Errors:
    """Errors of unclipped predictions; NaN if there are none."""
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

    ndcg: binary gain, log2 discount, divided by the value of the ideal list of min(relevant, n)
    items (Järvelin & Kekäläinen, TOIS 2002). recall: listed relevant items / relevant items.
    hit_rating: mean held-out rating of the listed items that have one. coverage: share of items
    that are in at least one list. novelty: mean of −log2 of the share of users who rated a listed
    item. The last three are over all lists (Vargas & Castells, RecSys 2011).
    """

    ndcg: float
    recall: float
    hit_rating: float
    coverage: float
    novelty: float


def ranking(
    lists: Array, held_out: Ratings, relevant_rating: float, counts: Array, n_users: int
) -> Ranking:
    """The quality of top-n lists, measured by held-out ratings of the same users.

    lists (n_listed_users, n) int32: −1 past the end of a shorter list. held_out: user_index is the
    row of `lists`; ratings of at least relevant_rating are relevant. counts (n_items,): number of
    training ratings of each item, by n_users users (for novelty).
    """
    list_ratings = given_ratings(lists, held_out)
    ndcg, recall = per_user_metrics(list_ratings, held_out, relevant_rating)
    listed = lists[lists >= 0]
    share = np.maximum(counts[listed], 1) / max(1, n_users)

    def mean(values: Array) -> float:
        return float(values.mean(dtype=np.float64)) if len(values) else 0.0

    return Ranking(
        ndcg=mean(ndcg[~np.isnan(ndcg)]),
        recall=mean(recall[~np.isnan(recall)]),
        hit_rating=mean(list_ratings[~np.isnan(list_ratings)]),
        coverage=len(np.unique(listed)) / len(counts),
        novelty=mean(-np.log2(share)),
    )


def diversity(lists: Array, item_factors: Array) -> float:
    """The intra-list distance: the mean over lists of the mean of 1 − cosine over pairs of items.

    Vargas & Castells (RecSys 2011), section 4.3. lists: as in `ranking`; lists of fewer than two
    items do not count. An item whose factors are 0 has distance 1 from all others. NaN if no listed
    item has factors.
    """
    listed, places = np.unique(lists, return_inverse=True)
    unit, is_known = unit_rows(np.where(listed[:, None] >= 0, item_factors[listed], 0))
    places = places.reshape(lists.shape)
    n, n_known = (lists >= 0).sum(axis=1), is_known[places].sum(axis=1)
    has_pairs = n > 1
    if not is_known.any() or not has_pairs.any():
        return np.nan
    total = np.zeros((len(lists), unit.shape[1]))
    for place in places.T:  # one place at a time, to limit memory
        total += unit[place]
    cosines = np.square(total).sum(axis=1) - n_known  # summed over the ordered pairs
    n_pairs = n[has_pairs] * (n[has_pairs] - 1)
    return float(np.mean(1 - cosines[has_pairs] / n_pairs))


def per_user_metrics(
    list_ratings: Array, held_out: Ratings, relevant_rating: float
) -> tuple[Array, Array]:
    """NDCG and recall of each list, as in `ranking`; NaN if its user has no relevant item.

    list_ratings: from given_ratings.
    """
    n, hits = list_ratings.shape[1], list_ratings >= relevant_rating
    relevant = held_out.user_index[held_out.rating >= relevant_rating]
    n_relevant = np.bincount(relevant, minlength=len(list_ratings))
    discounts = 1 / np.log2(np.arange(2, n + 2))
    ideal = np.concatenate(([np.nan], np.cumsum(discounts)))[np.minimum(n_relevant, n)]
    gained, n_hits = (hits * discounts).sum(axis=1), hits.sum(axis=1)
    return gained / ideal, n_hits / np.where(n_relevant, n_relevant, np.nan)


def given_ratings(lists: Array, held_out: Ratings) -> Array:
    """The held-out rating of each listed item, NaN if there is none: (n_listed_users, n)."""
    rows = np.arange(len(lists), dtype=np.int64)[:, None]
    n_items = 1 + max(held_out.item_index.max(initial=-1), lists.max(initial=-1))
    keys = held_out.user_index * np.int64(n_items) + held_out.item_index
    order = np.argsort(keys)
    keys, rating = np.append(keys[order], -1), np.append(held_out.rating[order], np.nan)
    wanted = np.where(lists >= 0, rows * n_items + lists, -2)
    places = np.searchsorted(keys[:-1], wanted)
    return np.asarray(np.where(keys[places] == wanted, rating[places], np.nan))
