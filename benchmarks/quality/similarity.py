"""Compare weights of genres in the similarity of movies, on validation ratings.

    python -m benchmarks.quality.similarity                the data set that was last run; minutes

For movies that a user liked in training, lists of similar movies are judged by the movies that the
user liked in validation, and by shared genres. Half of the users, and of the ratings, are judged
too. Test ratings are not read.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ours
from benchmarks.harness import RESULTS, machine, write_report
from benchmarks.quality.prior_sensitivity import dense, parts_of
from movierec.core import manifests, paths
from movierec.core.params import Params, load_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.model.biased_mf import Model
from movierec.model.top_n_lists import unit_rows
from movierec.prepare import split as splitting
from movierec.recommending import selection
from movierec.recommending.selection import genre_vectors

WEIGHTS = (0.0, 0.2, 0.3, 0.35, 0.4, 0.5, 0.7)
QUERIES = 8  # liked movies of a user whose lists are judged
MIN_MOVIES = 10  # that a genre needs
KEYS = ("ndcg", "discounted", "same_genre")
DISCOUNTS = 1 / np.log2(np.arange(2, 12))  # of lists of 10


@dataclass(frozen=True)
class Judge:
    """What lists are judged by.

    queries: for each user, liked movies, all their movies in training, and those that they liked in
    validation. counts (n_items,): training ratings. eligible: movies that lists may contain.
    genres (n_items, n_genres) bool.
    """

    queries: list[tuple[Array, Array, Array]]
    counts: Array
    eligible: Array
    genres: Array

    @classmethod
    def from_ratings(
        cls, train: Csr, validation: Ratings, genres: Array, params: Params
    ) -> "Judge":
        counts = train.transpose(len(genres)).counts
        eligible, rng = counts >= params.recommend.min_ratings, np.random.default_rng(0)
        is_relevant = (validation.rating >= params.relevant_rating) & eligible[
            validation.item_index
        ]
        relevant = validation.take(is_relevant).by_user(train.n_rows)
        queries = []
        for user in np.flatnonzero(relevant.counts):
            own, liked = train.rows(slice(user, user + 1)), relevant.rows(slice(user, user + 1))
            asked = rng.permutation(own.indices[own.values >= params.relevant_rating])[:QUERIES]
            if len(asked):
                queries.append((asked, own.indices, liked.indices))
        return cls(queries, counts, eligible, genres)

    def quality(self, similarity: Array) -> dict[str, float]:
        """Of the lists by this similarity (n_items, n_items).

        ndcg: of the held-out movies, as a mean over users. discounted: the same as a share of what
        is to be found, where a movie counts 1 / its ratings: the popular ones are found by any list
        of popular movies. same_genre: share of a list that shares a movie's genre, as a mean over
        genres.
        """
        similarity = np.where(self.eligible, similarity, -np.inf)
        np.fill_diagonal(similarity, -np.inf)
        ndcg, found, possible = [], 0.0, 0.0
        for asked, seen, liked in self.queries:
            scores = similarity[asked]
            scores[:, seen] = -np.inf
            lists = best(scores)
            gains = np.isin(lists, liked) * DISCOUNTS
            ndcg.append(gains.sum(axis=1).mean() / DISCOUNTS[: len(liked)].sum())
            found += (gains / self.counts[lists]).sum()
            possible += len(asked) * (1 / self.counts[liked]).sum()
        movies = np.flatnonzero(self.eligible)
        listed = self.genres[best(similarity[movies])]
        of_movies = self.genres[movies]
        shares = [
            listed[of_movies[:, genre], :, genre].mean()
            for genre in np.flatnonzero(of_movies.sum(axis=0) >= MIN_MOVIES)
        ]
        values = (float(np.mean(ndcg)), found / possible, float(np.mean(shares or [np.nan])))
        return dict(zip(KEYS, values, strict=True))


def best(scores: Array) -> Array:
    """The items of the 10 highest scores of each row, best first."""
    lists = np.argpartition(-scores, 10, axis=1)[:, :10]
    order = np.argsort(-np.take_along_axis(scores, lists, axis=1), axis=1, kind="stable")
    return np.take_along_axis(lists, order, axis=1)


def judged(
    ratings: Ratings, names: Array, params: Params
) -> Iterator[tuple[str, dict[str, float]]]:
    """The quality of similarity by each weight, and of lists by popularity."""
    items = np.unique(ratings.item_index)
    ratings, n_users, n_items = dense(ratings)
    train, validation, *_ = splitting.split(ratings, n_users, params.split, params.seed)
    by_user, of_genres = train.by_user(n_users), genre_vectors(names[items], 1)
    rated, watched = fit(by_user, n_items, params)
    judge = Judge.from_ratings(by_user, validation, of_genres > 0, params)
    sides = watched.item_factors, rated.item_factors, params.recommend.rating_weight
    for weight in WEIGHTS:
        unit, _ = unit_rows(selection.vectors(*sides, weight * of_genres))
        yield f"{weight:g}", judge.quality(unit @ unit.T)
    yield "popularity", judge.quality(np.tile(judge.counts.astype(np.float32), (n_items, 1)))


def fit(train: Csr, n_items: int, params: Params) -> tuple[Model, Model]:
    """The rating model and the implicit model, trained for as many epochs as the committed ones."""
    rated = params.train.model_copy(update={"model": "mf", "max_epochs": 15})
    watched = params.implicit.model_copy(update={"max_epochs": 9})
    options = params.seed, params.data.scale
    return (
        ours.fit_ratings(train, n_items, rated, *options).model,
        ours.fit_implicit(train, n_items, watched, *options).model,
    )


def lines_of(report: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{report['dataset']}, {len(report['seeds'])} draws of the split; mean ± standard error of"
        " the difference to weight 0."
    )
    for part, by_weight in report["results"].items():
        yield f"\n{part}:\n\n| genre_weight | NDCG@10 | discounted by popularity | same genre |"
        yield "|---|---|---|---|"
        base = {key: np.array([entry[key] for entry in by_weight["0"]]) for key in KEYS}
        for name, entries in by_weight.items():
            cells = []
            for key in KEYS:
                values = np.array([entry[key] for entry in entries])
                error = (values - base[key]).std(ddof=1) / len(values) ** 0.5
                cells.append(f"{values.mean():.4f} ± {error:.4f}")
            yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="*", type=int, default=[20, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    params = load_params()
    manifests.read_manifest(paths.INDEX, params.dataset)
    ratings, names = ours.read_index()[0], parquet_tables.read_items()["genres"].to_numpy()
    results: dict[str, dict[str, list[dict[str, float]]]] = {}
    for seed in args.seeds:
        seeded = params.model_copy(update={"seed": seed})
        for part, some in parts_of(ratings, seed):
            if part.startswith("1/4"):
                continue
            for name, quality in judged(some, names, seeded):
                results.setdefault(part, {}).setdefault(name, []).append(quality)
            print(f"seed {seed}", part, flush=True)
    report = {"machine": machine(), "dataset": params.dataset, "seeds": args.seeds}
    report["results"] = results
    write_report(args.out / f"similarity-{params.dataset}", report, "\n".join(lines_of(report)))


if __name__ == "__main__":
    main()
