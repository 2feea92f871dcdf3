"""Lists of several rankings, judged side by side by what was held out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from movierec.core import random_streams
from movierec.core.params import EvaluateParams
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.metrics import measures
from movierec.model import top_n_lists
from movierec.model.biased_mf import Model
from movierec.model.top_n_lists import Scorer


@dataclass(frozen=True)
class PerUserMetrics:
    """How one ranking's lists do for each user judged; NaN for who has nothing relevant."""

    ndcg: Array
    recall: Array


@dataclass(frozen=True)
class RankingEvaluator:
    """A seeded sample of users, what they have seen, and what of theirs was held out.

    users: of the model; seen, held_out: theirs, by their place in `users`. counts (n_items,):
    ratings of each item in what all n_users have seen.
    """

    users: Array
    seen: Csr
    held_out: Ratings
    counts: Array
    n_users: int

    @classmethod
    def of(
        cls, seen: Csr, held_out: Ratings, n_items: int, most: int, seed: int, stream: str
    ) -> "RankingEvaluator":
        """At most so many users, drawn from the stream; all items not in `seen` compete."""
        users = sample_users(seen.n_rows, most, seed, stream)
        counts = np.bincount(seen.indices, minlength=n_items)
        return cls.of_sample(users, seen.take(users), held_out, counts, seen.n_rows)

    @classmethod
    def of_sample(
        cls, users: Array, seen: Csr, held_out: Ratings, counts: Array, n_users: int
    ) -> "RankingEvaluator":
        """Of users that `sample` drew. seen: what these have; held_out: of all users."""
        row = np.full(n_users, -1, np.int32)
        row[users] = np.arange(len(users), dtype=np.int32)
        theirs = held_out.take(row[held_out.user_index] >= 0)
        theirs = replace(theirs, user_index=row[theirs.user_index])
        return cls(users, seen, theirs, counts, n_users)

    def lists(self, by: Model | Scorer, n: int, min_ratings: int = 0) -> Array:
        """Top-n lists; items with fewer seen ratings than min_ratings are left out of them."""
        return top_n_lists.top_n(by, self.seen, n, self.counts >= min_ratings, self.users)[0]

    def quality(self, lists: Array, relevant_rating: float) -> measures.Ranking:
        return measures.ranking(lists, self.held_out, relevant_rating, self.counts, self.n_users)

    def gains(self, lists: Array, relevant_rating: float) -> PerUserMetrics:
        given = measures.given_ratings(lists, self.held_out)
        return PerUserMetrics(*measures.per_user_metrics(given, self.held_out, relevant_rating))


def sample_users(n_users: int, most: int, seed: int, stream: str) -> Array:
    """At most so many users, drawn from the stream, rising."""
    return np.sort(
        random_streams.stream(seed, stream).choice(n_users, min(most, n_users), replace=False)
    )


def compare_rankings(
    judge: RankingEvaluator, lists: Mapping[str, Array], item_factors: Array, params: EvaluateParams
) -> tuple[dict[str, Any], dict[str, PerUserMetrics]]:
    """The quality of each ranking's lists of the judge's users, and its gains.

    item_factors: of each item, those by which lists are diverse or not.
    """
    n, relevant_rating = params.top_n, params.relevant_rating
    result, gains = {}, {}
    for name, theirs in lists.items():
        gains[name] = judge.gains(theirs, relevant_rating)
        quality = vars(judge.quality(theirs, relevant_rating))
        quality = quality | {"diversity": measures.diversity(theirs, item_factors)}
        result[name] = {f"{key}@{n}": value for key, value in quality.items()}
    wanted = judge.held_out.rating >= relevant_rating
    n_judged = len(np.unique(judge.held_out.user_index[wanted]))
    report = {
        "ranking": result,
        "n_ranked_users": n_judged,
        "n_left_out_users": len(judge.users) - n_judged,
    }
    return report, gains
