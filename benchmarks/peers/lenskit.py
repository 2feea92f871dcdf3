"""LensKit: alternating least squares over static biases, exact; item-based nearest neighbours."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import harness, peers
from benchmarks.quality.protocol import Known, Settings, Trained
from movierec.data.rating_arrays import Array, Csr


def to_dataset(by_user: Csr) -> Any:
    from lenskit.data import from_interactions_df

    return from_interactions_df(peers.to_frame(by_user))


def train_als(known: Known, settings: Settings) -> Trained:
    from lenskit.als import BiasedMFScorer
    from lenskit.training import TrainingOptions

    chosen = dict(settings)
    ridges = {"user": chosen.pop("user_ridge"), "item": chosen.pop("item_ridge")}
    model = BiasedMFScorer(regularization=ridges, **chosen)
    data = to_dataset(known.by_user)
    with known.clock.timed():
        model.train(data, TrainingOptions(rng=known.params.seed))
    users = data.users.ids(), model.user_embeddings, model.bias.user_biases
    items = data.items.ids(), model.item_embeddings, model.bias.item_biases
    return peers.to_trained(known, model.bias.global_bias, users, items)


def train_knn(known: Known, settings: Settings) -> Trained:
    """Without neighbours, its bias model predicts, as in its pipelines."""
    from lenskit.basic import BiasScorer
    from lenskit.data import ItemList, RecQuery
    from lenskit.knn import ItemKNNScorer
    from lenskit.training import TrainingOptions

    model, fallback = ItemKNNScorer(**settings), BiasScorer()
    data = to_dataset(known.by_user)
    with known.clock.timed():
        model.train(data, TrainingOptions(rng=known.params.seed))
    fallback.train(data, TrainingOptions())

    def predict_user(user: int, items: Array) -> Array:
        rated = known.by_user.take(np.array([user]))
        history = ItemList(item_ids=rated.indices, rating=rated.values)
        query = RecQuery(user_id=user, history_items=history)
        asked = ItemList(item_ids=items)
        scores = model(query, asked).scores()
        return np.where(np.isfinite(scores), scores, fallback(query, asked).scores())

    def predict(user_index: Array, item_index: Array) -> Array:
        predicted = np.empty(len(user_index), np.float32)
        order = np.argsort(user_index, kind="stable")
        first = np.flatnonzero(np.diff(user_index[order], prepend=-1))
        for places in np.split(order, first[1:]):
            predicted[places] = predict_user(int(user_index[places[0]]), item_index[places])
        return predicted

    return Trained(predict, size=model.sim_matrix.nbytes + model.item_means.nbytes)


def time_epochs(by_user: Csr, n_items: int, n_factors: int, n: int) -> list[float]:
    from lenskit.als import BiasedMFScorer
    from lenskit.training import TrainingOptions

    scorer = BiasedMFScorer(embedding_size=n_factors, epochs=n + 1, regularization=0.1)
    loop = scorer.create_trainer(to_dataset(by_user), TrainingOptions(rng=0))

    def steps() -> Iterator[None]:
        while True:
            loop.train_epoch()
            yield

    return harness.time_steps(steps(), n)
