"""Small random ratings, models and params to test on, all from a seed."""

import numpy as np

from movierec.core.params import GibbsParams, ImplicitParams, TrainParams
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Csr, Ratings, indptr_from_counts
from movierec.model.biased_mf import Model
from movierec.model.item_regression import ItemWeights

MODEL_ARRAYS = ("user_factors", "item_factors", "user_biases", "item_biases")  # of any model
SCALE = Scale(1.0, 5.0)
HALF_STARS = np.arange(2, 11, dtype=np.float32) / 2


def random_ratings(seed, n_users=9, n_items=7, n_ratings=30):
    """Ratings of distinct pairs, ordered by user and item; some rows may have none."""
    rng = np.random.default_rng(seed)
    pairs = np.sort(rng.choice(n_users * n_items, n_ratings, replace=False))
    return Ratings(
        (pairs // n_items).astype(np.int32),
        (pairs % n_items).astype(np.int32),
        rng.choice(HALF_STARS, n_ratings),
        rng.integers(10**9, 10**9 + n_ratings, n_ratings),
    )


def random_csrs(seed, n_users=9, n_items=7, n_ratings=30):
    """Random ratings by user and by item."""
    by_user = random_ratings(seed, n_users, n_items, n_ratings).by_user(n_users)
    return by_user, by_user.transpose(n_items)


def csr_of_counts(seed, counts, n_columns):
    """Random ratings with this many in each row."""
    rng = np.random.default_rng(seed)
    columns = [np.sort(rng.choice(n_columns, count, replace=False)) for count in counts]
    indices = np.concatenate(columns).astype(np.int32)
    return Csr(indptr_from_counts(counts), indices, rng.choice(HALF_STARS, len(indices)))


def random_model(seed, n_users=9, n_items=7, n_factors=3, dtype="float64"):
    """A model of any numbers, not fitted to anything."""
    rng = np.random.default_rng(seed)
    shapes = (n_users, n_factors), (n_items, n_factors), n_users, n_items
    return Model(3.5, *(rng.normal(0, 0.5, shape).astype(dtype) for shape in shapes))


def random_regression(seed, n_items=7, n_taking_part=5, n_weights=3):
    """An item regression of any weights, not fitted to anything."""
    rng = np.random.default_rng(seed)
    items = np.sort(rng.permutation(n_items)[:n_taking_part]).astype(np.int32)
    others = np.array([rng.permutation(n_taking_part)[:n_weights] for _ in items], np.int32)
    weights = rng.normal(0, 0.3, others.shape).astype(np.float32)
    return ItemWeights(items, others, weights, n_items)


def train_params(**changes):
    defaults = {
        "model": "mf",
        "method": "als",
        "n_factors": 3,
        "max_epochs": 4,
        "patience": 2,
        "min_improvement": 0.0,
        "refit": False,
        "rating_precision": 2.0,
        "factor_precision": 0.7,
        "factor_precision_per_rating": 0.1,
        "bias_precision": 0.3,
        "bias_precision_per_rating": 0.2,
        "feature_ridge": 2.0,
        "gibbs_feature_ridge": 2.0,
        "days": False,
        "gibbs": GibbsParams(start_epochs=2, burn_in=3, samples=4, thin=2),
        "init_scale": 0.5,
        "dtype": "float64",
    }
    return TrainParams(**(defaults | changes))


def implicit_params(**changes):
    defaults = {
        "n_factors": 3,
        "max_epochs": 4,
        "patience": 2,
        "min_improvement": 0.0,
        "refit": False,
        "unseen_weight": 0.3,
        "lowest_target": 0.4,
        "factor_precision": 0.7,
        "factor_precision_per_rating": 0.1,
        "init_scale": 0.5,
        "dtype": "float64",
    }
    return ImplicitParams(**(defaults | changes))
