"""Compare ways to combine the scores of several people, on random groups of users.

    python -m benchmarks.quality.groups                 the data set that was last run; minutes

For each draw of the split, the models are trained on train, and users are scored as for
`movierec recommend --user-id`. A group's list has movies that nobody
in it has rated in train, and is judged by the NDCG of each member on their own validation ratings:
the mean over members, and the lowest. Test is not used. docs/benchmarks.md has the table.
"""

import argparse
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import ours
from benchmarks.harness import RESULTS, machine, write_report
from benchmarks.quality.new_users import fit
from movierec.core import manifests, paths, random_streams
from movierec.core.params import Params, load_params
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.metrics import measures
from movierec.prepare import split as splitting
from movierec.recommending.selection import best
from movierec.serving import user_scores
from movierec.serving.groups import COMBINE
from movierec.serving.score_scale import ScoreScale
from movierec.serving.user_scores import TrainedWith

SEEDS, SIZES, N_GROUPS = (20, 1, 2, 3, 4), (2, 3), 1000


def draw_groups(
    size: int, relevant: Csr, train: Csr, n_items: int, seed: int
) -> Iterator[tuple[Array, Array]]:
    """Groups of random users (size,), each of whom has a relevant movie that nobody of them has
    rated in train; and those that nobody has (n_items,) bool."""
    draw = random_streams.stream(seed, f"groups/{size}")
    users = np.flatnonzero(relevant.counts)
    n_drawn = 0
    while n_drawn < N_GROUPS:
        group = draw.choice(users, size, replace=False)
        others = np.ones(n_items, bool)
        others[train.take(group).indices] = False
        if all(others[_items(relevant, user)].any() for user in group):
            n_drawn += 1
            yield group, others


def _items(rows: Csr, user: int) -> Array:
    return rows.indices[rows.indptr[user] : rows.indptr[user + 1]]


def lists(scores: Array, others: Array, listed: Array, n: int) -> dict[str, Array]:
    """The group's list by each way to combine scores (size, n_items)."""
    scaled = np.array([ScoreScale.from_scores(row, others).of(row) for row in scores])
    ways = {"first person's": scores[0]}
    for name, combine in COMBINE.items():
        ways[f"{name} of raw scores"] = combine(scores)
        ways[f"{name} of 0 to 100"] = combine(scaled)
    return {name: best(score, others & listed, n) for name, score in ways.items()}


def measure(
    train: Csr, validation: Ratings, n_items: int, params: Params
) -> dict[str, dict[str, float]]:
    """By way and size of groups: the NDCG, mean over groups of the mean and of the minimum."""
    n, floor = params.evaluate.top_n, params.recommend.min_ratings
    models = fit(train, n_items, params)
    trained_with = TrainedWith(
        params.train.on_scale(params.data.scale), params.implicit, params.item_regression
    )

    @cache
    def scores_of(user: int) -> Array:
        items = _items(train, user), train.values[train.indptr[user] : train.indptr[user + 1]]
        return user_scores.score_items(models, *items, params, trained_with).scores

    listed = train.transpose(n_items).counts >= floor
    wanted = validation.take(validation.rating >= params.relevant_rating)
    relevant = wanted.by_user(train.n_rows)
    found: dict[str, dict[str, float]] = {}
    for size in SIZES:
        gains: dict[str, list[Array]] = {}
        for group, others in draw_groups(size, relevant, train, n_items, params.seed):
            scores = np.array([scores_of(int(user)) for user in group])
            liked = [items[others[items]] for items in (_items(relevant, user) for user in group)]
            rows = np.repeat(np.arange(size, dtype=np.int32), [len(items) for items in liked])
            ones, zeros = np.ones(len(rows), np.float32), np.zeros(len(rows), np.int64)
            held_out = Ratings(rows, np.concatenate(liked), ones, zeros)
            for name, items in lists(scores, others, listed, n).items():
                given = measures.given_ratings(np.tile(items.astype(np.int32), (size, 1)), held_out)
                gains.setdefault(name, []).append(measures.per_user_metrics(given, held_out, 1)[0])
        for name, of_groups in gains.items():
            ndcg = np.array(of_groups)
            entry = found.setdefault(name, {})
            entry[f"{size} people, mean"] = float(ndcg.mean())
            entry[f"{size} people, lowest"] = float(ndcg.min(axis=1).mean())
    return found


def lines_of(report: dict[str, dict[str, list[dict[str, float]]]]) -> Iterator[str]:
    results = report["results"]
    keys = list(next(iter(results.values()))[0])
    yield (
        f"{report['dataset']}, NDCG on validation: {N_GROUPS:,} groups for each of"
        f" {len(report['seeds'])} draws of the split; mean ± standard deviation over the draws."
    )
    yield ""
    yield f"| list by | {' | '.join(keys)} |"
    yield "|---" * (len(keys) + 1) + "|"
    for name, entries in results.items():
        values = np.array([[entry[key] for key in keys] for entry in entries])
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(len(keys))
        cells = [f"{m:.4f} ± {sd:.4f}" for m, sd in zip(values.mean(axis=0), spread, strict=True)]
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    params = load_params()
    manifests.read_manifest(paths.INDEX, params.dataset)
    ratings, n_users, n_items = ours.read_index()
    results: dict[str, list[dict[str, float]]] = {}
    for seed in args.seeds:
        seeded = params.model_copy(update={"seed": seed})
        train, validation, *_ = splitting.split(ratings, n_users, params.split, seed)
        for name, entry in measure(train.by_user(n_users), validation, n_items, seeded).items():
            results.setdefault(name, []).append(entry)
        print(f"seed {seed} measured", flush=True)
    report = {"machine": machine(), "dataset": params.dataset, "seeds": args.seeds}
    report["results"] = results
    write_report(args.out / f"groups-{params.dataset}", report, "\n".join(lines_of(report)))


if __name__ == "__main__":
    main()
