"""Evaluate and compare rankings on a sample of users."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from movierec.core import random_streams
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.metrics import measures
from movierec.model import top_n_lists
from movierec.model.top_n_lists import Ranked


@dataclass(frozen=True)
class PerUserMetrics:
    """NDCG and recall of one ranking's list for each user; NaN if no item is relevant."""

    ndcg: Array
    recall: Array

    def of_all_users(self, users: Array, n_users: int) -> dict[str, Array]:
        """The metrics by name for all n_users users; NaN for those not in `users`."""
        columns = {name: np.full(n_users, np.nan) for name in vars(self)}
        for name, column in columns.items():
            column[users] = getattr(self, name)
        return columns


@dataclass(frozen=True)
class RankingEvaluator:
    """A random sample of users, with their seen items and held-out ratings.

    All items that a user has not seen compete. users: indices in the model. seen, held_out: their
    ratings, by position in `users`. counts (n_items,): number of ratings of each item among those
    seen by all n_users users.
    """

    users: Array
    seen: Csr
    held_out: Ratings
    counts: Array
    n_users: int

    @classmethod
    def from_ratings(
        cls, seen: Csr, held_out: Ratings, n_items: int, max_users: int, seed: int, stream: str
    ) -> "RankingEvaluator":
        """Sample at most max_users users by a random stream. seen, held_out: of all users."""
        users = sample_users(np.unique(held_out.user_index), max_users, seed, stream)
        counts = np.bincount(seen.indices, minlength=n_items)
        return cls.from_sample(users, seen.take(users), held_out, counts, seen.n_rows)

    @classmethod
    def from_sample(
        cls, users: Array, seen: Csr, held_out: Ratings, counts: Array, n_users: int
    ) -> "RankingEvaluator":
        """Use users from sample_users. seen: their ratings only; held_out: of all users."""
        row = np.full(n_users, -1, np.int32)
        row[users] = np.arange(len(users), dtype=np.int32)
        sampled = held_out.take(row[held_out.user_index] >= 0)
        sampled = replace(sampled, user_index=row[sampled.user_index])
        return cls(users, seen, sampled, counts, n_users)

    def lists(self, by: Ranked, n: int, min_ratings: int = 0) -> Array:
        """Top-n lists of the users, without items that have fewer than min_ratings ratings."""
        return top_n_lists.top_n(by, self.seen, n, self.counts >= min_ratings, self.users)[0]

    def quality(self, lists: Array, relevant_rating: float) -> measures.Ranking:
        return measures.ranking(lists, self.held_out, relevant_rating, self.counts, self.n_users)

    def per_user(self, lists: Array, relevant_rating: float) -> PerUserMetrics:
        list_ratings = measures.given_ratings(lists, self.held_out)
        return PerUserMetrics(
            *measures.per_user_metrics(list_ratings, self.held_out, relevant_rating)
        )


def sample_users(users: Array, max_users: int, seed: int, stream: str) -> Array:
    """Sample at most max_users of these users by a random stream; ascending indices.

    users: those who have ratings held out; others would have nothing to evaluate.
    """
    rng = random_streams.stream(seed, stream)
    return np.sort(rng.choice(users, min(max_users, len(users)), replace=False))


def compare_rankings(
    evaluator: RankingEvaluator,
    lists: Mapping[str, Array],
    item_factors: Array,
    n: int,
    relevant_rating: float,
) -> tuple[dict[str, Any], dict[str, PerUserMetrics]]:
    """The quality of each ranking's lists for the evaluator's users, and its per-user metrics.

    lists: top-n lists by ranking. item_factors: the factors by which diversity is measured.
    """
    result, per_user = {}, {}
    for name, user_lists in lists.items():
        per_user[name] = evaluator.per_user(user_lists, relevant_rating)
        quality = vars(evaluator.quality(user_lists, relevant_rating))
        quality = quality | {"diversity": measures.diversity(user_lists, item_factors)}
        result[name] = {f"{key}@{n}": value for key, value in quality.items()}
    is_relevant = evaluator.held_out.rating >= relevant_rating
    n_evaluated = len(np.unique(evaluator.held_out.user_index[is_relevant]))
    report = {
        "ranking": result,
        "n_ranked_users": n_evaluated,
        "n_left_out_users": len(evaluator.users) - n_evaluated,
    }
    return report, per_user
