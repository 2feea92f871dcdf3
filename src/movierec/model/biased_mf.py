"""The trained model: biased matrix factorisation, its predictions, and means of samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import numpy as np

from movierec.data.rating_arrays import Array, check_index
from movierec.kernels.scoring import predict_pairs
from movierec.model.third_side import ThirdSide, place_of_days

USER_ROWS = ("user_factors", "user_biases", "sample_user_biases")  # arrays with a row for each user
_none = partial(np.zeros, (0, 0))


def pairs(users: Array, n_items: int) -> tuple[Array, Array]:
    """All pairs of these users and all items, user by user: two arrays (n_pairs,) int32."""
    return np.repeat(users.astype(np.int32), n_items), np.tile(
        np.arange(n_items, dtype=np.int32), len(users)
    )


@dataclass(frozen=True)
class Model:
    """r̂ = global_mean + user_biases[u] + item_biases[i] + user_factors[u] · item_factors[i].

    If days are given: + day_biases[d] + day_factors[d] · (user_factors[u] + item_factors[i]), with
    d the day of the rating (timeSVD++ "flipped": Rendle, Zhang & Koren, arXiv:1905.01395). Without
    them, r̂ is that of an average day.

    The biased matrix factorisation of Koren, Bell & Volinsky, "Matrix factorization techniques for
    recommender systems" (IEEE Computer 42(8), 2009), equation 4. Baselines are models without
    factors. The mean of the predictions of n_samples models is a model too: its factors are the
    samples' factors side by side, the users' divided by n_samples; its biases are the samples' mean
    biases.

    global_mean: in stars. user_factors (n_users, n_factors), item_factors (n_items, n_factors),
    user_biases (n_users,), item_biases (n_items,): float32 or float64, all of the same dtype.
    user_weights, item_weights (n_features, n_factors + n_samples): what each feature adds to a
    row's prior mean, for each sample its factors and its bias; empty without features.
    days (n_days,) int32: the days with training ratings, ascending, counted from 1970;
    day_factors (n_days, n_factors), day_biases (n_days,): empty in a model without days.
    sample_…: only for a mean of samples: the biases of each sample (n_rows, n_samples), its prior
    for users' rows (n_samples, factors of one sample + 1, …) and its noise precision.
    manifest: the records of the stages up to training.
    Raises ValueError if the shapes do not fit each other.
    """

    global_mean: float
    user_factors: Array
    item_factors: Array
    user_biases: Array
    item_biases: Array
    user_weights: Array = field(default_factory=_none)
    item_weights: Array = field(default_factory=_none)
    days: Array = field(default_factory=_none)
    day_factors: Array = field(default_factory=_none)
    day_biases: Array = field(default_factory=_none)
    sample_user_biases: Array = field(default_factory=_none)
    sample_item_biases: Array = field(default_factory=_none)
    sample_day_biases: Array = field(default_factory=_none)
    sample_user_mean: Array = field(default_factory=_none)
    sample_user_precision: Array = field(default_factory=_none)
    sample_noise_precision: Array = field(default_factory=_none)
    manifest: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for side in self.sides:
            factors, biases = self.rows(side)
            if (len(biases), self.n_factors) != factors.shape or biases.ndim != 1:
                raise ValueError(
                    f"{side}_factors {factors.shape} should have {self.n_factors} columns, and as"
                    f" many rows as {side}_biases {biases.shape} has numbers"
                )

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of the sides: "user", "item" and, in a model with days, "day"."""
        return ("user", "item", "day") if len(self.days) else ("user", "item")

    @property
    def n_users(self) -> int:
        return len(self.user_biases)

    @property
    def n_items(self) -> int:
        return len(self.item_biases)

    @property
    def dtype(self) -> Any:
        return self.user_factors.dtype

    @property
    def n_factors(self) -> int:
        return int(self.item_factors.shape[1])

    @property
    def n_samples(self) -> int:
        return max(1, len(self.sample_noise_precision))

    @property
    def day_share(self) -> Any:
        """What the product of an item's and a day's factors is multiplied by: only the users'
        factors are divided by n_samples already."""
        return self.dtype.type(1 / self.n_samples)

    @property
    def arrays(self) -> dict[str, Array]:
        """The arrays by name, as they are saved, without empty ones."""
        named = {part.name: getattr(self, part.name) for part in fields(self)}
        arrays = {name: value for name, value in named.items() if isinstance(value, np.ndarray)}
        return {name: array for name, array in arrays.items() if array.shape != (0, 0)}

    def rows(self, side: str) -> tuple[Array, Array]:
        """The factors and biases of one of `sides`."""
        return getattr(self, f"{side}_factors"), getattr(self, f"{side}_biases")

    def weights(self, side: str) -> Array:
        """The weights of one side's features."""
        return np.asarray(getattr(self, f"{side}_weights"))

    def changed(self, side: str, **arrays: Array) -> "Model":
        """A copy with factors, biases or weights of one side replaced."""
        return replace(self, **{f"{side}_{name}": array for name, array in arrays.items()})  # type: ignore[arg-type]

    def of_users(self, users: Array | slice) -> "Model":
        """The model of only these users, who are numbered by their position among them."""
        if not isinstance(users, slice):
            users = check_index(users, self.n_users, "users")
        rows = {name: array[users] for name in USER_ROWS if len(array := getattr(self, name))}
        return replace(self, **rows)

    def with_users_of(self, other: "Model", users: Array) -> "Model":
        """The model with the rows of these users from another one of the same shape."""
        rows = {name: np.array(array) for name in USER_ROWS if len(array := getattr(self, name))}
        for name, array in rows.items():
            array[users] = getattr(other, name)[users]
        return replace(self, **rows)  # type: ignore[arg-type]

    def sample(self, number: int) -> "Model":
        """One of the samples that this model is the mean of; otherwise the model itself."""
        n = self.n_samples
        check_index(np.array([number]), n, "sample")
        if not len(self.sample_noise_precision):
            return self
        f = self.n_factors // n
        factors = slice(number * f, (number + 1) * f)
        weights = slice(number * (f + 1), (number + 1) * (f + 1))
        of_days: dict[str, Any] = {}
        if len(self.days):
            of_days = {
                "days": self.days,
                "day_factors": np.ascontiguousarray(self.day_factors[:, factors]),
                "day_biases": np.ascontiguousarray(self.sample_day_biases[:, number]),
            }
        return Model(
            self.global_mean,
            np.ascontiguousarray(self.user_factors[:, factors] * n),
            np.ascontiguousarray(self.item_factors[:, factors]),
            np.ascontiguousarray(self.sample_user_biases[:, number]),
            np.ascontiguousarray(self.sample_item_biases[:, number]),
            np.ascontiguousarray(self.user_weights[:, weights]),
            np.ascontiguousarray(self.item_weights[:, weights]),
            **of_days,
        )

    def days_of(self, timestamp: Array | None) -> ThirdSide:
        """The days of ratings as a third side; timestamp (n_ratings,): seconds since 1970.

        A rating on a day that is not in `days`, or without a time, is of an average day.
        """
        if timestamp is None or not len(self.days):
            return ThirdSide.none(self.n_factors, self.dtype)
        return self._days_at(place_of_days(self.days, timestamp))

    def _days_at(self, index: Array) -> ThirdSide:
        return ThirdSide(index, self.day_factors, self.day_biases)

    def predict(
        self, user_index: Array, item_index: Array, timestamp: Array | None = None
    ) -> Array:
        """The unclipped predicted ratings of pairs, in stars: (n_pairs,), in the model's dtype.

        timestamp (n_pairs,): the times of the ratings, for a model with days, in seconds since
        1970. None: an average day.
        Raises IndexError for a user or an item outside the model, ValueError for other input than
        two arrays of integers (n_pairs,).
        """
        return self._predict(*self._checked_pairs(user_index, item_index, timestamp))

    def _checked_pairs(
        self, user_index: Array, item_index: Array, timestamp: Array | None
    ) -> tuple[Array, Array, ThirdSide]:
        users = check_index(user_index, self.n_users, "user_index")
        items = check_index(item_index, self.n_items, "item_index")
        if len(users) != len(items):
            raise ValueError(f"user_index has {len(users)} entries, but item_index {len(items)}")
        if timestamp is not None and len(timestamp) != len(users):
            raise ValueError(f"user_index has {len(users)} entries, but timestamp {len(timestamp)}")
        return users, items, self.days_of(timestamp)

    def _predict(self, user_index: Array, item_index: Array, days: ThirdSide) -> Array:
        return predict_pairs(
            user_index,
            item_index,
            self.user_factors.dtype.type(self.global_mean),
            self.user_factors,
            self.item_factors,
            self.user_biases,
            self.item_biases,
            *days.arrays,
            self.day_share,
        )

    def predict_all(self, users: Array) -> Array:
        """The unclipped predicted ratings of these users for every item: (len(users), n_items)."""
        users = check_index(users, self.n_users, "users")
        return self.predict(*pairs(users, self.n_items)).reshape(len(users), self.n_items)

    def deviation(
        self, user_index: Array, item_index: Array, timestamp: Array | None = None
    ) -> Array:
        """The standard deviation of predictions over the samples, in stars: (n_pairs,).

        Arguments: as of predict. It excludes the noise of the ratings, whose precision is
        sample_noise_precision. NaN if the model is not a mean of samples.
        """
        users, items, days = self._checked_pairs(user_index, item_index, timestamp)
        if self.n_samples < 2:
            return np.full(len(users), np.nan)
        mean = self._predict(users, items, days).astype(np.float64)
        squares = np.zeros(len(mean))
        for number in range(self.n_samples):
            sample = self.sample(number)
            of_sample = sample._days_at(days.index) if len(days.index) else sample.days_of(None)
            squares += (sample._predict(users, items, of_sample) - mean) ** 2
        return np.asarray(np.sqrt(squares / (self.n_samples - 1)))


