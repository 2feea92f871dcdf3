"""Test RMSE of every model beside a tuned peer, on several draws of the split.

    python -m benchmarks.compare                    the data set that was last run; minutes

Each draw is split as params.yaml says. Training is stopped by validation, then repeated on train
and validation together, and the test ratings are read once, at the end. cmfrec, if it is installed,
is tuned on the same validation ratings.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import machine
from movierec import artifacts, outputs, training
from movierec import split as splitting
from movierec.als import Data
from movierec.metrics import errors_of
from movierec.params import Params, load_params
from movierec.sparse import Csr, Ratings

RUNS = [  # train.model, train.method
    ("damped_biases", "als"),
    ("biases", "als"),
    ("mf", "als"),
    ("genre_mf", "als"),
    ("svdpp", "als"),
    ("mf", "gibbs"),
    ("genre_mf", "gibbs"),
    ("svdpp", "gibbs"),
]
PEER_FACTORS, PEER_RIDGES = (4, 8, 16, 32, 64), (0.02, 0.05, 0.1, 0.15, 0.2)


def movierec(
    parts: tuple[Ratings, Ratings, Ratings], sizes: tuple[int, int], params: Params
) -> dict[str, float]:
    """RMSE on validation, and on test after the refit."""
    train, validation, test = parts
    scale, genres = (params.data.rating_min, params.data.rating_max), artifacts.read_genres()

    def data_of(by_user: Csr) -> Data:
        return Data.of(by_user, by_user.transpose(sizes[1]), params.train, genres)

    by_user = train.by_user(sizes[0])
    fit = training.fit(data_of(by_user), params.train, params.seed, scale, validation)
    changed = params.train.model_copy(update={"max_epochs": fit.best_epoch})
    both = data_of(by_user.insert(validation))
    model = training.fit(both, changed, params.seed, scale).model
    return {"validation": fit.validation.rmse, "test": errors_of(model, test, scale).rmse}


def cmfrec(
    parts: tuple[Ratings, Ratings, Ratings], sizes: tuple[int, int], params: Params
) -> dict[str, float]:
    """cmfrec's explicit ALS, exact, with a count-scaled ridge; its settings by validation."""
    import scipy.sparse
    from cmfrec import CMF

    train, validation, test = parts
    scale = params.data.rating_min, params.data.rating_max

    def rmse(known: list[Ratings], asked: Ratings, k: int, ridge: float) -> float:
        user, item, rating = (
            np.concatenate([getattr(part, name) for part in known])
            for name in ("user_index", "item_index", "rating")
        )
        matrix = scipy.sparse.coo_matrix((rating, (user, item)), shape=sizes)
        model = CMF(k=k, lambda_=ridge, scale_lam=True, niter=30, use_cg=False, verbose=False)
        predicted = model.fit(matrix).predict(asked.user_index, asked.item_index)
        return float(np.sqrt(np.mean((asked.rating - np.clip(predicted, *scale)) ** 2)))

    tried = {
        (k, ridge): rmse([train], validation, k, ridge)
        for k in PEER_FACTORS
        for ridge in PEER_RIDGES
    }
    best = min(tried, key=lambda settings: tried[settings])
    return {"validation": tried[best], "test": rmse([train, validation], test, *best)}


def runs(params: Params) -> Iterator[tuple[str, Any, Params]]:
    """Name, function and params of each run."""
    for model, method in RUNS:
        changed = params.train.model_copy(update={"model": model, "method": method})
        yield f"{model}, {method}", movierec, params.model_copy(update={"train": changed})
    yield "cmfrec, tuned", cmfrec, params


def table(report: dict[str, Any]) -> str:
    host, n = report["machine"], len(report["seeds"])
    lines = [
        f"{report['dataset']}, {n} draws of the split; RMSE in stars, mean ± standard deviation"
        f" over the draws. {host['processor']}, Python {host['python']}.",
        "",
        "| model, method | validation | test | test, less mf by als of the same draw |",
        "|---|---|---|---|",
    ]
    base = np.array([entry["test"] for entry in report["results"]["mf, als"]])
    for name, entries in report["results"].items():
        validation, test = (
            np.array([entry[part] for entry in entries]) for part in ("validation", "test")
        )
        gain = test - base
        lines.append(
            f"| {name} | {validation.mean():.4f} | {test.mean():.4f} ± {test.std(ddof=1):.4f}"
            f" | {gain.mean():+.4f} ± {gain.std(ddof=1):.4f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="*", type=int, default=[20, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    args = parser.parse_args()
    params = load_params()
    outputs.read_manifest(outputs.INDEX, params.dataset)
    ratings, n_users, n_items = artifacts.read_index()
    results: dict[str, list[dict[str, float]]] = {}
    for seed in args.seeds:
        seeded = params.model_copy(update={"seed": seed})
        parts = splitting.split(ratings, n_users, params.split, seed)
        for name, run, changed in runs(seeded):
            try:
                entry = run(parts, (n_users, n_items), changed)
            except ImportError:
                continue
            print(f"seed {seed}  {name:22} {entry}", flush=True)
            results.setdefault(name, []).append(entry)
    report = {"machine": machine(), "dataset": params.dataset, "seeds": args.seeds}
    report["results"] = results
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"compare-{params.dataset}"
    path.with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(table(report) + "\n", encoding="utf-8")
    print(table(report))


if __name__ == "__main__":
    main()
