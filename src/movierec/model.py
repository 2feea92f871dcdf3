"""The trained model: arrays, and what they predict."""

from dataclasses import dataclass, field
from typing import Any

from movierec.kernels.scoring import predict_pairs
from movierec.sparse import Array


@dataclass(frozen=True)
class Model:
    """r̂ = global_mean + user_biases[u] + item_biases[i] + user_factors[u] · item_factors[i].

    The biased matrix factorisation of Koren, Bell & Volinsky, "Matrix factorization techniques for
    recommender systems" (IEEE Computer 42(8), 2009), equation 4. Baselines are models, too: those
    with no factors.

    global_mean: in stars. user_factors (n_users, n_factors), item_factors (n_items, n_factors),
    user_biases (n_users,), item_biases (n_items,): float32 (or float64), all of one dtype.
    manifest: what the model was trained with: data set, archive, params.
    """

    global_mean: float
    user_factors: Array
    item_factors: Array
    user_biases: Array
    item_biases: Array
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def n_users(self) -> int:
        return len(self.user_biases)

    @property
    def n_items(self) -> int:
        return len(self.item_biases)

    @property
    def n_factors(self) -> int:
        return int(self.item_factors.shape[1])

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