def no_factors(n_users: int, n_items: int, dtype: str = "float32") -> Model:
    """A model that predicts 0."""
    users, items = (np.zeros((n, 0), dtype) for n in (n_users, n_items))
    return Model(0.0, users, items, users.sum(axis=1), items.sum(axis=1))


def mean_of(samples: Sequence[Model]) -> Model:
    """The model that predicts the mean of the samples' predictions."""
    arrays = join_shared_arrays([sample.arrays for sample in samples])
    for side in samples[0].sides:
        arrays |= mean_rows(side, [sample.rows(side) for sample in samples])
    return replace(samples[0], **arrays)


def mean_rows(
    side: str, rows: Sequence[tuple[Array, Array]], are_samples: bool = True
) -> dict[str, Array]:
    """One side of the model that mean_of returns, from the factors and biases of each sample.

    are_samples: False for a single model that is not a sample, whose arrays are returned unchanged.
    """
    n, (factors, biases) = len(rows), rows[0]
    if not are_samples:
        return {f"{side}_factors": factors, f"{side}_biases": biases}
    joined = np.concatenate([factors for factors, _ in rows], axis=1)
    if side == "user":
        joined /= joined.dtype.type(n)
    sample_biases = np.stack([biases for _, biases in rows], axis=1)
    mean = sample_biases.mean(axis=1, dtype=np.float64).astype(sample_biases.dtype)
    return {
        f"{side}_factors": joined,
        f"{side}_biases": mean,
        f"sample_{side}_biases": sample_biases,
    }


def join_shared_arrays(samples: Sequence[Mapping[str, Array]]) -> dict[str, Any]:
    """The arrays of mean_of that do not belong to rows, from those of each sample by name."""
    axes = {"user_weights": 1, "item_weights": 1, "sample_user_mean": 0}
    axes |= {"sample_user_precision": 0, "sample_noise_precision": 0}
    return {
        name: np.concatenate([sample[name] for sample in samples], axis=axis)
        for name, axis in axes.items()
        if name in samples[0]
    }
