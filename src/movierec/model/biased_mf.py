"""The trained model: arrays, and what they predict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import numpy as np

from movierec.data.rating_arrays import Array
from movierec.kernels.scoring import predict_pairs

_none = partial(np.zeros, (0, 0))


def pairs(users: Array, n_items: int) -> tuple[Array, Array]:
    """Each of these users with each item, user by user: their indices (n_pairs,) int32."""
    return np.repeat(users.astype(np.int32), n_items), np.tile(
        np.arange(n_items, dtype=np.int32), len(users)
    )


@dataclass(frozen=True)
class Model:
    """r̂ = global_mean + user_biases[u] + item_biases[i] + user_factors[u] · item_factors[i].

    The biased matrix factorisation of Koren, Bell & Volinsky, "Matrix factorization techniques for
    recommender systems" (IEEE Computer 42(8), 2009), equation 4. Baselines are models, too: those
    with no factors. So is the mean of the predictions of n_samples models: its factors are theirs
    side by side, the users' divided by n_samples, its biases the means of theirs.

    global_mean: in stars. user_factors (n_users, n_factors), item_factors (n_items, n_factors),
    user_biases (n_users,), item_biases (n_items,): float32 (or float64), all of one dtype.
    user_weights, item_weights (n_features, n_factors + n_samples): what each feature adds to a
    row's prior mean, each sample's factors and its bias; no rows where there are no features.
    sample_…: of a mean of samples only: the biases of each (n_users or n_items, n_samples), its
    prior of the users' rows (n_samples, n_factors of one + 1, …) and its noise precision.
    manifest: what the model was trained with: data set, archive, params.
    """

    global_mean: float
    user_factors: Array
    item_factors: Array
    user_biases: Array
    item_biases: Array
    user_weights: Array = field(default_factory=_none)
    item_weights: Array = field(default_factory=_none)
    sample_user_biases: Array = field(default_factory=_none)
    sample_item_biases: Array = field(default_factory=_none)
    sample_user_mean: Array = field(default_factory=_none)
    sample_user_precision: Array = field(default_factory=_none)
    sample_noise_precision: Array = field(default_factory=_none)
    manifest: dict[str, Any] = field(default_factory=dict)

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
    def arrays(self) -> dict[str, Array]:
        """All arrays by name, as they are saved; those that hold nothing left out."""
        named = {part.name: getattr(self, part.name) for part in fields(self)}
        arrays = {name: value for name, value in named.items() if isinstance(value, np.ndarray)}
        return {name: array for name, array in arrays.items() if array.shape != (0, 0)}

    def rows(self, side: str) -> tuple[Array, Array]:
        """Factors and biases of one side: "user" or "item"."""
        return getattr(self, f"{side}_factors"), getattr(self, f"{side}_biases")

    def weights(self, side: str) -> Array:
        """The weights of one side's features."""
        return np.asarray(getattr(self, f"{side}_weights"))

    def changed(self, side: str, **arrays: Array) -> "Model":
        """The model with factors, biases or weights of one side replaced."""
        return replace(self, **{f"{side}_{name}": array for name, array in arrays.items()})  # type: ignore[arg-type]

    def of_users(self, users: Array | slice) -> "Model":
        """The model of these users alone, each known by his place among them."""
        names = ("user_factors", "user_biases", "sample_user_biases")
        rows = {name: array[users] for name in names if len(array := getattr(self, name))}
        return replace(self, **rows)

    def sample(self, number: int) -> "Model":
        """One of the models that this one is the mean of; the model itself if of none."""
        if not len(self.sample_noise_precision):
            return self
        n = self.n_samples
        f = self.n_factors // n
        mine = slice(number * f, (number + 1) * f)
        weights = slice(number * (f + 1), (number + 1) * (f + 1))
        return Model(
            self.global_mean,
            np.ascontiguousarray(self.user_factors[:, mine] * n),
            np.ascontiguousarray(self.item_factors[:, mine]),
            np.ascontiguousarray(self.sample_user_biases[:, number]),
            np.ascontiguousarray(self.sample_item_biases[:, number]),
            np.ascontiguousarray(self.user_weights[:, weights]),
            np.ascontiguousarray(self.item_weights[:, weights]),
        )

    def predict(self, user_index: Array, item_index: Array) -> Array:
        """Predicted ratings of pairs, unclipped, in stars: (n_pairs,) of the model's dtype."""
        return predict_pairs(
            user_index,
            item_index,
            self.user_factors.dtype.type(self.global_mean),
            self.user_factors,
            self.item_factors,
            self.user_biases,
            self.item_biases,
        )

    def predict_all(self, users: Array) -> Array:
        """Predicted ratings of some users for every item, as predict has them: (n, n_items)."""
        return self.predict(*pairs(users, self.n_items)).reshape(len(users), self.n_items)

    def deviation(self, user_index: Array, item_index: Array) -> Array:
        """The standard deviation of pairs' predictions over the samples, in stars: (n_pairs,).

        It does not hold the ratings' own noise, whose precision is sample_noise_precision. NaN
        where the model is not a mean of samples.
        """
        if self.n_samples < 2:
            return np.full(len(user_index), np.nan)
        mean = self.predict(user_index, item_index).astype(np.float64)
        squares = np.zeros(len(mean))
        for number in range(self.n_samples):
            squares += (self.sample(number).predict(user_index, item_index) - mean) ** 2
        return np.asarray(np.sqrt(squares / (self.n_samples - 1)))


def mean_of(samples: Sequence[Model]) -> Model:
    """The mean of the predictions of samples, itself a model."""
    arrays = mean_beside([sample.arrays for sample in samples])
    for side in ("user", "item"):
        arrays |= mean_rows(side, [sample.rows(side) for sample in samples])
    return replace(samples[0], **arrays)


def mean_rows(
    side: str, rows: Sequence[tuple[Array, Array]], are_samples: bool = True
) -> dict[str, Array]:
    """The arrays of one side of mean_of, out of the factors and biases of each sample's rows; if
    they are no samples, those of the one model as they are."""
    n, (factors, biases) = len(rows), rows[0]
    if not are_samples:
        return {f"{side}_factors": factors, f"{side}_biases": biases}
    joined = np.concatenate([factors for factors, _ in rows], axis=1)
    if side == "user":
        joined /= joined.dtype.type(n)
    each = np.stack([biases for _, biases in rows], axis=1)
    mean = each.mean(axis=1, dtype=np.float64).astype(each.dtype)
    return {
        f"{side}_factors": joined,
        f"{side}_biases": mean,
        f"sample_{side}_biases": each,
    }


def mean_beside(samples: Sequence[Mapping[str, Array]]) -> dict[str, Any]:
    """The arrays of mean_of that are not of rows, out of those of each sample by name."""
    axes = {"user_weights": 1, "item_weights": 1, "sample_user_mean": 0}
    axes |= {"sample_user_precision": 0, "sample_noise_precision": 0}
    return {
        name: np.concatenate([sample[name] for sample in samples], axis=axis)
        for name, axis in axes.items()
        if name in samples[0]
    }
