"""myFM: factorisation machines by Gibbs sampling."""

from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.quality.protocol import Known, Settings, Trained
from movierec.data.rating_arrays import Array

BURN_IN = 30  # sweeps
DAY = 86_400  # seconds


def train(known: Known, settings: Settings) -> Trained:
    """Features are the user and the movie and, if set, who rated what and the day.

    implicit: the movies a user rated and the users who rated a movie, / √n. days: the day of the
    calendar; a day without ratings has no weights. probit: an ordered probit likelihood. sweeps:
    of which the first BURN_IN are not kept.
    """
    import myfm
    import scipy.sparse as sparse

    chosen = dict(settings)
    implicit, days, probit, sweeps = map(chosen.pop, ("implicit", "days", "probit", "sweeps"))
    ratings = known.ratings
    features = [sparse.identity(n, format="csr") for n in (known.n_users, known.n_items)]
    sizes = [known.n_users, known.n_items]
    if implicit:
        rated = peers.to_matrix(known.by_user, known.n_items, np.ones(len(ratings)))
        for side, matrix in enumerate((rated, rated.T.tocsr())):
            counts = np.maximum(1, np.diff(matrix.indptr))
            shared = sparse.diags(1 / np.sqrt(counts)) @ matrix
            features[side] = sparse.hstack([features[side], shared], format="csr")
        sizes = [known.n_users, known.n_items, known.n_items, known.n_users]
    if days:
        known_days = np.unique(ratings.timestamp // DAY)
        features.append(sparse.eye(len(known_days) + 1, len(known_days), format="csr"))
        sizes.append(len(known_days))

    def blocks(*pairs: Array) -> list[Any]:
        index = list(pairs[:2])
        if days:
            day = pairs[2] // DAY
            place = np.minimum(np.searchsorted(known_days, day), len(known_days) - 1)
            index.append(np.where(known_days[place] == day, place, len(known_days)))
        both = zip(index, features, strict=True)
        return [myfm.RelationBlock(rows.astype(np.int64), block) for rows, block in both]

    stars = np.unique(ratings.rating)
    values = np.searchsorted(stars, ratings.rating) if probit else ratings.rating.astype(float)
    kind = myfm.MyFMOrderedProbit if probit else myfm.MyFMRegressor
    model = kind(random_seed=known.params.seed, **chosen)
    train_blocks = blocks(ratings.user_index, ratings.item_index, ratings.timestamp)
    with known.clock.timed():
        model.fit(
            None,
            values,
            X_rel=train_blocks,
            n_iter=sweeps,
            n_kept_samples=sweeps - BURN_IN,
            group_shapes=sizes,
            callback=lambda *_: (False, None),
        )

    def predict(*pairs: Array) -> Array:
        if probit:
            chances = model.predict_proba(None, blocks(*pairs), n_workers=known.threads)
            return np.asarray(chances @ stars)
        return np.asarray(model.predict(None, blocks(*pairs), n_workers=known.threads))

    size = (sweeps - BURN_IN) * (1 + sum(sizes) * (1 + model.rank)) * 8
    return Trained(predict, size=size, by_time=days)
