"""scikit-surprise: stochastic gradient descent."""

import numpy as np

from benchmarks import peers
from benchmarks.quality.protocol import Known, Settings, Trained


def train(known: Known, settings: Settings) -> Trained:
    """kind: SVD or SVDpp."""
    import surprise

    chosen = dict(settings)
    kind = chosen.pop("kind")
    reader = surprise.Reader(rating_scale=known.scale)
    frame = peers.to_frame(known.by_user)
    data = surprise.Dataset.load_from_df(frame, reader).build_full_trainset()
    options = {"cache_ratings": True} if kind == "SVDpp" else {}
    model = getattr(surprise, kind)(random_state=known.params.seed, **options, **chosen)
    with known.clock.timed():
        model.fit(data)
    users = np.array([data.to_raw_uid(user) for user in range(data.n_users)])
    items = np.array([data.to_raw_iid(item) for item in range(data.n_items)])
    factors = model.pu.copy()
    for user, rated in data.ur.items() if kind == "SVDpp" else ():
        factors[user] += model.yj[[item for item, _ in rated]].sum(0) / np.sqrt(len(rated))
    user_rows, item_rows = (users, factors, model.bu), (items, model.qi, model.bi)
    return peers.to_trained(known, data.global_mean, user_rows, item_rows)
