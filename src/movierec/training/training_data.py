"""What training asks of its data: one contract, implemented in memory and by blocks.

Trainers know three questions: solve the rows of a side, sum a measure over a side's rows, sum the
errors of the ratings. `in_memory.InMemoryData` answers from arrays, `blocks.BlockedData` block by
block, on disk or on workers. Both call row_ops, so results have the same bits.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar

import numpy as np

from movierec.data.rating_arrays import Array
from movierec.metrics.measures import Errors
from movierec.metrics.ranking_protocol import RankingEvaluator
from movierec.model.biased_mf import Model
from movierec.model.features import Features
from movierec.model.solver import Prior
from movierec.training.row_ops import Change, Draw, Measure

SIDES = ("user", "item")
Subset = Literal["train", "validation"]


class FactorModel(Protocol):
    """A model in training: biased_mf.Model, or BlockedModel, whose rows lie in files."""

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
    def sample_noise_precision(self) -> Array: ...

    def weights(self, side: str) -> Array: ...
    def changed(self, side: str, **arrays: Array) -> Self: ...


M = TypeVar("M", bound=FactorModel)


@dataclass(frozen=True)
class Start:
    """Small random item factors of a named stream, all else 0.

    Their standard deviation is init_scale / √n_factors, so that a row's expected length does not
    depend on n_factors.
    """

    n_factors: int
    dtype: np.dtype[Any]
    init_scale: float
    seed: int
    stream: str
    mean_rating: float

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
    """Running sums of what n_samples samples predict, by subset; blocks keep theirs in files."""

    n_samples: int = 0
    sums: dict[Subset, Array] = field(default_factory=dict)


class TrainingData(ABC, Generic[M]):
    """Training ratings grouped both ways, features of rows, and validation ratings.

    A side is "user" or "item"; rows are factors and bias of a side's users or items. scale: the
    lowest and the highest rating. model_type: how models are held while training.
    """

    model_type: type[M]

    @property
    @abstractmethod
    def n_validation(self) -> int:
        """Number of validation ratings; 0 in a refit."""

    @abstractmethod
    def counts(self, side: str) -> Array:
        """Number of training ratings of each row (n_rows,)."""

    @property
    @abstractmethod
    def mean_rating(self) -> float: ...

    @abstractmethod
    def features(self, side: str) -> Features | None:
        """The features of a side's rows, None where there are none."""

    @abstractmethod
    def with_ones(self) -> Self:
        """The same ratings as implicit feedback: each is 1."""

    @abstractmethod
    def initial_model(self, start: Start) -> M:
        """The model before its first epoch."""

    @abstractmethod
    def solve(self, model: M, side: str, prior: Prior, draw: Draw | None = None) -> M:
        """The model after a half epoch: every row of one side solved, the other side fixed.

        draw: each row is drawn from its posterior instead.
        """

    @abstractmethod
    def sum_rows(self, model: M, side: str, measure: Measure) -> Array:
        """The sum of a measure over one side's rows."""

    @abstractmethod
    def sum_features(self, model: M, side: str, change: Change) -> Array:
        """Xᵀ · rows, after `change`: (n_features, n_factors + 1). X: see model/features.py."""

    @abstractmethod
    def error_sums(
        self,
        model: M,
        scale: tuple[float, float],
        subset: Subset = "train",
        mean: SampleMean | None = None,
    ) -> Array:
        """Sums of errors over the ratings of a subset (4,), as of row_ops.error_sums.

        mean: to whose sums this sample's predictions are added first.
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
        """The model with its rows; the end of training."""

    def keep_only(self, *models: M | Model) -> None:
        """Forget what is stored of other models."""

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
        """Errors on the validation ratings, None where there are none."""
        if not self.n_validation:
            return None
        sums = self.error_sums(model, scale, "validation", mean)
        return Errors.from_sums(sums, self.n_validation)
