"""Compare all rankings with baselines and a tuned peer, on several draws of the split.

    python -m benchmarks.quality.rankings                   the data set that was last run; minutes

Each draw is split as params.yaml says. Both models are stopped by validation and trained again on
train and validation together; test is read once, at the end. The peer is implicit's ALS, if it is
installed, tuned on the same validation ratings by the same NDCG.
"""

import argparse
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ours
from benchmarks.harness import RESULTS, machine, write_report
from movierec.core import manifests, paths
from movierec.core.params import Params, load_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Csr, Ratings
from movierec.evaluation import item_knn
from movierec.metrics import ranking_protocol
from movierec.metrics.ranking_protocol import RankingEvaluator
from movierec.model import baselines
from movierec.model.biased_mf import Model
from movierec.model.item_regression import Cells, RegressionScores
from movierec.model.top_n_lists import Ranked
from movierec.prepare import split as splitting
from movierec.recommending import rankers, uncertainty

PEER = [  # factors, regularization, alpha
    (factors, ridge, alpha)
    for factors in (32, 64)
    for ridge in (3.0, 10.0, 30.0)
    for alpha in (3.0, 10.0)
]


def peer(train: Csr, validation: Ratings, n_items: int, params: Params) -> Model:
    """implicit's ALS, tuned by NDCG on validation, as a Model of its factors."""
    from benchmarks.peers import implicit

    def fit(seen: Csr, settings: tuple[int, float, float]) -> Model:
        factors, ridge, alpha = settings
        options: dict[str, Any] = {"factors": factors, "regularization": ridge, "alpha": alpha}
        als = implicit.fit(seen, n_items, random_state=0, use_cg=False, **options)
        zeros = np.zeros(seen.n_rows, np.float32), np.zeros(n_items, np.float32)
        return Model(0.0, als.user_factors, als.item_factors, *zeros)

    settings = params.evaluate
    evaluator = RankingEvaluator.from_ratings(
        train, validation, n_items, settings.ranking_users, params.seed, "peer"
    )
    best = max(
        PEER,
        key=lambda tried: (
            evaluator.quality(
                evaluator.lists(fit(train, tried), settings.top_n), params.relevant_rating
            ).ndcg
        ),
    )
    return fit(train.insert(validation), best)


def rankings(
    train: Csr, validation: Ratings, test: Ratings, n_items: int, params: Params
) -> dict[str, dict[str, float]]:
    """The quality of each ranking on test."""
    genres, scale = parquet_tables.read_genres(), params.data.scale
    models = ours.fit_all(train, n_items, params, genres, validation)
    watched, rated = models.implicit, models.rating
    known = train.insert(validation)
    by_item = known.transpose(n_items)
    rated_sets = item_knn.rated_sets(known, n_items)
    neighbours = item_knn.nearest([rated_sets], np.diff(rated_sets["of_items"]), 0, n_items)

    def deviations() -> uncertainty.Deviations:
        sides, settings = (rated.user_factors, rated.item_factors), params.train.on_scale(scale)
        item_terms = uncertainty.item_terms(by_item, *sides, settings)
        return uncertainty.deviations(rated, known, [item_terms], settings)

    cells = Cells.from_params(params.item_regression, scale)
    regressed = RegressionScores.of_ratings(models.regression, known, cells)
    ranked = {
        name: rankers.ranking(name, watched, rated, params, lambda: regressed, deviations)
        for name in rankers.RANKINGS
    }
    others: dict[str, Ranked] = {
        "popularity": baselines.popularity(known, by_item),
        "damped_biases": baselines.damped_biases(known, by_item, params.evaluate.baseline_damping),
        "item_knn": item_knn.scorer(known, *neighbours),
    }
    with suppress(ImportError):
        others["implicit's ALS, tuned"] = peer(train, validation, n_items, params)
    n, floor = params.evaluate.top_n, params.recommend.min_ratings
    most, seed = params.evaluate.ranking_users, params.seed
    evaluator = RankingEvaluator.from_ratings(known, test, n_items, most, seed, "evaluate/users")
    lists = {name: evaluator.lists(by, n, floor) for name, by in ranked.items()}
    lists |= {name: evaluator.lists(by, n) for name, by in others.items()}
    found, _ = ranking_protocol.compare_rankings(
        evaluator, lists, watched.item_factors, n, params.relevant_rating
    )
    return found["ranking"]


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
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    params = load_params()
    manifests.read_manifest(paths.INDEX, params.dataset)
    ratings, n_users, n_items = ours.read_index()
    results: dict[str, list[dict[str, float]]] = {}
    for seed in args.seeds:
        seeded = params.model_copy(update={"seed": seed})
        train, validation, test, *_ = splitting.split(ratings, n_users, params.split, seed)
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
    table = "\n".join(lines_of(report))
    write_report(args.out / f"rankings-{params.dataset}", report, table)


if __name__ == "__main__":
    main()
