"""Recommend: the best unseen movies for every user, a block of users at a time."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from movierec.core import atomic, manifests, paths, reporting, stage
from movierec.core.params import Params, load_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array
from movierec.engine import factory
from movierec.model import model_file
from movierec.recommending import batch, export
from movierec.recommending.batch import Ranker
from movierec.recommending.export import UserLists
from movierec.recommending.rating_blocks import StoredRatings


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.INDEX, params.dataset)
    model, watched = model_file.read_models(manifest)
    names = ("users.parquet", "items.parquet", "ratings_by_user.parquet")
    manifests.check_files(paths.INDEX, manifest, "index", *names)
    users, items = parquet_tables.read_users(), parquet_tables.read_items()
    n_ratings = items["n_ratings"].to_numpy()
    tally = Tally(n_ratings)
    made_of = {**model.manifest, **watched.manifest}
    refit = model.manifest["train"]["result"]["refit"]
    ranker = Ranker(params, StoredRatings.train("user", refit), model_file.trained_with(model))
    with (
        factory.opened(params.engine) as workers,
        workers.scratch("recommend") as scratch,
        atomic.atomic_file(paths.RECOMMENDATIONS) as path,
    ):
        if params.recommend.ranking == "lower_bound":
            manifests.check_files(
                paths.SPLIT, model.manifest, "split", *parquet_tables.TRAINING_FILES
            )
            ranker = batch.with_parts(workers, ranker, StoredRatings.train("item", refit), scratch)
        eligible = n_ratings >= params.recommend.min_ratings
        blocks = tally.watch(batch.exported(workers, ranker, StoredRatings.seen(), eligible))
        write = partial(export.write_recommendations, path, users, items)
        write(blocks, partial(chain, params, made_of))
    metrics = {"n_users": len(users), **tally.metrics()}
    reporting.write_metrics("metrics/recommend.json", metrics)
    return {
        "ranked by": params.recommend.ranking,
        "lists": f"{metrics['n_recommendations']:,} recommendations for {len(users):,} users",
        "coverage": f"{100 * metrics['coverage']:.1f} % of {len(items):,} movies",
    }


class Tally:
    """Counts what passes by, for the metrics."""

    def __init__(self, n_ratings: Array) -> None:
        self.n_ratings, self.predicted = n_ratings, 0.0
        self.listed = np.zeros(len(n_ratings), np.int64)  # how often each movie is

    def watch(self, blocks: Iterator[UserLists]) -> Iterator[UserLists]:
        for block in blocks:
            _, lists, _, predicted = block
            self.listed += np.bincount(lists[lists >= 0], minlength=len(self.listed))
            self.predicted += float(predicted[lists >= 0].sum(dtype=np.float64))
            yield block

    def metrics(self) -> dict[str, Any]:
        n = int(self.listed.sum())
        return {
            "n_recommendations": n,
            "coverage": np.count_nonzero(self.listed) / len(self.listed),
            "mean_predicted_rating": self.predicted / n if n else None,
            "median_n_ratings": self.median() if n else None,
        }

    def median(self) -> float:
        """Of the listed movies' numbers of ratings, each as often as it is listed."""
        order = np.argsort(self.n_ratings, kind="stable")
        up_to = np.cumsum(self.listed[order])
        middle = (up_to[-1] - 1) // 2, up_to[-1] // 2
        return float(self.n_ratings[order][np.searchsorted(up_to, middle, "right")].mean())


def chain(params: Params, manifest: manifests.Manifest, data_hash: str) -> manifests.Manifest:
    """The manifest of the export."""
    entry = manifests.make_record(params.model_dump(include={"recommend"}), {"data": data_hash})
    return {**manifest, "recommend": entry}


if __name__ == "__main__":
    stage.run("recommend", main)
