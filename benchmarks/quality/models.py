"""The contenders of `make compare`, each run in its own process:

    python -m benchmarks.quality.models tune NAME FOLDER OUT …
    python -m benchmarks.quality.models train NAME FOLDER OUT …

`tune` prints the settings found as JSON. `train` trains with them on train and validation together,
writes its predictions and lists for test to OUT.npz and prints seconds and memory. FOLDER contains
the split.
"""

import argparse
import importlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import ours
from benchmarks.peers import cmfrec, implicit, lenskit, myfm, surprise
from benchmarks.quality import protocol
from benchmarks.quality.protocol import Contender, Known, Settings, Space, Trained
from movierec.core.params import load_params
from movierec.data import parquet_tables
from movierec.experiments import tuning
from movierec.model import baselines

RUNS = [  # train.model, train.method
    ("biases", "als"),
    ("mf", "als"),
    ("genre_mf", "als"),
    ("svdpp", "als"),
    ("mf", "gibbs"),
    ("genre_mf", "gibbs"),
    ("svdpp", "gibbs"),
]
BASE = "mf, als"  # the model with which the others are compared


def our_trainer(model: str, method: str) -> Callable[[Known, Settings], Trained]:
    """A model of movierec with the committed params; validation sets the number of epochs."""

    def train(known: Known, settings: Settings) -> Trained:
        changes = {"model": model, "method": method, **settings}
        params = known.params.train.model_copy(update=changes)
        genres = parquet_tables.read_genres() if model == "genre_mf" else None
        options = (known.params.seed, known.scale, genres, known.validation)
        with known.clock.timed():
            state = ours.fit_ratings(known.by_user, known.n_items, params, *options)
        stops = known.validation and method == "als"
        return Trained(state.model.predict, {"max_epochs": state.best_epoch} if stops else {})

    return train


def damped_biases(known: Known, settings: Settings) -> Trained:
    by_item = known.by_user.transpose(known.n_items)
    with known.clock.timed():
        model = baselines.damped_biases(known.by_user, by_item, settings["damping"])
    return Trained(model.predict)


def popularity(known: Known, settings: Settings) -> Trained:
    by_item = known.by_user.transpose(known.n_items)
    with known.clock.timed():
        model = baselines.popularity(known.by_user, by_item)
    return Trained(model.predict)


GRADIENT: Space = {
    "n_factors": (1, 200),
    "n_epochs": (5, 100),
    "lr_all": (0.001, 0.05),
    "reg_all": (0.01, 1.0),
}
CMFREC: Space = {
    "k": (2, 128),
    "ridge": (0.01, 2.0),
    "bias_ridge": (0.03, 10.0),
    "scale_lam": [False, True],
    "niter": (5, 60),
}
CMFREC_FIRST = {"k": 40, "ridge": 0.2, "bias_ridge": 1.0, "scale_lam": False, "niter": 10}
LENSKIT: Space = {
    "embedding_size": (2, 128),
    "epochs": (3, 60),
    "user_ridge": (0.01, 1.0),
    "item_ridge": (0.01, 1.0),
    "damping": (0.5, 50.0),
}
LENSKIT_FIRST = {"embedding_size": 50, "epochs": 10, "user_ridge": 0.1, "item_ridge": 0.1}
KNN: Space = {
    "max_nbrs": (5, 200),
    "min_nbrs": [1, 2, 3, 5],
    "min_sim": [1e-6, 0.01, 0.03, 0.1],
}
IMPLICIT: Space = {
    "factors": (8, 256),
    "regularization": (0.001, 100.0),
    "alpha": (0.1, 100.0),
    "iterations": (3, 50),
    "feedback": ["any", "stars", "relevant"],
}
IMPLICIT_FIRST = {"factors": 100, "regularization": 0.01, "alpha": 1.0, "iterations": 15}
MYFM: Space = {
    "rank": (2, 128),
    "init_stdev": (0.02, 1.0),
    "alpha_0": (0.1, 10.0),
    "beta_0": (0.1, 10.0),
    "gamma_0": (0.1, 10.0),
}
MYFM_FIRST = {"rank": 8, "init_stdev": 0.1, "alpha_0": 1.0, "beta_0": 1.0, "gamma_0": 1.0}

