"""What there is to train on, and all that training asks of it and of a model's rows, in memory.

blocked.Blocked is asked the same, and holds neither ratings nor rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np

from movierec.core import random_streams
from movierec.core.errors import MovierecError
from movierec.core.params import TrainParams
from movierec.data import tree_sums
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.metrics.ranking_protocol import RankingEvaluator
from movierec.model.biased_mf import Model, mean_of
from movierec.model.features import Features
from movierec.model.solver import Prior
from movierec.training import row_ops
from movierec.training.row_ops import NONE, OTHER_SIDE, Change, Measure, Noise, RowBlock

SIDES = ("user", "item")


@dataclass(frozen=True)
class InMemoryData:
    """Ratings, grouped both ways, and the features of either side."""

    by_user: Csr
    by_item: Csr
    user_features: Features | None = None
    item_features: Features | None = None

    @classmethod
    def of(
        cls, by_user: Csr, by_item: Csr, params: TrainParams, genres: Csr | None
    ) -> "InMemoryData":
        """The features that params.model asks for; genres: of each item, the indices of its own."""
        if params.model == "svdpp":
            return cls(by_user, by_item, Features(by_user, by_item), Features(by_item, by_user))
        if params.model == "genre_mf":
            return cls(by_user, by_item, None, of_genres(genres))
        return cls(by_user, by_item)

    def seen(self) -> "InMemoryData":
        """The ratings as what the scores of the implicit model are to be: 1."""
        by_user, by_item = (replace(csr, values=_ones(csr)) for csr in (self.by_user, self.by_item))
        return InMemoryData(by_user, by_item)

    @property
    def n_users(self) -> int:
        return self.by_user.n_rows

    @property
    def n_items(self) -> int:
        return self.by_item.n_rows

    @property
    def n_ratings(self) -> int:
        return len(self.by_user.values)

    @property
    def mean_rating(self) -> float:
        of_all = tree_sums.add_up([row_ops.rating_sums(0, self.by_user)])
        return float(of_all / self.n_ratings)

    def ratings(self, side: str) -> Csr:
        return self.by_user if side == "user" else self.by_item

    def counts(self, side: str) -> Array:
        return self.ratings(side).counts

    def features(self, side: str) -> Features | None:
        return self.user_features if side == "user" else self.item_features

    def part(self, model: Model, side: str) -> RowBlock:
        features = self.features(side)
        if features is None:
            return RowBlock(0, self.counts(side))
        return RowBlock(0, self.counts(side), (features.by_row, model.weights(side)))

    def start(self, params: Any, n_factors: int, seed: int, stream: str, mean: float) -> Model:
        """Small random item factors of a stream, of standard deviation init_scale / √n_factors,
        so that a row's expected length is init_scale whatever n_factors; all else zero."""
        dtype = np.dtype(params.dtype)
        draws = random_streams.stream(seed, stream).standard_normal((self.n_items, n_factors))
        weights: dict[str, Any] = {
            f"{side}_weights": np.zeros((features.n_features, n_factors + 1), dtype)
            for side in SIDES
            if (features := self.features(side))
        }
        return Model(
            global_mean=float(dtype.type(mean)),
            user_factors=np.zeros((self.n_users, n_factors), dtype),
            item_factors=(draws * (params.init_scale / max(1, n_factors) ** 0.5)).astype(dtype),
            user_biases=np.zeros(self.n_users, dtype),
            item_biases=np.zeros(self.n_items, dtype),
            **weights,
        )

    def solve(
        self,
        model: Model,
        side: str,
        prior: Prior,
        shift: Array | None = None,
        noise: Noise | None = None,
    ) -> Model:
        """The model after the half epoch of one side; shift: added to the mean of each row's
        prior; noise: each row is drawn instead of taken as the mean."""
        part, fixed = self.part(model, side), model.rows(OTHER_SIDE[side])
        ratings, mean = self.ratings(side), model.global_mean
        factors, biases = row_ops.solve(part, ratings, fixed, mean, prior, side, shift, noise)
        return model.changed(side, factors=factors, biases=biases)

    def total(self, model: Model, side: str, measure: Measure) -> Array:
        """The sum of a measure over one side's rows."""
        rows = np.column_stack(model.rows(side))
        return tree_sums.add_up([measure(self.part(model, side), rows)])

    def collected(self, model: Model, side: str, made: Change) -> Array:
        """Xᵀ · rows, as `made` changes them: (n_features, n_factors + 1)."""
        features, dtype = cast(Features, self.features(side)), model.weights(side).dtype
        if features.are_few:
            return self.total(model, side, partial(row_ops.collected, made)).astype(dtype)
        rows = np.column_stack(model.rows(side))
        return features.collect(made(self.part(model, side), rows))

    def totals(self, of: Ratings | None = None) -> Array:
        """Sums of samples' predictions of the training ratings, or of others: 0 as yet."""
        return np.zeros(self.n_ratings if of is None else len(of))

    def errors(
        self,
        model: Model,
        scale: tuple[float, float],
        of: Ratings | None = None,
        totals: Array = NONE,
        n_samples: int = 1,
    ) -> Array:
        """parts.errors of the training ratings, or of others, in order of user."""
        ratings = self.by_user if of is None else of.by_user(self.n_users)
        rows, fixed, mean = model.rows("user"), model.rows("item"), model.global_mean
        nodes = row_ops.errors(0, ratings, rows, fixed, mean, scale, totals, n_samples)
        return tree_sums.add_up([nodes])

    def losses(
        self, model: Model, scale: tuple[float, float], measure: Measure
    ) -> tuple[Array, list[float]]:
        """`errors` of the training ratings, and a measure's `total` of each side."""
        of_sides = [float(self.total(model, side, measure)) for side in SIDES]
        return self.errors(model, scale), of_sides

    def judge(self, held_out: Ratings, most: int, seed: int, stream: str) -> RankingEvaluator:
        return RankingEvaluator.of(self.by_user, held_out, self.n_items, most, seed, stream)

    def lists(self, model: Model, judge: RankingEvaluator, n: int) -> Array:
        """Top-n lists of the judge's users."""
        return judge.lists(model, n)

    def mean_of(self, samples: Sequence[Model]) -> Model:
        return mean_of(samples)

    def whole(self, model: Model) -> Model:
        """The model with its rows."""
        return model

    def forget(self, *models: Model) -> None:
        """Whatever is kept of models but these."""


def of_genres(genres: Csr | None) -> Features:
    """The features of items that are their genres."""
    if genres is None:
        raise MovierecError("train.model: genre_mf needs the movies' genres")
    n_genres = 1 + int(genres.indices.max(initial=-1))
    return Features(genres, genres.transpose(n_genres))


def _ones(ratings: Csr) -> Array:
    return np.ones(len(ratings.indices), np.float32)
