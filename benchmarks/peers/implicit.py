"""implicit: alternating least squares on implicit feedback, for ranking."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import harness, peers
from benchmarks.quality.protocol import Known, Settings, Trained
from movierec.data.rating_arrays import Array, Csr


def fit(by_user: Csr, n_items: int, values: Array | None = None, **settings: Any) -> Any:
    """Fit its model on these values, by default 1 for each rating."""
    from implicit.cpu.als import AlternatingLeastSquares

    ones = np.ones_like(by_user.values)
    matrix = peers.to_matrix(by_user, n_items, ones if values is None else values)
    matrix.eliminate_zeros()
    model = AlternatingLeastSquares(**settings)
    model.fit(matrix, show_progress=False)
    return model


def train(known: Known, settings: Settings) -> Trained:
    """Feedback is any rating, any rating weighted by its stars, or only relevant ratings."""
    chosen, values = dict(settings), known.by_user.values
    weights = {
        "any": np.ones_like(values),
        "stars": values,
        "relevant": (values >= known.params.relevant_rating).astype(np.float32),
    }[chosen.pop("feedback")]
    fixed = {"num_threads": known.threads, "random_state": known.params.seed}
    with known.clock.timed():
        model = fit(known.by_user, known.n_items, weights, **fixed, **chosen)
    sides = [
        (np.arange(len(factors)), factors, np.zeros(len(factors)))
        for factors in (model.user_factors, model.item_factors)
    ]
    return peers.to_trained(known, 0.0, *sides)


def time_epochs(by_user: Csr, n_items: int, n_factors: int, n: int) -> list[float]:
    """ALS on implicit feedback with its default of three conjugate gradient steps."""
    from implicit.als import AlternatingLeastSquares

    matrix = peers.to_matrix(by_user, n_items)
    seconds: list[float] = []
    model = AlternatingLeastSquares(n_factors, iterations=n + 1, random_state=0)
    model.fit(matrix, show_progress=False, callback=lambda *entry: seconds.append(entry[1]))
    return seconds[1:]


def time_lists(by_user: Csr, factors: tuple[Array, Array], n: int) -> list[float]:
    """`recommend` for all users in its own batches."""
    from implicit.cpu.als import AlternatingLeastSquares

    n_items, n_factors = factors[1].shape
    model, matrix = AlternatingLeastSquares(n_factors), peers.to_matrix(by_user, n_items)
    model.user_factors, model.item_factors = factors
    users = np.arange(by_user.n_rows)

    def steps() -> Iterator[None]:
        while True:
            for batch in np.array_split(users, max(1, len(users) // 20_000)):
                model.recommend(batch, matrix[batch], N=20, filter_already_liked_items=True)
            yield

    return harness.time_steps(steps(), n)