PEERS = [  # name, package and module, how it is trained, what is tuned, the settings tried first
    Contender(
        "Surprise SVD++",
        surprise.trainer("SVDpp"),
        GRADIENT | {"n_factors": (1, 40), "n_epochs": (5, 60)},
        {"n_factors": 20, "n_epochs": 20, "lr_all": 0.007, "reg_all": 0.02},
        package="scikit-surprise",
        module="surprise",
    ),
    Contender(
        "Surprise SVD",
        surprise.trainer("SVD"),
        GRADIENT,
        {"n_factors": 100, "n_epochs": 20, "lr_all": 0.005, "reg_all": 0.02},
        package="scikit-surprise",
        module="surprise",
    ),
    Contender(
        "cmfrec", cmfrec.trainer(False), CMFREC, CMFREC_FIRST, package="cmfrec", module="cmfrec"
    ),
    Contender(
        "cmfrec, implicit features",
        cmfrec.trainer(True),
        CMFREC | {"w_implicit": (0.003, 1.0)},
        CMFREC_FIRST | {"w_implicit": 0.5},
        package="cmfrec",
        module="cmfrec",
    ),
    Contender(
        "LensKit ALS",
        lenskit.train_als,
        LENSKIT,
        LENSKIT_FIRST | {"damping": 5.0},
        package="lenskit",
        module="lenskit.als",
    ),
    Contender(
        "LensKit item-kNN",
        lenskit.train_knn,
        KNN,
        {"max_nbrs": 20, "min_nbrs": 1, "min_sim": 1e-6},
        package="lenskit",
        module="lenskit.knn",
    ),
    Contender("myFM", myfm.trainer(False), MYFM, MYFM_FIRST, package="myfm", module="myfm"),
    Contender(
        "myFM, SVD++ flipped",
        myfm.trainer(True),
        MYFM,
        MYFM_FIRST,
        package="myfm",
        module="myfm",
    ),
    Contender(
        "implicit ALS",
        implicit.train,
        IMPLICIT,
        IMPLICIT_FIRST | {"feedback": "any"},
        by="ndcg",
        package="implicit",
        module="implicit.als",
    ),
]


FIELD = {
    contender.name: contender
    for contender in [
        *PEERS,  # the slowest first
        *(Contender(f"{model}, {method}", our_trainer(model, method)) for model, method in RUNS),
        Contender("damped biases", damped_biases, {"damping": (0.1, 100.0)}, {"damping": 5.0}),
        Contender("popularity", popularity, by="ndcg"),
    ]
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=["tune", "train"])
    parser.add_argument("name", choices=FIELD)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path, help="where to write, without the ending")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--settings", type=json.loads, default={})
    parser.add_argument("--seed", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tune-ours", action="store_true")
    args = parser.parse_args()
    contender, params = FIELD[args.name], load_params()
    if args.seed is not None:
        params = params.model_copy(update={"seed": args.seed})
    importlib.import_module(contender.module)
    known = protocol.read(args.folder, params, args.threads, args.task == "tune")
    if args.task == "tune":
        if args.tune_ours:
            contender = tuned(contender, known)
        result = protocol.tune(contender, known, args.trials, lambda line: print(line, flush=True))
    else:
        result = answer(contender, known, args.settings, args.folder, args.out)
    print(json.dumps(result))


def tuned(contender: Contender, known: Known) -> Contender:
    """A model of movierec tuned as by `make tune`; the committed params are tried first."""
    if contender.space or contender.by != "rmse":
        return contender
    model, method = contender.name.split(", ")
    params = known.params.train.model_copy(update={"model": model, "method": method})
    space = tuning.search_space(params, min(known.n_users, known.n_items))
    first = {name: getattr(params, name) for name in space}
    return Contender(contender.name, contender.train, dict(space), first)


def answer(
    contender: Contender, known: Known, settings: Settings, folder: Path, out: Path
) -> Settings:
    """Train, and write predictions for test pairs and top-n lists, without reading test ratings."""
    trained = contender.train(known, settings)
    pairs = parquet_tables.read_columns(folder / "test.parquet", ["user_index", "item_index"])
    users = protocol.ranked_users(known.params, known.n_users)
    lists = protocol.top_n(trained, known, users)
    predicted = trained.predict(*pairs) if contender.by == "rmse" else np.zeros(0)
    np.savez(f"{out}.npz", predicted=predicted, lists=lists)
    memory = known.clock.peak - known.clock.idle
    return {"seconds": known.clock.seconds, "memory_bytes": memory}


if __name__ == "__main__":
    main()
