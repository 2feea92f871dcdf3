"""Compare the committed precisions with the best of a coarse grid, on data of other sizes.

    python -m benchmarks.quality.prior_sensitivity              the data set that was last run
    python -m benchmarks.quality.prior_sensitivity --generated 1_000_000

For each seed, halves and quarters of the users, and of the ratings, are sampled and split. The
validation RMSE is compared, as a mean over seeds; test ratings are not read.
"""

import argparse
import itertools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ours
from benchmarks.generate import generate
from benchmarks.harness import RESULTS, machine, write_report
from movierec.core import manifests, paths
from movierec.core.params import Params, load_params
from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Ratings
from movierec.model.biased_mf import Model
from movierec.prepare import split as splitting
from movierec.training.als import RatingState

GRID = {
    "n_factors": (4, 8, 16),
    "factor_precision": (1.25, 2.5, 5.0, 10.0, 20.0),
    "factor_precision_per_rating": (0.0, 0.025, 0.05, 0.1),
}
BIAS_PRECISIONS = (1.0, 4.0, 16.0)  # tried at the best of the grid
RIVAL = (8, 5.0, 0.05, 4.0)  # found earlier by a search on ml-100k only
NAMES = (*GRID, "bias_precision")
Setting = tuple[float, ...]


def parts_of(ratings: Ratings, seed: int) -> Iterator[tuple[str, Ratings]]:
    """All ratings; those of a share of the users; and a share of the ratings."""
    yield "all", ratings
    rng = np.random.default_rng(seed)
    n_users = 1 + int(ratings.user_index.max())
    of_user, of_rating = rng.random(n_users), rng.random(len(ratings))
    for share in (2, 4):
        yield f"1/{share} of users", ratings.take(of_user[ratings.user_index] < 1 / share)
        yield f"1/{share} of ratings", ratings.take(of_rating < 1 / share)


def dense(ratings: Ratings) -> tuple[Ratings, int, int]:
    """The ratings with dense indices, and the numbers of users and items."""
    users, user_index = np.unique(ratings.user_index, return_inverse=True)
    items, item_index = np.unique(ratings.item_index, return_inverse=True)
    index = user_index.astype(np.int32), item_index.astype(np.int32)
    return Ratings(*index, ratings.rating, ratings.timestamp), len(users), len(items)


class Search:
    """The validation RMSE of settings, on ratings split by one seed."""

    def __init__(self, ratings: Ratings, params: Params, seed: int) -> None:
        self.scale = Scale(float(ratings.rating.min()), float(ratings.rating.max()))
        ratings, n_users, n_items = dense(ratings)
        train, self.validation, *_ = splitting.split(ratings, n_users, params.split, seed)
        self.by_user, self.n_items = train.by_user(n_users), n_items
        self.params = params.model_copy(update={"seed": seed})

    def fit(self, **changes: float) -> RatingState[Model]:
        train, seed = self.params.train.model_copy(update=changes), self.params.seed
        return ours.fit_ratings(
            self.by_user, self.n_items, train, seed, self.scale, validation=self.validation
        )

    def rmse(self, setting: Setting) -> float:
        errors = self.fit(**dict(zip(NAMES, setting, strict=True))).validation
        assert errors
        return errors.rmse


def make_searches(
    generated: int | None, params: Params, seeds: list[int]
) -> tuple[str, dict[str, list[Search]]]:
    """The name of the data, and the searches on each part of them, one for each seed."""
    searches: dict[str, list[Search]] = {}
    if generated:
        data = generate(generated)
        ratings = Ratings(data.user_index, data.item_index, data.rating, data.timestamp)
        return f"generated-{generated}", {
            "generated": [Search(ratings, params, seed) for seed in seeds]
        }
    manifests.read_manifest(paths.INDEX, params.dataset)
    ratings = ours.read_index()[0]
    for seed in seeds:
        for part, some in parts_of(ratings, seed):
            searches.setdefault(part, []).append(Search(some, params, seed))
    return params.dataset, searches


def regret(searches: list[Search], committed: Setting) -> dict[str, Any]:
    """The best setting by the mean over searches, and by how much others are worse."""
    rmses: dict[Setting, list[float]] = {}

    def best_of(settings: Iterable[Setting]) -> Setting:
        for setting in settings:
            if setting not in rmses:
                rmses[setting] = [search.rmse(setting) for search in searches]
        return min(rmses, key=lambda setting: np.mean(rmses[setting]))

    best = best_of((*values, committed[-1]) for values in itertools.product(*GRID.values()))
    best = best_of([committed, *((*best[:-1], value) for value in BIAS_PRECISIONS)])
    return {
        "n_ratings": int(np.mean([len(search.by_user.values) for search in searches])),
        "best": best,
        "committed": committed,
        "rmses": [[setting, values] for setting, values in rmses.items()],
    }


def table(report: dict[str, Any]) -> str:
    lines = [
        "| data | ratings in train | best n_factors | τ | τₙ | γ | its RMSE"
        " | committed loses | τ 5, τₙ 0.05 loses |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, entry in report["results"].items():
        rmses = {tuple(setting): np.array(values) for setting, values in entry["rmses"]}
        best = rmses[tuple(entry["best"])]
        losses = [rmses[tuple(other)] - best for other in (entry["committed"], RIVAL)]
        cells = [name, f"{entry['n_ratings']:,}", *(f"{value:g}" for value in entry["best"])]
        cells += [f"{best.mean():.4f}", *map(spread, losses)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: np.ndarray) -> str:
    more = f" ± {values.std(ddof=1):.4f}" if len(values) > 1 else ""
    return f"{values.mean():.4f}{more}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generated", type=int, help="this many generated ratings instead")
    parser.add_argument("--seeds", nargs="*", type=int, default=[20, 1, 2])
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    params = load_params()
    committed = tuple(getattr(params.train, name) for name in NAMES)
    name, searches = make_searches(args.generated, params, args.seeds)
    report: dict[str, Any] = {"machine": machine(), "seeds": args.seeds, "results": {}}
    for part, of_part in searches.items():
        report["results"][part] = regret(of_part, committed)
        print(table(report), file=sys.stderr, flush=True)
    write_report(args.out / f"precisions-{name}", report, table(report))


if __name__ == "__main__":
    main()
