"""Rankings of every kind beside baselines and a tuned peer, on several draws of the split.

    python -m benchmarks.quality.rankings                   the data set that was last run; minutes

Each draw is split as params.yaml says. Both models are stopped by validation and trained again on
train and validation together; test is read once, at the end. The peer is implicit's ALS, if it is
installed, tuned on the same validation ratings by the same NDCG.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmarks.speed.run import machine
from movierec.core import manifests, paths
from movierec.core.params import Params, load_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Csr, Ratings
from movierec.evaluation import item_knn
from movierec.metrics import ranking_protocol
from movierec.metrics.ranking_protocol import RankingEvaluator
from movierec.model import baselines
from movierec.model.biased_mf import Model
from movierec.prepare import split as splitting
from movierec.recommending import rankers, uncertainty
from movierec.training import implicit_als, rating_model
from movierec.training.in_memory import InMemoryData

PEER = [  # factors, regularization, alpha
    (factors, ridge, alpha)
    for factors in (32, 64)
    for ridge in (3.0, 10.0, 30.0)
    for alpha in (3.0, 10.0)
]


def movierec(train: Csr, validation: Ratings, n_items: int, params: Params) -> tuple[Model, Model]:
    """The implicit model and that of ratings, after their refits."""
    both, scale = train.insert(validation), (params.data.rating_min, params.data.rating_max)
    sides, seed = ((csr, csr.transpose(n_items)) for csr in (train, both)), params.seed
    search, refit = sides
    watched = implicit_als.fit(InMemoryData(*search), params.implicit, seed, validation)
    settings = params.implicit.model_copy(update={"max_epochs": watched.best_epoch})
    watched = implicit_als.fit(InMemoryData(*refit), settings, seed)
    genres = parquet_tables.read_genres()
    data, data_of_both = (InMemoryData.of(*pair, params.train, genres) for pair in (search, refit))
    rated = rating_model.fit(data, params.train, seed, scale, validation)
    changed = params.train.model_copy(update={"max_epochs": rated.best_epoch})
    rated = rating_model.fit(data_of_both, changed, seed, scale)
    return watched.model, rated.model


def peer(train: Csr, validation: Ratings, n_items: int, params: Params) -> Model:
    """implicit's ALS, its settings by NDCG on validation; a Model of its factors."""
    import scipy.sparse
    from implicit.cpu.als import AlternatingLeastSquares

    def model_of(seen: Csr, settings: tuple[int, float, float]) -> Model:
        factors, ridge, alpha = settings
        ones = np.ones(len(seen.indices), np.float32)
        matrix = scipy.sparse.csr_matrix(
            (ones, seen.indices.copy(), seen.indptr.copy()), (seen.n_rows, n_items)
        )
        als = AlternatingLeastSquares(
            factors, regularization=ridge, alpha=alpha, random_state=0, use_cg=False
        )
        als.fit(matrix, show_progress=False)
        zeros = np.zeros(seen.n_rows, np.float32), np.zeros(n_items, np.float32)
        return Model(0.0, als.user_factors, als.item_factors, *zeros)

    settings = params.evaluate
    judge = RankingEvaluator.from_ratings(
        train, validation, n_items, settings.ranking_users, params.seed, "peer"
    )
    best = max(
        PEER,
        key=lambda tried: (
            judge.quality(
                judge.lists(model_of(train, tried), settings.top_n), settings.relevant_rating
            ).ndcg
        ),
    )
    return model_of(train.insert(validation), best)


def rankings(
    train: Csr, validation: Ratings, test: Ratings, n_items: int, params: Params
) -> dict[str, dict[str, float]]:
    """The quality of each ranking on test."""
    watched, rated = movierec(train, validation, n_items, params)
    known = train.insert(validation)
    by_item = known.transpose(n_items)
    rated_sets = item_knn.rated_sets(known, n_items)
    neighbours = item_knn.nearest([rated_sets], np.diff(rated_sets["of_items"]), 0, n_items)

    def deviations() -> uncertainty.Deviations:
        sides = rated.user_factors, rated.item_factors
        item_terms = uncertainty.item_terms(by_item, *sides, params.train)
        return uncertainty.deviations(rated, known, [item_terms], params.train)

    ranked = {
        name: rankers.ranking(name, watched, rated, params, deviations) for name in rankers.RANKINGS
    }
    others = {
        "popularity": baselines.popularity(known, by_item),
        "damped_biases": baselines.damped_biases(known, by_item, params.evaluate.baseline_damping),
        "item_knn": item_knn.scorer(known, *neighbours),
    }
    with suppress(ImportError):
        others["implicit's ALS, tuned"] = peer(train, validation, n_items, params)
    n, floor = params.evaluate.top_n, params.recommend.min_ratings
    most, seed = params.evaluate.ranking_users, params.seed
    judge = RankingEvaluator.from_ratings(known, test, n_items, most, seed, "evaluate/users")
    lists = {name: judge.lists(by, n, floor) for name, by in ranked.items()}
    lists |= {name: judge.lists(by, n) for name, by in others.items()}
    found, _ = ranking_protocol.compare_rankings(
        judge, lists, watched.item_factors, params.evaluate
    )
    return found["ranking"]  # type: ignore[no-any-return]


def lines_of(report: dict[str, dict[str, list[dict[str, float]]]]) -> Iterator[str]:
    host, results = report["machine"], report["results"]
    yield (
        f"{report['dataset']}, {len(report['seeds'])} draws of the split; mean ± standard deviation"
        f" over the draws. {host['processor']}, Python {host['python']}."
    )
    yield ""
    keys = list(next(iter(results.values()))[0])
    yield f"| ranked by | {' | '.join(keys)} | {keys[0]}, over popularity's of the same draw |"
    yield "|---" * (len(keys) + 2) + "|"
    popular = np.array([entry[keys[0]] for entry in results["popularity"]])
    for name, entries in results.items():
        values = np.array([[entry[key] for key in keys] for entry in entries])
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(len(keys))
        cells = [
            f"{mean:.3f} ± {sd:.3f}" for mean, sd in zip(values.mean(axis=0), spread, strict=True)
        ]
        yield f"| {name} | {' | '.join(cells)} | {(values[:, 0] / popular).mean():.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="*", type=int, default=[20, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    args = parser.parse_args()
    params = load_params()
    manifests.read_manifest(paths.INDEX, params.dataset)
    ratings, n_users, n_items = parquet_tables.read_index()
    results: dict[str, list[dict[str, float]]] = {}
    for seed in args.seeds:
        seeded = params.model_copy(update={"seed": seed})
        train, validation, test = splitting.split(ratings, n_users, params.split, seed)
        found = rankings(train.by_user(n_users), validation, test, n_items, seeded)
        for name, entry in found.items():
            results.setdefault(name, []).append(entry)
        print(
            f"seed {seed}",
            {name: round(entry["ndcg@10"], 4) for name, entry in found.items()},
            flush=True,
        )
    report = {"machine": machine(), "dataset": params.dataset, "seeds": args.seeds}
    report["results"] = results
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"rankings-{params.dataset}"
    path.with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    table = "\n".join(lines_of(report))
    path.with_suffix(".md").write_text(table + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
