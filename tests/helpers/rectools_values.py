"""Write rectools.json: a small example and its metrics by RecTools.

RecTools 0.19 needs NumPy 1, which movierec does not support, so use a separate environment:

    pip install rectools==0.19.0
    python tests/helpers/rectools_values.py
"""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

N_USERS, N_ITEMS, N = 12, 30, 5
Pairs = list[list[int]]


def example(short: bool) -> dict[str, Any]:
    """Known pairs, relevant pairs, and a list of unseen items per user, some shorter if asked."""
    rng = np.random.default_rng(int(short))
    known: Pairs = []
    relevant: Pairs = []
    lists: Pairs = []
    for user in range(N_USERS):
        order = [*rng.permutation(N_ITEMS - 4).tolist(), N_ITEMS - 4 + user % 4]  # the last is cold
        n_known, n_relevant = rng.integers(4, 13), user % 8  # two users have none
        known += [[user, item] for item in order[:n_known]]
        relevant += [[user, item] for item in order[n_known : n_known + n_relevant]]
        listed = rng.permutation(order[n_known:])[: N - (user % 3 if short else 0)]
        lists.append(listed.tolist())
    return {"known": known, "relevant": relevant, "lists": lists}


def values(known: Pairs, relevant: Pairs, lists: Pairs) -> dict[str, float]:
    from rectools import Columns
    from rectools.metrics import NDCG, CatalogCoverage, MeanInvUserFreq, Recall

    rows = [(user, item, k + 1) for user, of in enumerate(lists) for k, item in enumerate(of)]
    listed = pd.DataFrame(rows, columns=[Columns.User, Columns.Item, Columns.Rank])
    before, after = (
        pd.DataFrame(pairs, columns=[Columns.User, Columns.Item]) for pairs in (known, relevant)
    )
    return {
        "ndcg": NDCG(N, divide_by_achievable=True).calc(listed, after),
        "recall": Recall(N).calc(listed, after),
        "coverage": CatalogCoverage(N, normalize=True).calc(listed, range(N_ITEMS)),
        "novelty": MeanInvUserFreq(N).calc(listed, before),
    }


def main() -> None:
    examples = {"full": example(short=False), "short": example(short=True)}
    for one in examples.values():
        one["values"] = {name: float(value) for name, value in values(**one).items()}
    sizes = {"n": N, "n_users": N_USERS, "n_items": N_ITEMS}
    report = {"rectools": metadata.version("rectools"), **sizes, "examples": examples}
    path = Path(__file__).with_name("rectools.json")
    path.write_text(json.dumps(report) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
