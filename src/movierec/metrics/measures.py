"""Errors of predicted ratings, and the quality of rankings."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.kernels.scoring import squared_errors_by_row
from movierec.model.biased_mf import Model
from movierec.model.top_n_lists import unit_rows


class ErrorSum(IntEnum):
    """The columns of kernels.scoring.squared_errors_by_row, sums over ratings.

    SQUARED is of the last sample alone; the others are of the mean of the samples so far, which is
    the same for a model that is no mean of samples.
    """

    SQUARED = 0
    CLIPPED_SQUARED = 1
    CLIPPED_ABSOLUTE = 2
    MEAN_SQUARED = 3


@dataclass(frozen=True)
class Errors:
    """Errors of predictions, in stars; clipped to the rating scale unless it says unclipped."""

    rmse: float
    mae: float
    rmse_unclipped: float

    @classmethod
    def from_sums(cls, sums: Array, n: int) -> "Errors":
        """Of n ratings, out of the sums over them (4,), whose places are those of ErrorSum."""
        return cls(
            rmse=float((sums[ErrorSum.CLIPPED_SQUARED] / n) ** 0.5),
            mae=float(sums[ErrorSum.CLIPPED_ABSOLUTE] / n),
            rmse_unclipped=float((sums[ErrorSum.MEAN_SQUARED] / n) ** 0.5),
        )


def errors_of(model: Model, ratings: Ratings, scale: tuple[float, float]) -> Errors:
    """Errors of a model on ratings; NaN where there are none."""
    return errors_in(predict(model, ratings), ratings.rating, scale)


def errors_by_row(model: Model, by_user: Csr, scale: tuple[float, float]) -> Array:
    """Sums over each user's ratings (n_users, 4), whose columns are those of ErrorSum."""
    low, high, mean = map(model.user_factors.dtype.type, (*scale, model.global_mean))
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
        np.zeros(0),
        1,
    )


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
    (Järvelin & Kekäläinen, TOIS 2002). recall: relevant items listed over relevant items.
    hit_rating: mean of the ratings given to listed items, of those that were held out at all.
    coverage: the share of items that are in anyone's list. novelty: mean −log2 of the share of
    users who rated a recommended item; all three over all lists (Vargas & Castells, RecSys 2011).
    """

    ndcg: float
    recall: float
    hit_rating: float
    coverage: float
    novelty: float


def ranking(
    lists: Array, held_out: Ratings, relevant_rating: float, counts: Array, n_users: int
) -> Ranking:
    """The quality of top-n lists, by the held-out ratings of the same users.

    lists (n_listed_users, n) int32, −1 where a list is shorter; row r is the list of user r.
    held_out: its user_index is the row of `lists`; relevant are those of at least
    relevant_rating. counts (n_items,): ratings of each item in train, by n_users users (for
    novelty).
    """
    given = given_ratings(lists, held_out)
    ndcg, recall = per_user_metrics(given, held_out, relevant_rating)
    listed = lists[lists >= 0]
    share = np.maximum(counts[listed], 1) / max(1, n_users)

    def mean(values: Array) -> float:
        return float(values.mean(dtype=np.float64)) if len(values) else 0.0

    return Ranking(
        ndcg=mean(ndcg[~np.isnan(ndcg)]),
        recall=mean(recall[~np.isnan(recall)]),
        hit_rating=mean(given[~np.isnan(given)]),
        coverage=len(np.unique(listed)) / len(counts),
        novelty=mean(-np.log2(share)),
    )


def diversity(lists: Array, item_factors: Array) -> float:
    """How far apart the items of a list lie: mean over lists of the mean of 1 − cosine over pairs.

    Intra-list distance: Vargas & Castells (RecSys 2011), section 4.3. lists: as in `ranking`; those
    of fewer than two items do not count. An item without factors is at distance 1 of all others.
    NaN where no listed item has factors.
    """
    listed, places = np.unique(lists, return_inverse=True)
    unit, is_known = unit_rows(np.where(listed[:, None] >= 0, item_factors[listed], 0))
    places = places.reshape(lists.shape)
    n, n_known = (lists >= 0).sum(axis=1), is_known[places].sum(axis=1)
    has_pairs = n > 1
    if not is_known.any() or not has_pairs.any():
        return np.nan
    total = np.zeros((len(lists), unit.shape[1]))
    for place in places.T:  # one at a time, for the memory
        total += unit[place]
    cosines = np.square(total).sum(axis=1) - n_known  # summed over the ordered pairs
    n_pairs = n[has_pairs] * (n[has_pairs] - 1)
    return float(np.mean(1 - cosines[has_pairs] / n_pairs))


def per_user_metrics(
    given: Array, held_out: Ratings, relevant_rating: float
) -> tuple[Array, Array]:
    """NDCG and recall of each list, as in `ranking`; NaN where its user has no relevant item.

    given: as given_ratings returns them.
    """
    n, hits = given.shape[1], given >= relevant_rating
    relevant = held_out.user_index[held_out.rating >= relevant_rating]
    n_relevant = np.bincount(relevant, minlength=len(given))
    discounts = 1 / np.log2(np.arange(2, n + 2))
    ideal = np.concatenate(([np.nan], np.cumsum(discounts)))[np.minimum(n_relevant, n)]
    gained, n_hits = (hits * discounts).sum(axis=1), hits.sum(axis=1)
    return gained / ideal, n_hits / np.where(n_relevant, n_relevant, np.nan)


def given_ratings(lists: Array, held_out: Ratings) -> Array:
    """The held-out rating of each place of the lists, NaN if there is none: (n_listed_users, n)."""
    rows = np.arange(len(lists), dtype=np.int64)[:, None]
    n_items = 1 + max(held_out.item_index.max(initial=-1), lists.max(initial=-1))
    keys = held_out.user_index * np.int64(n_items) + held_out.item_index
    order = np.argsort(keys)
    keys, rating = np.append(keys[order], -1), np.append(held_out.rating[order], np.nan)
    wanted = np.where(lists >= 0, rows * n_items + lists, -2)
    places = np.searchsorted(keys[:-1], wanted)
    return np.asarray(np.where(keys[places] == wanted, rating[places], np.nan))
