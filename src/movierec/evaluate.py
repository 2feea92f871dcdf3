"""What the evaluate stage reports beyond single errors: rankings, and errors by count."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from movierec import metrics, recommend, seeds
from movierec.model import Model
from movierec.params import Params
from movierec.sparse import Array, Csr, Ratings


def rank(models: dict[str, Model], known: Csr, test: Ratings, params: Params) -> dict[str, Any]:
    """Judge each model's lists over a seeded sample of users; all items not in `known` compete."""
    n, draw = params.evaluate.top_n, seeds.stream(params.seed, "evaluate/users")
    n_sampled = min(params.evaluate.ranking_users, known.n_rows)
    users = np.sort(draw.choice(known.n_rows, n_sampled, replace=False))
    row = np.full(known.n_rows, -1, np.int32)
    row[users] = np.arange(len(users), dtype=np.int32)
    wanted = (test.rating >= params.evaluate.relevant_rating) & (row[test.user_index] >= 0)
    relevant = test.take(wanted)
    relevant = replace(relevant, user_index=row[relevant.user_index])
    counts = np.bincount(known.indices, minlength=next(iter(models.values())).n_items)
    seen = known.take(users)
    result = {}
    for name, model in models.items():
        # As in the export, the model recommends no movie with fewer ratings than the floor.
        floor = params.recommend.min_ratings if name == "model" else 0
        lists, _ = recommend.top_n(model, seen, n, counts >= floor, users)
        quality = metrics.ranking(lists, relevant, counts, known.n_rows)
        result[name] = {
            f"{key}@{n}": getattr(quality, key) for key in ("ndcg", "recall", "coverage", "novelty")
        }
    n_judged = len(np.unique(relevant.user_index))
    return {"ranking": result, "n_ranked_users": n_judged, "n_left_out_users": n_sampled - n_judged}


def errors_by_count(counts: Array, model: Array, baseline: Array) -> pd.DataFrame:
    """RMSE by the number of ratings in training, in bins that double, out of squared errors."""
    bins = np.where(counts > 0, np.floor(np.log2(np.maximum(counts, 1))) + 1, 0).astype(int)
    rows = []
    for number in np.unique(bins):
        inside = bins == number
        low, high = (0, 0) if number == 0 else (2 ** (number - 1), 2**number - 1)
        rows.append(
            {
                "n_ratings": str(low) if low == high else f"{low}-{high}",
                "rmse": np.sqrt(model[inside].mean()),
                "damped_biases_rmse": np.sqrt(baseline[inside].mean()),
                "n_test": int(inside.sum()),
            }
        )
    return pd.DataFrame(rows)
