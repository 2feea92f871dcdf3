"""myFM: factorisation machines by Gibbs sampling."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.quality.protocol import Known, Settings, Trained
from movierec.data.rating_arrays import Array

SWEEPS, N_SAMPLES = 200, 170


def trainer(implicit: bool) -> Callable[[Known, Settings], Trained]:
    """implicit: add features for the movies a user rated and the users who rated a movie, / √n."""

    def train(known: Known, settings: Settings) -> Trained:
        import scipy.sparse as sparse
        from myfm import MyFMRegressor, RelationBlock

        features = [sparse.identity(n, format="csr") for n in (known.n_users, known.n_items)]
        sizes = [known.n_users, known.n_items]
        if implicit:
            ones = np.ones(len(known.by_user.values))
            rated = peers.to_matrix(known.by_user, known.n_items, ones)
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
        train_blocks = blocks(ratings.user_index, ratings.item_index)
        with known.clock.timed():
            model.fit(
                None,
                ratings.rating.astype(np.float64),
                X_rel=train_blocks,
                n_iter=SWEEPS,
                n_kept_samples=N_SAMPLES,
                group_shapes=sizes,
                callback=lambda *_: (False, None),
            )
        return Trained(lambda *index: model.predict(None, blocks(*index), n_workers=known.threads))

    return train
