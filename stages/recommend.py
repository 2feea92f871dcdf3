"""Recommend: the best unseen movies for every user, a block of users at a time."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from movierec import artifacts, engines, exports, model_file, outputs, reports, stage, user_lists
from movierec.blocks import Rated
from movierec.exports import Block
from movierec.params import Params, load_params
from movierec.sparse import Array
from movierec.user_lists import Ranker


def main() -> stage.Facts:
    params = load_params()
    manifest = outputs.read_manifest(outputs.INDEX, params.dataset)
    model, watched = model_file.read_models(manifest)
    names = ("users.parquet", "items.parquet", "ratings_by_user.parquet")
    outputs.check_files(outputs.INDEX, manifest, "index", *names)
    users, items = artifacts.read_users(), artifacts.read_items()
    n_ratings = items["n_ratings"].to_numpy()
    tally = Tally(n_ratings)
    made_of = {**model.manifest, **watched.manifest}
    refit = model.manifest["train"]["result"]["refit"]
    ranker = Ranker(params, Rated.train("user", refit), model_file.trained_with(model))
    with (
        engines.opened(params.engine) as workers,
        workers.scratch("recommend") as scratch,
        outputs.output_file(outputs.EXPORT) as path,
    ):
        if params.recommend.ranking == "lower_bound":
            outputs.check_files(outputs.SPLIT, model.manifest, "split", *artifacts.TRAINED_ON)
            ranker = user_lists.with_parts(workers, ranker, Rated.train("item", refit), scratch)
        eligible = n_ratings >= params.recommend.min_ratings
        blocks = tally.watch(user_lists.exported(workers, ranker, Rated.seen(), eligible))
        write = partial(exports.write_recommendations, path, users, items)
        write(blocks, partial(chain, params, made_of))
    metrics = {"n_users": len(users), **tally.metrics()}
    reports.write_metrics("metrics/recommend.json", metrics)
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

    def watch(self, blocks: Iterator[Block]) -> Iterator[Block]:
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


def chain(params: Params, manifest: outputs.Manifest, data_hash: str) -> outputs.Manifest:
    """The manifest of the export."""
    entry = outputs.entry(params.model_dump(include={"recommend"}), {"data": data_hash})
    return {**manifest, "recommend": entry}


if __name__ == "__main__":
    stage.run("recommend", main)
