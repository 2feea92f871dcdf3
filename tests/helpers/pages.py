"""Pages about small random models, and a page with a recommender alone, for the tests' browser."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd

from movierec.core.params import load_params
from movierec.model.item_regression import ItemWeights
from movierec.model.model_file import Models
from movierec.page import bundle, payload
from tests.helpers.browser import visiting
from tests.helpers.clone import ROOT
from tests.helpers.random_data import random_model

GENRES = ("Action", "Comedy", "Drama", "Horror", "Sci-Fi")
N_USERS = 100
SHELL = """<!doctype html><html lang="en"><meta charset="utf-8"><title>test</title>
<script type="text/plain" id="data">{data}</script>
<script type="module">{code}
globalThis.recommender = createRecommender(await unpack(document.getElementById("data").text));
</script></html>"""


def make_items(n, seed=0):
    """Movies in the columns of items.parquet, the most rated first; two have one title."""
    rng = np.random.default_rng(seed)
    titles = [f"Movie {number} ({1950 + number % 50})" for number in range(n)]
    if n > 6:
        titles[6] = titles[4]
    return pd.DataFrame(
        {
            "movie_id": np.arange(1000, 1000 + n),
            "title": titles,
            "year": pd.array([1950 + number % 50 for number in range(n)], "Int32"),
            "genres": [list(rng.choice(GENRES, rng.integers(0, 4), replace=False)) for _ in titles],
            "n_ratings": np.sort(rng.integers(1, N_USERS, n))[::-1],
        }
    )


def make_params(**changes):
    """The committed params, with changes by block."""
    params = load_params(ROOT / "params.yaml")
    blocks = {
        name: getattr(params, name).model_copy(update=values) for name, values in changes.items()
    }
    return params.model_copy(update=blocks)


def make_page(params, rating=None, items=None, implicit=None, regression=None):
    """A page whose models record the params they were trained with."""
    items = make_items(40) if items is None else items
    n = len(items)
    none = np.zeros(n)
    data = {"data": {"rating_min": params.data.rating_min, "rating_max": params.data.rating_max}}
    trained = {name: getattr(params, name).model_dump() for name in ("train", "implicit")}
    trained["item_regression"] = params.item_regression.model_dump()
    manifest = {"download": {"params": data}} | {
        name: {"params": {name: values}, "versions": {"movierec": "0.1.0"}}
        for name, values in trained.items()
    }
    models = Models(
        rating or random_model(1, n_items=n),
        implicit or replace(random_model(2, n_items=n), item_biases=none),
        regression or make_regression(n),
    )
    models = Models(*(replace(model, manifest=manifest) for model in models))
    count = int(items["n_ratings"].sum())
    figures = {"rmse": 0.9, "ndcg@10": 0.4}
    intervals = {"rmse": {"low": 0.8, "high": 1.0}, "ndcg@10": {"low": 0.3, "high": 0.5}}
    ranking = params.recommend.ranking
    measured = {
        "index": {
            "n_ratings": count,
            "n_users": N_USERS,
            "n_movies": n,
            "first_timestamp": 874724710,
            "last_timestamp": None,
        },
        "evaluate": {
            "test": figures,
            "ranking": {ranking: figures},
            "intervals": {"test": intervals, "ranking": {ranking: intervals}},
        },
    }
    return payload.Page(params, models, items, measured)


def make_regression(n, n_weights=5, seed=3):
    """Random weights, of all movies but the third, to others in order."""
    rng = np.random.default_rng(seed)
    items = np.delete(np.arange(n, dtype=np.int32), 2)
    others = [np.sort(rng.permutation(n - 1)[:n_weights]) for _ in items]
    weights = rng.normal(0, 0.1, (n - 1, n_weights)).astype(np.float32)
    return ItemWeights(items, np.array(others, np.int32), weights, n)


@contextmanager
def recommender_of(data, folder):
    """A page with nothing but `recommender`, for the data of a page."""
    code = "\n".join(bundle.modules("recommender.js"))
    path = folder / "recommender.html"
    path.write_text(SHELL.format(data=data, code=code), encoding="utf-8")
    with visiting(path) as visit:
        visit.page.wait_for_function("globalThis.recommender", timeout=10_000)
        yield visit
