"""The peers of `make compare`: each trained through its own interface, on the same ratings.

Those whose model is factors and biases hand these over, and are asked as ours is; the others are
asked through their own. benchmarks/peers.txt lists the packages.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.quality.protocol import Known, Settings, Trained
from movierec.data.rating_arrays import Array
from movierec.model.biased_mf import Model

MYFM_SWEEPS, MYFM_KEPT = 200, 170
RATINGS_OF_A_ROW = 50  # what a ridge by rating is times that of a whole row, about


def frame_of(known: Known, user: str, item: str) -> Any:
    import pandas as pd

    ratings = known.ratings
    columns = {user: ratings.user_index, item: ratings.item_index, "rating": ratings.rating}
    return pd.DataFrame(columns)


def matrix_of(known: Known, values: Array | None = None) -> Any:
    import scipy.sparse

    csr = known.by_user
    data = csr.values if values is None else values
    shape = known.n_users, known.n_items
    return scipy.sparse.csr_matrix((data, csr.indices, csr.indptr), shape, copy=True)


def model_of(
    known: Known, mean: float, users: tuple[Array, ...], items: tuple[Array, ...]
) -> Trained:
    """users, items: indices of rows, their factors, their biases; what is not there is 0."""
    placed = []
    for n_rows, (index, factors, biases) in ((known.n_users, users), (known.n_items, items)):
        all_factors = np.zeros((n_rows, np.shape(factors)[1]), np.float32)
        all_biases = np.zeros(n_rows, np.float32)
        all_factors[index], all_biases[index] = factors, biases
        placed.append((all_factors, all_biases))
    (user_factors, user_biases), (item_factors, item_biases) = placed
    return Trained(Model(mean, user_factors, item_factors, user_biases, item_biases).predict)


# --- scikit-surprise: stochastic gradient descent


def surprise(kind: str) -> Callable[[Known, Settings], Trained]:
    def train(known: Known, settings: Settings) -> Trained:
        import surprise

        reader = surprise.Reader(rating_scale=known.scale)
        frame = frame_of(known, "user", "item")
        data = surprise.Dataset.load_from_df(frame, reader).build_full_trainset()
        options = {"cache_ratings": True} if kind == "SVDpp" else {}
        model = getattr(surprise, kind)(random_state=known.params.seed, **options, **settings)
        with known.clock.timed():
            model.fit(data)
        users = [data.to_raw_uid(user) for user in range(data.n_users)]
        items = [data.to_raw_iid(item) for item in range(data.n_items)]
        factors = model.pu.copy()
        for user, rated in data.ur.items() if kind == "SVDpp" else ():
            factors[user] += model.yj[[item for item, _ in rated]].sum(0) / np.sqrt(len(rated))
        of_users, of_items = (users, factors, model.bu), (items, model.qi, model.bi)
        return model_of(known, data.global_mean, of_users, of_items)

    return train


# --- cmfrec: alternating least squares, exact


def cmfrec(implicit: bool) -> Callable[[Known, Settings], Trained]:
    """The ridge is by rating (count-scaled) or not; the biases' is a multiple of the factors'.

    Its biases of users and of movies may both be shifted, one against the other. A row without
    ratings keeps the bias that cmfrec starts from; it is given the mean of the others for it.
    """

    def train(known: Known, settings: Settings) -> Trained:
        from cmfrec import CMF

        chosen = dict(settings)
        ridge, of_biases = chosen.pop("ridge"), chosen.pop("bias_ridge")
        ridge *= 1 if chosen["scale_lam"] else RATINGS_OF_A_ROW
        ridges = np.array([ridge * of_biases] * 2 + [ridge] * 4)
        fixed = {"use_cg": False, "nthreads": known.threads, "random_state": known.params.seed}
        model = CMF(lambda_=ridges, add_implicit_features=implicit, **fixed, **chosen)
        matrix = matrix_of(known).tocoo()
        with known.clock.timed():
            model.fit(matrix)
        sides = []
        for index, factors, biases in (
            (matrix.row, model.A_, model.user_bias_),
            (matrix.col, model.B_, model.item_bias_),
        ):
            there = np.bincount(index, minlength=len(biases)) > 0
            filled = np.where(there, biases, biases[index].mean())
            sides.append((np.arange(len(biases)), factors * there[:, None], filled))
        return model_of(known, model.glob_mean_, *sides)

    return train


# --- LensKit: alternating least squares over static biases; nearest neighbours


def lenskit_als(known: Known, settings: Settings) -> Trained:
    from lenskit.als import BiasedMFScorer
    from lenskit.data import from_interactions_df
    from lenskit.training import TrainingOptions

    chosen = dict(settings)
    ridges = {"user": chosen.pop("user_ridge"), "item": chosen.pop("item_ridge")}
    model = BiasedMFScorer(regularization=ridges, **chosen)
    data = from_interactions_df(frame_of(known, "user_id", "item_id"))
    with known.clock.timed():
        model.train(data, TrainingOptions(rng=known.params.seed))
    users = data.users.ids(), model.user_embeddings, model.bias.user_biases
    items = data.items.ids(), model.item_embeddings, model.bias.item_biases
    return model_of(known, model.bias.global_bias, users, items)


def lenskit_knn(known: Known, settings: Settings) -> Trained:
    """Its own biases answer where it finds no neighbours, as in its pipelines."""
    from lenskit.basic import BiasScorer
    from lenskit.data import ItemList, RecQuery, from_interactions_df
    from lenskit.knn import ItemKNNScorer
    from lenskit.training import TrainingOptions

    model, fallback = ItemKNNScorer(**settings), BiasScorer()
    data = from_interactions_df(frame_of(known, "user_id", "item_id"))
    with known.clock.timed():
        model.train(data, TrainingOptions(rng=known.params.seed))
    fallback.train(data, TrainingOptions())

    def of_user(user: int, items: Array) -> Array:
        mine = known.by_user.take(np.array([user]))
        history = ItemList(item_ids=mine.indices, rating=mine.values)
        query = RecQuery(user_id=user, history_items=history)
        asked = ItemList(item_ids=items)
        scores = model(query, asked).scores()
        return np.where(np.isfinite(scores), scores, fallback(query, asked).scores())

    def predict(user_index: Array, item_index: Array) -> Array:
        predicted = np.empty(len(user_index), np.float32)
        order = np.argsort(user_index, kind="stable")
        first = np.flatnonzero(np.diff(user_index[order], prepend=-1))
        for places in np.split(order, first[1:]):
            predicted[places] = of_user(int(user_index[places[0]]), item_index[places])
        return predicted

    return Trained(predict)


# --- implicit: alternating least squares on who rated what, for ranking


def implicit_als(known: Known, settings: Settings) -> Trained:
    """What counts as feedback: any rating, a rating by its stars, or a relevant rating alone."""
    from implicit.cpu.als import AlternatingLeastSquares

    chosen, values = dict(settings), known.by_user.values
    weights = {
        "any": np.ones_like(values),
        "stars": values,
        "relevant": (values >= known.params.evaluate.relevant_rating).astype(np.float32),
    }[chosen.pop("feedback")]
    matrix = matrix_of(known, weights)
    matrix.eliminate_zeros()
    fixed = {"num_threads": known.threads, "random_state": known.params.seed}
    model = AlternatingLeastSquares(**fixed, **chosen)
    with known.clock.timed():
        model.fit(matrix, show_progress=False)
    sides = []
    for factors in (model.user_factors, model.item_factors):
        sides.append((np.arange(len(factors)), factors, np.zeros(len(factors))))
    return model_of(known, 0.0, *sides)


# --- myFM: factorisation machines by Gibbs sampling


def myfm(implicit: bool) -> Callable[[Known, Settings], Trained]:
    """implicit: users also by the movies they rated, movies by who rated them, over √n."""

    def train(known: Known, settings: Settings) -> Trained:
        import scipy.sparse as sparse
        from myfm import MyFMRegressor, RelationBlock

        features = [sparse.identity(n, format="csr") for n in (known.n_users, known.n_items)]
        sizes = [known.n_users, known.n_items]
        if implicit:
            rated = matrix_of(known, np.ones(len(known.by_user.values)))
            for side, matrix in enumerate((rated, rated.T.tocsr())):
                counts = np.maximum(1, np.diff(matrix.indptr))
                shared = sparse.diags(1 / np.sqrt(counts)) @ matrix
                features[side] = sparse.hstack([features[side], shared], format="csr")
            sizes = [known.n_users, known.n_items, known.n_items, known.n_users]

        def blocks(*index: Array) -> list[Any]:
            both = zip(index, features, strict=True)
            return [RelationBlock(rows.astype(np.int64), block) for rows, block in both]

        ratings = known.ratings
        model = MyFMRegressor(random_seed=known.params.seed, **settings)
        known_blocks = blocks(ratings.user_index, ratings.item_index)
        with known.clock.timed():
            model.fit(
                None,
                ratings.rating.astype(np.float64),
                X_rel=known_blocks,
                n_iter=MYFM_SWEEPS,
                n_kept_samples=MYFM_KEPT,
                group_shapes=sizes,
                callback=lambda *_: (False, None),
            )
        return Trained(lambda *index: model.predict(None, blocks(*index), n_workers=known.threads))

    return train
