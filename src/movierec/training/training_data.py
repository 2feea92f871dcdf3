"""The interface between trainers and training data.

The main operations are to solve for the rows of a side, to sum a measure over a side's rows, and to
sum the errors of ratings. `in_memory.InMemoryData` works on arrays, `blocks.BlockedData` block by
block, from disk or on workers. Both use row_ops, so their results are bit-identical.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar

import numpy as np

from movierec.data.rating_arrays import Array, Ratings
from movierec.metrics.measures import Errors
from movierec.metrics.ranking_protocol import RankingEvaluator
from movierec.model.biased_mf import Model
from movierec.model.features import FeatureMatrix
from movierec.model.implicit_targets import Targets
from movierec.model.solver import Prior
from movierec.training.row_ops import Change, Draw, Measure

SIDES = ("user", "item")
Subset = Literal["train", "validation"]


class FactorModel(Protocol):
    """A model in training: biased_mf.Model, or BlockedModel, whose rows are in files."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def global_mean(self) -> float: ...
    @property
    def n_factors(self) -> int: ...
    @property
    def dtype(self) -> Any: ...
    @property
    def arrays(self) -> dict[str, Array]: ...
    @property
    def sample_user_mean(self) -> Array: ...
    @property
    def sample_user_precision(self) -> Array: ...
    @property
    def sample_noise_precision(self) -> Array: ...

    def weights(self, side: str) -> Array: ...
    def changed(self, side: str, **arrays: Array) -> Self: ...


M = TypeVar("M", bound=FactorModel)


@dataclass(frozen=True)
class Start:
    """The initial model: small random item factors from a named stream, and 0 for the rest.

    The factors' standard deviation is init_scale / √n_factors, so that the expected length of a row
    does not depend on n_factors. item_factors: those to start from instead.
    """

    n_factors: int
    dtype: np.dtype[Any]
    init_scale: float
    seed: int
    stream: str
    mean_rating: float
    item_factors: Array | None = None

    @property
    def deviation(self) -> float:
        return float(self.init_scale / max(1, self.n_factors) ** 0.5)

    @property
    def global_mean(self) -> float:
        return float(self.dtype.type(self.mean_rating))

    def weights(self, n_features: int) -> Array:
        return np.zeros((n_features, self.n_factors + 1), self.dtype)


@dataclass
class SampleMean:
    """Running sums of the predictions of n_samples samples, by subset; blocks use files instead."""

    n_samples: int = 0
    sums: dict[Subset, Array] = field(default_factory=dict)


class TrainingData(ABC, Generic[M]):
    """Training ratings grouped by user and by item, features of rows, and validation ratings.

    A side is "user", "item" or "day". The rows of a side are the factors and biases of its users,
    items or days.
    scale: the lowest and the highest rating. model_type: the type of models in training.
    """

    model_type: type[M]

    @property
    @abstractmethod
    def validation(self) -> Ratings | None:
        """The validation ratings; None, or empty, without any."""

    @property
    @abstractmethod
    def n_validation(self) -> int:
        """The number of validation ratings; 0 in a refit."""

    @property
    @abstractmethod
    def held_out(self) -> Self | None:
        """The given ratings of users that are held out, by all users and items; None without any.

        Nothing is learned from them: they only solve those users' rows, while the items' are fixed.
        The validation ratings are then theirs, and belong to these data.
        """

    @property
    def judge(self) -> Self:
        """The data with the validation ratings, if there are any."""
        return self.held_out or self

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides in the order in which an epoch solves for them; "day" only with days."""
        return SIDES

    @abstractmethod
    def counts(self, side: str) -> Array:
        """The number of training ratings of each row: (n_rows,)."""

    @property
    @abstractmethod
    def mean_rating(self) -> float: ...

    @abstractmethod
    def features(self, side: str) -> FeatureMatrix | None:
        """The features of a side's rows, None without features."""

    @abstractmethod
    def with_targets(self, targets: Targets) -> Self:
        """The same ratings as implicit feedback: targets instead of ratings."""

    @abstractmethod
    def initial_model(self, start: Start) -> M:
        """The model before the first epoch."""

    @abstractmethod
    def restart(self, model: Model) -> M:
        """A finished model, to be trained on with these ratings and their mean."""

    @abstractmethod
    def solve(self, model: M, side: str, prior: Prior, draw: Draw | None = None) -> M:
        """The model after a half epoch: solve for every row of one side, the other side fixed.

        draw: sample rows from their posterior instead of taking its mean.
        """

    @abstractmethod
    def sum_rows(self, model: M, side: str, measure: Measure) -> Array:
        """The sum of a measure over one side's rows."""

    @abstractmethod
    def sum_features(self, model: M, side: str, change: Change) -> Array:
        """Xᵀ · change(rows): (n_features, n_factors + 1). X: see model/features.py."""

    @abstractmethod
    def error_sums(
        self,
        model: M,
        scale: tuple[float, float],
        subset: Subset = "train",
        mean: SampleMean | None = None,
    ) -> Array:
        """Sums of errors over the ratings of a subset (4,), as in row_ops.error_sums.

        mean: the running sums to which this sample's predictions are added.
        """

    @abstractmethod
    def losses(
        self, model: M, scale: tuple[float, float], measure: Measure
    ) -> tuple[Array, list[float]]:
        """error_sums of the training ratings, and sum_rows of a measure for each side."""

    @abstractmethod
    def ranking_evaluator(self, max_users: int, seed: int, stream: str) -> RankingEvaluator:
        """An evaluator of a sample of users on the validation ratings."""

    @abstractmethod
    def top_n(self, model: M, evaluator: RankingEvaluator, n: int) -> Array:
        """Top-n lists of the evaluator's users (n_users, n)."""

    @abstractmethod
    def mean_of(self, samples: Sequence[M]) -> Model:
        """The model that predicts the mean of the samples' predictions."""

    @abstractmethod
    def finish(self, model: M | Model) -> Model:
        """The final model, with its rows as arrays."""

    def keep_only(self, *models: M | Model) -> None:
        """Delete what is stored of other models."""

    @property
    def n_users(self) -> int:
        return len(self.counts("user"))

    @property
    def n_items(self) -> int:
        return len(self.counts("item"))

    @property
    def n_ratings(self) -> int:
        return int(self.counts("user").sum())

    def validation_errors(
        self, model: M, scale: tuple[float, float], mean: SampleMean | None = None
    ) -> Errors | None:
        """Errors on the validation ratings, None without any."""
        if not self.n_validation:
            return None
        sums = self.error_sums(model, scale, "validation", mean)
        return Errors.from_sums(sums, self.n_validation)
