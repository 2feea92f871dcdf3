"""The contenders of `make compare`, each run in its own process:

    python -m benchmarks.quality.models tune NAME FOLDER OUT …
    python -m benchmarks.quality.models train NAME FOLDER OUT …

`tune` keeps its trials in OUT.log and prints the settings found as JSON. `train` trains with them
on train and validation together, writes its predictions and lists for test to OUT.npz and prints
seconds, memory and the model's size. FOLDER contains the split.
"""

import argparse
import importlib
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.peers import cmfrec, implicit, lenskit, movierec, myfm, surprise
from benchmarks.quality import protocol
from benchmarks.quality.protocol import Contender, Known, Settings, Space
from movierec.core.params import load_params
from movierec.data import parquet_tables
from movierec.experiments import tuning

RUNS: dict[str, Settings] = {  # our models by name: what differs from the `train` params
    f"{model}, {method}": {"model": model, "method": method}
    for model, method in [
        ("biases", "als"),
        ("mf", "als"),
        ("genre_mf", "als"),
        ("svdpp", "als"),
        ("mf", "gibbs"),
        ("genre_mf", "gibbs"),
        ("svdpp", "gibbs"),
    ]
} | {
    f"svdpp, days, {method}": {"model": "svdpp", "method": method, "days": True}
    for method in ("als", "gibbs")
}
BASE = "mf, als"  # the model with which the others are compared


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
MYFM_FIXED = {"implicit": False, "days": False, "probit": False, "sweeps": 400}
FLIPPED = {"implicit": True}  # SVD++ flipped: who rated what, on both sides
MYFM_ROWS = {
    "myFM": {},
    "myFM, SVD++ flipped": FLIPPED,
    "myFM, SVD++ flipped, days": FLIPPED | {"days": True},
    "myFM, SVD++ flipped, days, ordered probit": FLIPPED | {"days": True, "probit": True},
}

PEERS = [  # name, how it is trained, what is tuned, the settings tried first, …
    Contender(
        "Surprise SVD++",
        surprise.train,
        GRADIENT | {"n_factors": (1, 40), "n_epochs": (5, 60)},
        {"n_factors": 20, "n_epochs": 20, "lr_all": 0.007, "reg_all": 0.02},
        {"kind": "SVDpp"},
        package="scikit-surprise",
        module="surprise",
    ),
    *(
        Contender(
            name,
            myfm.train,
            MYFM | ({"rank": (4, 64)} if features else {}),  # each factor costs four times as much
            MYFM_FIRST,
            MYFM_FIXED | features,
            in_trials={"sweeps": 60},
            in_final={"sweeps": 200},
            package="myfm",
            module="myfm",
        )
        for name, features in reversed(MYFM_ROWS.items())
    ),
    Contender(
        "Surprise SVD",
        surprise.train,
        GRADIENT,
        {"n_factors": 100, "n_epochs": 20, "lr_all": 0.005, "reg_all": 0.02},
        {"kind": "SVD"},
        package="scikit-surprise",
        module="surprise",
    ),
    Contender(
        "cmfrec",
        cmfrec.train,
        CMFREC,
        CMFREC_FIRST,
        package="cmfrec",
        module="cmfrec",
    ),
    Contender(
        "cmfrec, implicit features",
        cmfrec.train,
        CMFREC | {"w_implicit": (0.003, 1.0)},
        CMFREC_FIRST | {"w_implicit": 0.5},
        {"add_implicit_features": True},
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
        *(Contender(name, movierec.train, fixed=changes) for name, changes in RUNS.items()),
        Contender(
            "damped biases", movierec.damped_biases, {"damping": (0.1, 100.0)}, {"damping": 5.0}
        ),
        Contender("popularity", movierec.popularity, by="ndcg"),
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
    parser.add_argument("--no-lists", action="store_true")
    args = parser.parse_args()
    contender, params = FIELD[args.name], load_params()
    if args.seed is not None:
        params = params.model_copy(update={"seed": args.seed})
    importlib.import_module(contender.module)
    known = protocol.read(args.folder, params, args.threads, args.task == "tune")
    if args.task == "tune":
        if args.tune_ours:
            contender = tuned(contender, known)
        journal = Path(f"{args.out}.log")
        result = protocol.tune(contender, known, args.trials, journal, partial(print, flush=True))
    else:
        result = answer(contender, known, args.settings, args.folder, args.out, args.no_lists)
    print(json.dumps(result))


def tuned(contender: Contender, known: Known) -> Contender:
    """A model of movierec tuned as by `make tune`; the committed params are tried first."""
    if contender.name not in RUNS:
        return contender
    params = known.params.train.model_copy(update=contender.fixed)
    space = tuning.search_space(params, min(known.n_users, known.n_items))
    first = {name: getattr(params, name) for name in space}
    return replace(contender, space=dict(space), first=first)


def answer(
    contender: Contender,
    known: Known,
    settings: Settings,
    folder: Path,
    out: Path,
    no_lists: bool = False,
) -> Settings:
    """Train, and write predictions for test pairs and top-n lists, without reading test ratings.

    no_lists: write empty lists; some contenders take minutes for all pairs.
    """
    trained = contender.train(known, contender.fixed | settings)
    names = ["user_index", "item_index", "timestamp"]
    pairs = parquet_tables.read_columns(folder / "test.parquet", names)
    users = protocol.ranked_users(known.params, known.n_users)
    lists = np.zeros((0, 0)) if no_lists else protocol.top_n(trained, known, users)
    predicted = trained.predict_at(*pairs) if contender.by == "rmse" else np.zeros(0)
    np.savez(f"{out}.npz", predicted=predicted, lists=lists)
    memory = known.clock.peak - known.clock.idle
    return {
        "seconds": known.clock.seconds,
        "memory_bytes": memory,
        "model_bytes": trained.size,
    }


if __name__ == "__main__":
    main()
