"""Training data in memory: ratings grouped by user and by item."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self, cast

import numpy as np

from movierec.core import random_streams
from movierec.core.errors import MovierecError
from movierec.core.params import TrainParams
from movierec.data import tree_sums
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.metrics.ranking_protocol import RankingEvaluator
from movierec.model.biased_mf import Model, mean_of
from movierec.model.features import Features
from movierec.model.implicit_targets import Targets
from movierec.model.solver import Prior
from movierec.model.third_side import ThirdSide
from movierec.training import row_ops
from movierec.training.rating_days import RatingDays
from movierec.training.row_ops import (
    NO_SUMS,
    OTHER_SIDE,
    THIRD_SIDE,
    Change,
    Draw,
    Measure,
    RowBlock,
)
from movierec.training.training_data import SIDES, SampleMean, Start, Subset, TrainingData


@dataclass(frozen=True)
class InMemoryData(TrainingData[Model]):
    """Ratings grouped by user and by item, the features of both sides, and validation ratings.

    given: the data of held-out users. days: of the ratings, for a model with days.
    """

    model_type = Model

    by_user: Csr
    by_item: Csr
    user_features: Features | None = None
    item_features: Features | None = None
    validation: Ratings | None = None
    given: "InMemoryData | None" = None
    days: RatingDays | None = None
    _latest: dict[str, tuple[Array, RowBlock]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def from_params(
        cls,
        by_user: Csr,
        by_item: Csr,
        params: TrainParams,
        genres: Csr | None = None,
        validation: Ratings | None = None,
        timestamp: Array | None = None,
        days: Array | None = None,
    ) -> "InMemoryData":
        """Add the features that params.model needs, and the days that params.days asks for.

        genres: the genres of each item, by index. timestamp: of each rating in by_user. days: those
        of the model; None: all that occur.
        """
        user_features = item_features = None
        if params.model == "svdpp":
            user_features, item_features = Features(by_user, by_item), Features(by_item, by_user)
        if params.model == "genre_mf":
            item_features = genre_features(genres)
        of_days = None
        if params.days:
            of_days = RatingDays.from_times(by_user, by_item.n_rows, timestamp, days)
        return cls(by_user, by_item, user_features, item_features, validation, days=of_days)

    def with_targets(self, targets: Targets) -> Self:
        by_user, by_item = (
            replace(csr, values=targets.of(csr.values)) for csr in (self.by_user, self.by_item)
        )
        given = self.given and self.given.with_targets(targets)
        return type(self)(by_user, by_item, validation=self.validation, given=given)

    @property
    def n_validation(self) -> int:
        return 0 if self.validation is None else len(self.validation)

    @property
    def held_out(self) -> "InMemoryData | None":
        return self.given

    @property
    def mean_rating(self) -> float:
        total = tree_sums.add_up([row_ops.rating_sums(0, self.by_user)])
        return float(total / self.n_ratings)

    @property
    def sides(self) -> tuple[str, ...]:
        return (*SIDES, "day") if self.days else SIDES

    def ratings(self, side: str) -> Csr:
        if side == "day":
            return cast(RatingDays, self.days).by_day
        return self.by_user if side == "user" else self.by_item

    def counts(self, side: str) -> Array:
        return self.ratings(side).counts

    def features(self, side: str) -> Features | None:
        return {"user": self.user_features, "item": self.item_features}.get(side)

    def _third(self, model: Model, side: str) -> ThirdSide | None:
        """The third side of each rating of `ratings(side)`, None without days."""
        if self.days is None:
            return None
        index = {"user": "by_user", "item": "by_item", "day": "items"}[side]
        return ThirdSide(getattr(self.days, index), *model.rows(THIRD_SIDE[side]))

    def _row_block(self, model: Model, side: str) -> RowBlock:
        features = self.features(side)
        if features is None:
            return RowBlock(0, self.counts(side))
        weights, (latest, block) = model.weights(side), self._latest.get(side, (None, None))
        if block is None or latest is not weights:
            block = RowBlock(0, self.counts(side), features.means(weights))
            self._latest[side] = weights, block
        return block

    def initial_model(self, start: Start) -> Model:
        item_factors = start.item_factors
        if item_factors is None:
            rng = random_streams.stream(start.seed, start.stream)
            draws = rng.standard_normal((self.n_items, start.n_factors))
            item_factors = (draws * start.deviation).astype(start.dtype)
        more: dict[str, Any] = {
            f"{side}_weights": start.weights(features.n_features)
            for side in SIDES
            if (features := self.features(side))
        }
        if self.days:
            n_days = len(self.days.days)
            more["days"] = self.days.days
            more["day_factors"] = np.zeros((n_days, start.n_factors), start.dtype)
            more["day_biases"] = np.zeros(n_days, start.dtype)
        return Model(
            global_mean=start.global_mean,
            user_factors=np.zeros((self.n_users, start.n_factors), start.dtype),
            item_factors=item_factors,
            user_biases=np.zeros(self.n_users, start.dtype),
            item_biases=np.zeros(self.n_items, start.dtype),
            **more,
        )

    def restart(self, model: Model) -> Model:
        model = replace(model, global_mean=float(model.dtype.type(self.mean_rating)))
        if self.days is None:
            return model
        days = self.days.days  # also those of the ratings that are new
        factors, biases = np.zeros((len(days), model.n_factors), model.dtype), 0 * days
        biases, places = biases.astype(model.dtype), np.searchsorted(days, model.days)
        factors[places], biases[places] = model.rows("day")
        return replace(model, days=days, day_factors=factors, day_biases=biases)

    def solve(self, model: Model, side: str, prior: Prior, draw: Draw | None = None) -> Model:
        block, fixed = self._row_block(model, side), model.rows(OTHER_SIDE[side])
        ratings, mean = self.ratings(side), model.global_mean
        third = self._third(model, side)
        factors, biases = row_ops.solve(block, ratings, fixed, mean, prior, side, draw, third)
        return model.changed(side, factors=factors, biases=biases)

    def sum_rows(self, model: Model, side: str, measure: Measure) -> Array:
        rows = np.column_stack(model.rows(side))
        return tree_sums.add_up([measure(self._row_block(model, side), rows)])

    def sum_features(self, model: Model, side: str, change: Change) -> Array:
        features, dtype = cast(Features, self.features(side)), model.weights(side).dtype
        if features.are_few:
            how = change, features.by_row, features.n_features
            return self.sum_rows(model, side, partial(row_ops.feature_sums, *how)).astype(dtype)
        rows = np.column_stack(model.rows(side))
        return features.collect(change(self._row_block(model, side), rows))

    def error_sums(
        self,
        model: Model,
        scale: tuple[float, float],
        subset: Subset = "train",
        mean: SampleMean | None = None,
    ) -> Array:
        ratings, third = self.by_user, self._third(model, "user")
        if subset == "validation":
            validation = cast(Ratings, self.validation)
            ratings = validation.by_user(self.n_users)
            third = third and model.days_of(validation.timestamp)
        sums, n_samples = NO_SUMS, 1
        if mean:
            sums = mean.sums.setdefault(subset, np.zeros(len(ratings.values)))
            n_samples = mean.n_samples
        rows, fixed, how = model.rows("user"), model.rows("item"), (model.global_mean, scale)
        return tree_sums.add_up(
            [row_ops.error_sums(0, ratings, rows, fixed, *how, sums, n_samples, third)]
        )

    def losses(
        self, model: Model, scale: tuple[float, float], measure: Measure
    ) -> tuple[Array, list[float]]:
        by_side = [float(self.sum_rows(model, side, measure)) for side in SIDES]
        return self.error_sums(model, scale), by_side

    def ranking_evaluator(self, max_users: int, seed: int, stream: str) -> RankingEvaluator:
        held_out = cast(Ratings, self.validation)
        return RankingEvaluator.from_ratings(
            self.by_user, held_out, self.n_items, max_users, seed, stream
        )

    def top_n(self, model: Model, evaluator: RankingEvaluator, n: int) -> Array:
        return evaluator.lists(model, n)

    def mean_of(self, samples: Sequence[Model]) -> Model:
        return mean_of(samples)

    def finish(self, model: Model) -> Model:
        return model


def genre_features(genres: Csr | None) -> Features:
    """The items' features: their genres. Raises MovierecError without genres."""
    if genres is None:
        raise MovierecError(
            "train.model: genre_mf needs the movies' genres; use a data set that has them"
        )
    n_genres = 1 + int(genres.indices.max(initial=-1))
    return Features(genres, genres.transpose(n_genres))
